"""Figures of any number of answers a photo, over the (photo, value) cells of which it is known whether they
hold.

truth, said, known (N, V) bool, scores (N, V) throughout. Average precision ranks photos for a value, top-k
recall ranks values for a photo.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def multilabel_counts(truth: Bools, said: Bools, known: Bools, *, axis: int = 0) -> tuple[Ints, Ints, Ints]:
    """(right, true, said) counts of known cells: of each value (axis 0) or of each photo (axis 1)."""
    truth, said = truth & known, said & known
    return (truth & said).sum(axis), truth.sum(axis), said.sum(axis)


def multilabel_f1(truth: Bools, said: Bools, known: Bools) -> tuple[float, float]:
    """(micro, macro) F1: cells pooled; mean over the values that have a true photo. nan where none has."""
    right, true, claimed = multilabel_counts(truth, said, known)
    present = true > 0
    if not present.any():
        return float("nan"), float("nan")
    each = 2 * right[present] / (true + claimed)[present]
    return float(2 * right.sum() / (true.sum() + claimed.sum())), float(each.mean())


def hamming_loss(truth: Bools, said: Bools, known: Bools) -> float:
    """Share of known cells that are wrong (Schapire and Singer 1999)."""
    return float((truth ^ said)[known].mean()) if known.any() else float("nan")


def average_precisions(scores: Floats, truth: Bools, known: Bools) -> Doubles:
    """(V,) average precision of each value, nan where it has no true photo; their mean is the mean average
    precision.

    AP = sum over thresholds of (recall gained) * precision there, without interpolation, photos of equal score
    falling together (scikit-learn's average_precision_score).
    """
    columns = range(scores.shape[1])
    found = [_average_precision(scores[known[:, v], v], truth[known[:, v], v]) for v in columns]
    return np.array(found, dtype=np.float64)


def within_top(scores: Floats, known: Bools, k: int) -> Bools:
    """(N, V) whether a value is among the photo's k highest scored; what is not known of a photo is not ranked
    for it."""
    ranked, k = np.where(known, scores, -np.inf), min(k, scores.shape[1])
    within = np.zeros(scores.shape, np.bool_)
    if k:
        np.put_along_axis(within, np.argpartition(-ranked, k - 1, axis=1)[:, :k], True, axis=1)
    return within & known


def top_k_recall(within: Bools, truth: Bools, known: Bools, *, counted: slice = slice(None)) -> float:
    """DeepFashion's top-k recall (Liu et al. 2016, after Gong et al. 2013), given `within_top(…, k)`.

    A photo's values are ranked by score, all V of them together; of the true ones those among its first k are
    matched. Recall = matched / true, both summed over photos (Gong's overall recall). `counted`: only these
    columns are counted, in the same ranking: the recall of one attribute type. nan where nothing is true.

    Others differ: the mean over values of each value's recall (Gong's per-class recall) is another figure, and
    a mean over only the best values (mmfashion's over 50) is no recall of all.
    """
    true = (truth & known)[:, counted]
    total = int(true.sum())
    return float((within[:, counted] & true).sum() / total) if total else float("nan")


def label_ranking_precisions(scores: Floats, truth: Bools, known: Bools) -> Doubles:
    """(N,) of each photo: at the rank of each true value, the share of true ones up to there, averaged
    (label ranking average precision, Schapire and Singer 2000). nan where a photo has no true value."""
    true = truth & known
    order = np.argsort(-np.where(known, scores, -np.inf), axis=1, kind="stable")
    ranked = np.take_along_axis(true, order, axis=1)
    precision = np.cumsum(ranked, axis=1) / np.arange(1, scores.shape[1] + 1)
    count = true.sum(1)
    return np.where(count > 0, (precision * ranked).sum(1) / np.maximum(count, 1), np.nan)


def _average_precision(scores: Floats, truth: Bools) -> float:
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # last photo of each score
    matched = np.cumsum(truth[order])[ends]
    gained = np.diff(matched, prepend=0) / matched[-1]
    return float((gained * matched / (ends + 1)).sum())
