"""A training run as data: network, preprocessing, sources and stage, read from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import RecipeError
from trainer.losses import METRIC_LOSSES
from trainer.sources import SourceSpec
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize


@dataclass(frozen=True, kw_only=True)
class HeadsStage:
    """Trunk, heads and projection learn on the features of a frozen backbone.

    Weights of the losses: category, attributes (mean over groups), metric, geometry. class_weight_power: a
    class weighs 1 / count ** power (0: all alike, 1: every class as much as any other). A metric batch has
    products_per_batch products with photos_per_product photos each. The projection starts
    from the data, so it learns slowly. patience: epochs without a better dev
    score before stopping.
    """

    epochs: int = 60
    batch_size: int = 256
    learning_rate: float = 5e-4
    projection_learning_rate: float = 1e-4
    weight_decay: float = 0.05
    category: float = 1.0
    attributes: float = 1.0
    metric: float = 1.0
    geometry: float = 1.0
    metric_loss: str = "multi-similarity"
    products_per_batch: int = 64
    photos_per_product: int = 3
    smoothing: float = 0.1
    class_weight_power: float = 0.25
    patience: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.metric_loss not in METRIC_LOSSES:
            raise RecipeError(f"metric_loss {self.metric_loss!r} is none of {', '.join(METRIC_LOSSES)}.")


@dataclass(frozen=True, kw_only=True)
class CalibrationStage:
    """Temperatures, and thresholds that reach these precisions on the dev photos."""

    category_precision: float = 0.95
    attribute_precision: float = 0.85


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a run needs besides the folders of its data.

    weights: a file of backbone weights, for backbones without a package.
    """

    version: str
    taxonomy: Path
    network: NetworkPlan
    pixels: PixelRule
    sources: tuple[SourceSpec, ...]
    heads: HeadsStage = field(default_factory=HeadsStage)
    calibration: CalibrationStage = field(default_factory=CalibrationStage)
    weights: Path | None = None
    licences: Mapping[str, str] = field(default_factory=dict)


def load_recipe(path: Path) -> Recipe:
    """Reads a recipe; paths in it are relative to it. Raises RecipeError that names file and part."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
        return _recipe(path, value)
    except OSError as fault:
        raise RecipeError(f"{path}: {fault.strerror}.") from fault
    except KeyError as fault:
        raise RecipeError(f"{path}: {fault} is missing.") from fault
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as fault:
        raise RecipeError(f"{path}: {fault}.") from fault


def _recipe(path: Path, value: dict[str, Any]) -> Recipe:
    return Recipe(
        version=value["version"],
        taxonomy=path.parent / value["taxonomy"],
        network=NetworkPlan.from_json(value["network"]),
        pixels=_pixels(value["pixels"]),
        sources=tuple(SourceSpec(**source) for source in value["sources"]),
        heads=HeadsStage(**value.get("heads", {})),
        calibration=CalibrationStage(**value.get("calibration", {})),
        weights=path.parent / value["weights"] if "weights" in value else None,
        licences=value.get("licences", {}),
    )


def _pixels(value: dict[str, Any]) -> PixelRule:
    red, green, blue = value["mean"]
    red_std, green_std, blue_std = value["std"]
    return PixelRule(
        size_px=value["size_px"],
        resize=Resize(value["resize"]),
        mean=(red, green, blue),
        std=(red_std, green_std, blue_std),
    )
