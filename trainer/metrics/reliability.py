"""How far a probability may be believed, and how far a share of few photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

BINS = 15


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Answers whose confidence lies in [low, high): how many, their mean confidence, and the share that is
    right."""

    low: float
    high: float
    n: int
    confidence: float
    right: float


def reliability_table(confidence: Floats, right: Bools, *, bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of a reliability diagram that hold a photo (equal width, the last one closed; Guo et al. 2017).

    confidence (N,) in [0, 1], right (N,).
    """
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return tuple(
        Bin(
            low=int(b) / bins,
            high=(int(b) + 1) / bins,
            n=int((place == b).sum()),
            confidence=float(confidence[place == b].mean()),
            right=float(right[place == b].mean()),
        )
        for b in np.unique(place)
    )


def expected_calibration_error(confidence: Floats, right: Bools, *, bins: int = BINS) -> float:
    """ECE (Naeini et al. 2015; Guo et al. 2017): |accuracy - confidence| over equal-width bins, weighted
    by their size."""
    table = reliability_table(confidence, right, bins=bins)
    gaps = [abs(each.right - each.confidence) * each.n for each in table]
    return float(sum(gaps) / len(confidence)) if table else float("nan")


def wilson_interval(share: float, n: int, *, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share of n (Wilson 1927)."""
    if n == 0:
        return float("nan"), float("nan")
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return centre - half, centre + half
