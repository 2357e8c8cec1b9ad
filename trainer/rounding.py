"""Whether a quantised graph may stand beside the exact one: both on the same labelled photos, through the engines that
workers use.

Not the gate of `trainer.gate`, which asks whether a loss is more than chance: here the loss itself is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.dataset import Dataset
from trainer.errors import QuantisedWorseError, RecipeError
from trainer.evaluation import photo_scores
from trainer.judge import Advance, Judged, look_at
from vision.artifact import load_artifact

# By how much a figure may fall. Of retrieval a split has a few hundred queries, so that one of them is half a point.
MOST_LOST = {"category/top1": 0.005, "retrieval/recall@1": 0.02}
HAIR = 1e-9  # of float64: a loss that is exactly the most allowed is allowed


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A figure of the exact and of the quantised graph, over the same `n` photos or queries."""

    name: str
    exact: float
    rounded: float
    n: int

    @property
    def allowed(self) -> bool:
        return self.exact - self.rounded <= MOST_LOST[self.name] + HAIR


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """What quantisation costs. same_category: share of photos with the same best category; cosine: mean of the
    embeddings' with the exact ones; nan where the model has no such head."""

    losses: Sequence[Loss]
    same_category: float
    cosine: float
    photos: int

    def figures(self) -> dict[str, float]:
        """By name, for being shown."""
        both = {
            f"{loss.name}/{which}": value
            for loss in self.losses
            for which, value in (("fp32", loss.exact), ("int8", loss.rounded), ("n", loss.n))
        }
        return {**both, "same_category": self.same_category, "cosine": self.cosine, "photos": self.photos}


def rounding(
    model: Path, data: Dataset, *, split: str = "test", advance: Advance = lambda _done, _of: None
) -> Rounding:
    """Both graphs of a model on a split of data that was read for it. advance: photos done of twice their number.

    Raises as `trainer.judge.look_at` does.
    """
    artifact = load_artifact(model)
    exact = look_at(artifact, data, split=split, engine="onnx", advance=lambda done, of: advance(done, 2 * of))
    rounded = look_at(
        artifact, data, split=split, engine="onnx-int8", advance=lambda done, of: advance(of + done, 2 * of)
    )
    one, other = exact.outputs, rounded.outputs
    same = one.category_logits.argmax(1) == other.category_logits.argmax(1) if one.category_logits.shape[1] else None
    return Rounding(
        losses=losses(exact, rounded),
        same_category=float("nan") if same is None else float(same.mean()),
        cosine=float((one.embedding * other.embedding).sum(1).mean()) if one.embedding.shape[1] else float("nan"),
        photos=len(exact.rows),
    )


def losses(exact: Judged, rounded: Judged) -> list[Loss]:
    """The figures of MOST_LOST that both have."""
    before = photo_scores(exact.outputs, exact.data, exact.rows)
    after = photo_scores(rounded.outputs, rounded.data, rounded.rows)
    return [
        Loss(
            name=name,
            exact=float(np.nanmean(before[name])),
            rounded=float(np.nanmean(after[name])),
            n=int((~np.isnan(before[name])).sum()),
        )
        for name in MOST_LOST
        if name in before and name in after
    ]


def require_small(found: Rounding) -> None:
    """Raises QuantisedWorseError where a figure falls too far, RecipeError where nothing was labelled to tell."""
    if not found.losses:
        raise RecipeError("no photo has a category that the model knows, or a mate: there is nothing to judge by.")
    worse = [
        f"{loss.name} falls from {loss.exact:.4f} to {loss.rounded:.4f} ({loss.n:,}), by more than "
        f"{MOST_LOST[loss.name]:g}"
        for loss in found.losses
        if not loss.allowed
    ]
    if worse:
        raise QuantisedWorseError(f"{'; '.join(worse)}.")
