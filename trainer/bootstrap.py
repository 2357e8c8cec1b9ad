"""How far a figure measured on these photos may be off: bootstrap intervals, and whether two models differ by
more than chance.

Knows nothing of what was measured. What is resampled are photos or, where several stand or fall together (the
photos of one product as queries), whole clusters of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1000
CONFIDENCE = 0.95
BLOCK_CELLS = 1 << 22

Doubles = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and the ends of its 95 % interval; n: how many photos it is of. nan where there are none."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much higher the first model's mean is, its 95 % interval, and p: how easily chance would have made
    such a difference."""

    value: float
    low: float
    high: float
    p: float
    n: int


def bootstrap_mean(
    scores: ArrayLike, *, clusters: NDArray[np.int64] | None = None, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """The mean of per-photo scores (N,), nan left out, with its percentile interval (Efron 1979).

    clusters (N,): numbers of what is drawn as a whole (Field and Welsh 2007); each photo for itself otherwise.
    """
    values = np.asarray(scores, dtype=np.float64)
    ones = np.where(np.isnan(values), np.nan, 1.0)
    return bootstrap_ratio(values, ones, clusters=clusters, resamples=resamples, seed=seed)


def bootstrap_ratio(
    above: ArrayLike,
    below: ArrayLike,
    *,
    clusters: NDArray[np.int64] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """sum(above) / sum(below) over photos, as micro-F1 is, with its percentile interval. above, below (N,)."""
    parts, n = _parts(above, below, clusters)
    if not len(parts) or not parts[:, 1].sum():
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"), n=n)
    low, high = _ends(_resampled(parts, resamples, seed))
    return Interval(value=float(parts[:, 0].sum() / parts[:, 1].sum()), low=low, high=high, n=n)


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: NDArray[np.int64] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """Mean of a - b over photos that both models were scored on, each resample the same photos for both.

    p is two-sided: twice the share of resamples in which the difference is zero or has the other sign (Efron and
    Tibshirani 1993, 16), the one observed counted among them, so that it is never 0 (Davison and Hinkley 1997).
    """
    gap = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    parts, n = _parts(gap, np.where(np.isnan(gap), np.nan, 1.0), clusters)
    if not len(parts):
        nan = float("nan")
        return Difference(value=nan, low=nan, high=nan, p=nan, n=0)
    drawn = _resampled(parts, resamples, seed)
    low, high = _ends(drawn)
    smaller = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p = min(1.0, 2 * (smaller + 1) / (resamples + 1))
    return Difference(value=float(parts[:, 0].sum() / parts[:, 1].sum()), low=low, high=high, p=p, n=n)


def _parts(above: ArrayLike, below: ArrayLike, clusters: NDArray[np.int64] | None) -> tuple[Doubles, int]:
    """(M, 2) sums of what is resampled as a whole, and the number of photos in them."""
    pairs = np.stack([np.asarray(above, np.float64), np.asarray(below, np.float64)], axis=1)
    known = ~np.isnan(pairs).any(1)
    pairs = pairs[known]
    if clusters is None or not len(pairs):
        return pairs, len(pairs)
    _, place = np.unique(clusters[known], return_inverse=True)
    return np.stack([np.bincount(place, weights=column) for column in pairs.T], axis=1), len(pairs)


def _resampled(parts: Doubles, resamples: int, seed: int) -> Doubles:
    """(resamples,) ratios. Equal parts are drawn together, by how many of them there are: the same chances as
    drawing one by one, in a fraction of the time."""
    kinds, counts = np.unique(parts, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    ratios = [
        _ratios(rng.multinomial(len(parts), counts / len(parts), size=some), kinds)
        for some in _blocks(resamples, len(kinds))
    ]
    return np.concatenate(ratios)


def _ratios(drawn: NDArray[np.int64], kinds: Doubles) -> Doubles:
    sums = drawn @ kinds
    return np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] != 0)


def _blocks(resamples: int, kinds: int) -> Iterator[int]:
    step = max(1, BLOCK_CELLS // kinds)
    return (min(step, resamples - start) for start in range(0, resamples, step))


def _ends(drawn: Doubles) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
