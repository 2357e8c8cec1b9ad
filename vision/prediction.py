"""What one model version says of one photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """Category, attributes and embedding of one photo. Scores are calibrated probabilities in [0, 1].

    categories: at most five, most probable first; empty where the model has no category head.
    abstained: the first category is less probable than the model's threshold; it is still given.
    attributes: `group:value`, best first; only groups that apply to the first category and are sure enough.
    embedding: (D,) float32 of length one.
    """

    categories: tuple[str, ...]
    category_scores: tuple[float, ...]
    abstained: bool
    attributes: tuple[str, ...]
    attribute_scores: tuple[float, ...]
    embedding: NDArray[np.float32]
