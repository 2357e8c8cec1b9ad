"""Metrics as pure functions of arrays, each by a named and cited protocol. What is not labelled is not
counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def top_k_accuracy(scores: Floats, allowed: Bools, k: int) -> float:
    """Share of labelled photos with an allowed category among the k highest scores (ImageNet's top-k,
    hit-in-top-k).

    scores (N, C); allowed (N, C): as in `trainer.losses.partial_loss`. nan where nothing is labelled.
    """
    labelled = allowed.any(1)
    best = np.argsort(-scores[labelled], axis=1, kind="stable")[:, :k]
    hits = np.take_along_axis(allowed[labelled], best, axis=1).any(axis=1)
    return float(np.mean(hits)) if labelled.any() else float("nan")


def f1_scores(truth: Ints, predicted: Ints, classes: int) -> tuple[Floats, Ints]:
    """F1 = 2TP / (2TP + FP + FN) of each class (0 where it is never predicted right), and its number of true
    photos.

    truth, predicted (N,): class numbers; truth -1 is left out.
    """
    known = truth >= 0
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth[known], predicted[known]), 1)
    right, true, said = table.diagonal(), table.sum(1), table.sum(0)
    return (2 * right / np.maximum(true + said, 1)).astype(np.float32), true


def macro_f1(truth: Ints, predicted: Ints, classes: int) -> float:
    """Unweighted mean of F1 over the classes that have a true photo (scikit-learn's macro over the present
    classes)."""
    scores, true = f1_scores(truth, predicted, classes)
    return float(scores[true > 0].mean()) if (true > 0).any() else float("nan")


def micro_f1(truth: Ints, predicted: Ints) -> float:
    """With one answer a photo, precision, recall and F1 pooled over classes are all the accuracy."""
    known = truth >= 0
    return float((truth[known] == predicted[known]).mean()) if known.any() else float("nan")


def multilabel_f1(truth: Bools, said: Bools) -> tuple[float, float]:
    """(micro, macro) F1 of a free group over labelled photos. truth, said (N, V); macro over values with a
    true photo."""
    right, true, claimed = (truth & said).sum(0), truth.sum(0), said.sum(0)
    micro = float(2 * right.sum() / max(1, true.sum() + claimed.sum()))
    present = true > 0
    each = 2 * right[present] / (true + claimed)[present]
    return micro, float(each.mean()) if present.any() else float("nan")


def retrieval(
    embedding: Floats, products: Ints, *, queries: Bools | None = None, ks: tuple[int, ...] = (1, 5, 10)
) -> dict[str, float]:
    """Recall@k and mAP@R, leave-one-out: every query photo against all others, by cosine.

    Recall@k (Jégou et al. 2011; Oh Song et al. 2016): share of queries with a photo of the same product among
    the k nearest. mAP@R (Musgrave et al. 2020): precision at each rank i ≤ R where a mate stands, summed,
    over R = its number of mates. embedding (N, D) of length one; products (N,), -1: never a mate, but part of
    the gallery; queries (N,): who asks (default: all); only those with a mate count. `queries` in the answer
    is how many did.
    """
    asks = _with_mates(products) & (np.ones(len(products), bool) if queries is None else queries)
    hits: dict[int, list[bool]] = {k: [] for k in ks}
    precisions: list[float] = []
    for index in np.flatnonzero(asks):
        mates = _ranked_mates(embedding, products, int(index))
        for k in ks:
            hits[k].append(bool(mates[:k].any()))
        precisions.append(_map_at_r(mates))
    answer = {f"recall@{k}": _mean(found) for k, found in hits.items()}
    return {**answer, "map@r": _mean(precisions), "queries": float(asks.sum())}


def expected_calibration_error(confidence: Floats, right: Bools, *, bins: int = 15) -> float:
    """ECE (Naeini et al. 2015; Guo et al. 2017): |accuracy - confidence| over equal-width bins, weighted
    by their size."""
    if not len(confidence):
        return float("nan")
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(right[place == b].mean()) - float(confidence[place == b].mean())) * float((place == b).mean())
        for b in np.unique(place)
    ]
    return float(sum(gaps))


def wilson_interval(share: float, n: int, *, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share of n (Wilson 1927)."""
    if n == 0:
        return float("nan"), float("nan")
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return centre - half, centre + half


def _with_mates(products: Ints) -> Bools:
    names, place, counts = np.unique(products, return_inverse=True, return_counts=True)
    mates: Bools = (counts[place] > 1) & (names[place] >= 0)
    return mates


def _ranked_mates(embedding: Floats, products: Ints, index: int) -> Bools:
    similarity = embedding @ embedding[index]
    similarity[index] = -np.inf
    order = np.argsort(-similarity, kind="stable")[:-1]
    mates: Bools = products[order] == products[index]
    return mates


def _map_at_r(mates: Bools) -> float:
    total = int(mates.sum())
    first = mates[:total]
    precision = np.cumsum(first) / np.arange(1, total + 1)
    return float((precision * first).sum() / total)


def _mean(values: list[bool] | list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
