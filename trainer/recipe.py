"""A training run as data: network, preprocessing, sources and stages, read from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.errors import RecipeError
from trainer.sources import SourceSpec
from trainer.stages import CalibrationStage, Stage
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize

# Heads on a frozen backbone: minutes on a CPU, and a fair start for anything else.
HEADS = Stage(name="heads", epochs=60, batch_size=256, products_per_batch=64, photos_per_product=3, geometry=1.0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything a run needs besides the folders of its data.

    taxonomy: the file of the label space and of what each source's words mean; None: the sources' own words. weights: a
    file of backbone weights, for backbones without a package. parent: a model folder to start from. colour_groups:
    attribute groups that a recoloured view says nothing of.
    """

    version: str
    network: NetworkPlan
    pixels: PixelRule
    sources: tuple[SourceSpec, ...]
    taxonomy: Path | None = None
    stages: tuple[Stage, ...] = (HEADS,)
    calibration: CalibrationStage = field(default_factory=CalibrationStage)
    weights: Path | None = None
    parent: Path | None = None
    colour_groups: tuple[str, ...] = ("colour",)
    seed: int = 0
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
    except RecipeError as fault:
        raise RecipeError(f"{path}: {fault.detail}") from fault
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as fault:
        raise RecipeError(f"{path}: {fault}.") from fault


PARTS = (
    "version", "network", "pixels", "sources", "taxonomy", "stages", "calibration", "weights", "parent",
    "colour_groups", "seed", "licences",
)  # fmt: skip


def _recipe(path: Path, value: dict[str, Any]) -> Recipe:
    unknown = sorted(set(value) - set(PARTS))
    if unknown:
        raise RecipeError(f"it has no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
    stages = tuple(Stage.from_toml(stage) for stage in value.get("stages", ())) or (HEADS,)
    _check_names(stages)
    return Recipe(
        version=value["version"],
        network=NetworkPlan.from_json(value["network"]),
        pixels=_pixels(value["pixels"]),
        sources=tuple(SourceSpec(**source) for source in value.get("sources", ())),
        taxonomy=_beside(path, value, "taxonomy"),
        stages=stages,
        calibration=CalibrationStage(**value.get("calibration", {})),
        weights=_beside(path, value, "weights"),
        parent=_beside(path, value, "parent"),
        colour_groups=tuple(value.get("colour_groups", ("colour",))),
        seed=int(value.get("seed", 0)),
        licences=value.get("licences", {}),
    )


def _beside(path: Path, value: Mapping[str, Any], name: str) -> Path | None:
    return path.parent / value[name] if name in value else None


def _check_names(stages: tuple[Stage, ...]) -> None:
    names = [stage.name for stage in stages]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecipeError(f"two stages are called {', '.join(twice)}; a stage's draws follow from its name.")


def _pixels(value: dict[str, Any]) -> PixelRule:
    red, green, blue = value["mean"]
    red_std, green_std, blue_std = value["std"]
    return PixelRule(
        size_px=value["size_px"],
        resize=Resize(value["resize"]),
        mean=(red, green, blue),
        std=(red_std, green_std, blue_std),
    )
