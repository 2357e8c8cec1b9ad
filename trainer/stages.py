"""Stages of training as data: what learns, from what, by which losses, how long, and what is watched.

A run is a list of stages, each going on from where the one before it ended. The staged model, the joint one (a single
stage in which everything learns) and the smaller models differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from trainer.augment import Augmentation
from trainer.errors import RecipeError
from trainer.losses import METRIC_LOSSES

TASKS = ("category", "attributes", "metric", "geometry")
WATCHED = ("category", "attributes", "retrieval")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
EVERYTHING = -1


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage.

    What learns: release is how many sections of the backbone do, counted from the top (0: none, -1: all); the heads
        always do. Statistics of its batch norms stay as they were pretrained.
    From what: views is how many views of each photo go through the frozen sections, once, and are kept (the photo
        itself, mirrored, then augmented ones); 0: none is kept, and every epoch draws new augmented photos, which
        suits a GPU or a stage that releases everything. augmentation: how views are drawn. A batch is batch_size
        photos, each photo once an epoch, and products_per_batch x photos_per_product mates. own_mates: of
        these sources, a photo without a mate is its own, in another view; half of a batch's products are then such.
        recolour: the share of mates that
        are seen in another colour, since one cut in two colours is one style; what they say of the groups in
        `Recipe.colour_groups` is then left out. repeat_rare: categories with a smaller share of photos than this are
        repeated (0: none).
    By which losses: weights of the tasks category, attributes (mean over groups), metric and geometry, fixed or
        learned (Kendall et al. 2018). geometry holds the embedding to the frozen backbone's features or, once the
        backbone is released, to itself as it was before the stage. class_weight_power: a class weighs
        1 / count ** power. positive_cap: how much more a present free attribute may weigh than an absent one.
    How long: the learning rate rises over warmup (share of all steps) and falls as a cosine; accumulate: batches a
        step; clip_norm: longest gradient (0: any). ema: decay of the averaged weights, which are then what is measured
        and kept (0: none). patience: epochs without a better score of what is watched, before the stage ends early.
        blends: shares of the way from the weights the stage began with to its last ones that are tried at the end
        (Wortsman et al. 2022); the best by the same score is kept, the best epoch among them.
    """

    name: str
    epochs: int = 10
    release: int = 0
    views: int = 2
    augmentation: Augmentation = field(default_factory=Augmentation)
    batch_size: int = 64
    products_per_batch: int = 16
    photos_per_product: int = 2
    own_mates: tuple[str, ...] = ()
    recolour: float = 0.0
    repeat_rare: float = 0.0
    category: float = 1.0
    attributes: float = 1.0
    metric: float = 1.0
    geometry: float = 0.0
    learned_weights: bool = False
    metric_loss: str = "multi-similarity"
    margin: float = 0.1
    free_loss: str = "bce"
    positive_cap: float = 10.0
    smoothing: float = 0.1
    class_weight_power: float = 0.25
    learning_rate: float = 5e-4
    backbone_learning_rate: float = 5e-5
    projection_learning_rate: float = 1e-4
    weight_decay: float = 0.05
    warmup: float = 0.05
    accumulate: int = 1
    clip_norm: float = 5.0
    ema: float = 0.0
    blends: tuple[float, ...] = ()
    precision: str = "auto"
    patience: int = 12
    watch: tuple[str, ...] = WATCHED

    def __post_init__(self) -> None:
        _one_of(self, "metric_loss", METRIC_LOSSES)
        _one_of(self, "free_loss", ("bce", "asymmetric"))
        _one_of(self, "precision", PRECISIONS)
        unknown = sorted(set(self.watch) - set(WATCHED))
        if unknown or not self.watch:
            raise RecipeError(f"stage {self.name!r}: watch lists some of {', '.join(WATCHED)}, not {unknown}.")
        for name, least in (("epochs", 1), ("batch_size", 1), ("accumulate", 1), ("views", 0), ("release", EVERYTHING)):
            if getattr(self, name) < least:
                raise RecipeError(f"stage {self.name!r}: {name} is {getattr(self, name)}; it is at least {least}.")
        for name in ("ema", "recolour", "warmup", "smoothing"):
            if not 0 <= getattr(self, name) < 1 + (name == "recolour"):
                raise RecipeError(f"stage {self.name!r}: {name} is {getattr(self, name)}; it is a share.")
        if any(weight < 0 for weight in self.weights.values()) or any(not 0 <= share <= 1 for share in self.blends):
            raise RecipeError(f"stage {self.name!r}: weights are not negative, and blends lie between 0 and 1.")
        if not self.views and self.release == 0 and self.augmentation == Augmentation.none():
            raise RecipeError(
                f"stage {self.name!r}: nothing changes from epoch to epoch; give views = 1 to run it once."
            )

    @property
    def weights(self) -> dict[str, float]:
        """The fixed weight of each task."""
        return {task: float(getattr(self, task)) for task in TASKS}

    @classmethod
    def from_toml(cls, value: Mapping[str, Any]) -> Stage:
        """One table of `[[stages]]`. Raises TypeError on an unknown part."""
        parts = dict(value)
        if "augmentation" in parts:
            parts["augmentation"] = Augmentation(**parts["augmentation"])
        for name in ("watch", "own_mates", "blends"):
            if name in parts:
                parts[name] = tuple(parts[name])
        return cls(**parts)

    def changes(self, before: Stage | None) -> dict[str, Any]:
        """What is set otherwise than in the stage before (the first: than by default), for people."""
        base = before or Stage(name=self.name)
        mine = {part.name: getattr(self, part.name) for part in fields(self) if part.name != "name"}
        return {name: value for name, value in mine.items() if value != getattr(base, name)}


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A stage that begins: what it sets otherwise than the one before, how many epochs the stages before it have,
    and how many of the parameters learn."""

    stage: Stage
    epochs_before: int
    changes: Mapping[str, Any]
    learns: int
    parameters: int


@dataclass(frozen=True, kw_only=True)
class CalibrationStage:
    """Temperatures, and thresholds that reach these precisions on the dev photos."""

    category_precision: float = 0.95
    attribute_precision: float = 0.85


def _one_of(stage: Stage, name: str, choices: Any) -> None:
    value = getattr(stage, name)
    if value not in choices:
        raise RecipeError(f"stage {stage.name!r}: {name} {value!r} is none of {', '.join(choices)}.")
