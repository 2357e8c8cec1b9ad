"""Figures of one answer a photo: top-k, confusion, precision, recall and F1 of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassTable:
    """What each of C classes is worth, (C,) each: precision, recall, F1 (0 where undefined), and n, its true
    photos."""

    precision: Floats
    recall: Floats
    f1: Floats
    n: Ints


def places(scores: Floats, allowed: Bools) -> Ints:
    """(N,) how many classes stand before a photo's best allowed one; C where it has none.

    scores (N, C); allowed (N, C): as in `trainer.losses.partial_loss`. Of equal scores the earlier class
    stands first.
    """
    classes = scores.shape[1]
    if not classes:
        return np.zeros(len(scores), dtype=np.int64)
    best = np.where(allowed, scores, -np.inf).argmax(1)
    score = np.take_along_axis(scores, best[:, np.newaxis], axis=1)
    earlier = np.arange(classes) < best[:, np.newaxis]
    before = (scores > score) | ((scores == score) & earlier)
    standing: Ints = np.where(allowed.any(1), before.sum(1), classes)
    return standing


def top_k_accuracy(scores: Floats, allowed: Bools, k: int) -> float:
    """Share of labelled photos with an allowed category among the k highest scores (hit in top k, as ImageNet
    counts it: Russakovsky et al. 2015).

    scores, allowed (N, C). nan where nothing is labelled.
    """
    labelled = allowed.any(1)
    hits = places(scores[labelled], allowed[labelled]) < k
    return float(hits.mean()) if labelled.any() else float("nan")


def confusion_matrix(truth: Ints, predicted: Ints, classes: int) -> Ints:
    """(C, C) photos of class [row] that were taken for class [column]. truth, predicted (N,); truth -1 is left
    out."""
    known = truth >= 0
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth[known], predicted[known]), 1)
    return table


def class_table(truth: Ints, predicted: Ints, classes: int) -> ClassTable:
    """Precision, recall and F1 = 2TP / (2TP + FP + FN) of each class, one against the rest."""
    table = confusion_matrix(truth, predicted, classes)
    right, true, said = table.diagonal(), table.sum(1), table.sum(0)
    return ClassTable(
        precision=(right / np.maximum(said, 1)).astype(np.float32),
        recall=(right / np.maximum(true, 1)).astype(np.float32),
        f1=(2 * right / np.maximum(true + said, 1)).astype(np.float32),
        n=true,
    )


def f1_scores(truth: Ints, predicted: Ints, classes: int) -> tuple[Floats, Ints]:
    """F1 of each class (0 where it is never predicted right), and its number of true photos."""
    table = class_table(truth, predicted, classes)
    return table.f1, table.n


def macro_f1(truth: Ints, predicted: Ints, classes: int) -> float:
    """Unweighted mean of F1 over the classes that have a true photo (scikit-learn's macro over the present
    classes)."""
    scores, true = f1_scores(truth, predicted, classes)
    return float(scores[true > 0].mean()) if (true > 0).any() else float("nan")


def micro_f1(truth: Ints, predicted: Ints) -> float:
    """With one answer a photo, precision, recall and F1 pooled over classes are all the accuracy."""
    known = truth >= 0
    return float((truth[known] == predicted[known]).mean()) if known.any() else float("nan")
