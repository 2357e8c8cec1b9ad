"""A finished model on photos, through an engine as a worker runs it: nothing cached, every photo decoded
and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Split
from trainer.errors import RecipeError
from trainer.evaluation import evaluate
from trainer.mapping import load_taxonomy
from trainer.recipe import Recipe
from trainer.run import read_data
from vision.artifact import load_artifact, read_manifest
from vision.engines import RawOutputs
from vision.golden import check_golden
from vision.predictor import EngineChoice, open_engine
from vision.preprocess import PhotoError, PixelRule, decode

BATCH_SIZE = 32
DECODERS = 2
Found = tuple[int, NDArray[np.uint8]]  # a row and its pixels


def judge(model: Path, recipe: Recipe, folders: Mapping[str, Path], *, split: str, engine: str) -> dict[str, float]:
    """Every figure of `trainer.evaluation`, and how many photos could not be read. Raises RecipeError,
    ArtifactError."""
    artifact = load_artifact(model)
    data = _data(recipe, folders)
    if artifact.manifest.labels != data.labels:
        raise RecipeError(f"the taxonomy of the recipe is not the label space of model {artifact.manifest.version}.")
    runner = open_engine(artifact, _choice(engine), None)
    check_golden(artifact, runner)
    wanted = _rows(data, split)
    rows: list[int] = []
    parts: list[RawOutputs] = []
    for batch in _decoded(data, wanted, artifact.manifest.pixels):
        rows += [row for row, _ in batch]
        parts.append(runner.run(np.stack([pixels for _, pixels in batch])))
    figures = evaluate(_joined(parts), data, np.array(rows, dtype=np.int64), artifact.manifest.calibration)
    return {**figures, "all/unusable": float(len(wanted) - len(rows))}


def some_pixels(
    model: Path, recipe: Recipe, folders: Mapping[str, Path], split: str, count: int
) -> list[NDArray[np.uint8]]:
    """Photos of a split as the model sees them, spread evenly over its rows; at most `count`."""
    data = _data(recipe, folders)
    rows = _rows(data, split)
    chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    return [pixels for batch in _decoded(data, chosen, read_manifest(model).pixels) for _, pixels in batch]


def _data(recipe: Recipe, folders: Mapping[str, Path]) -> Dataset:
    return read_data(recipe, load_taxonomy(recipe.taxonomy), folders)


def _rows(data: Dataset, split: str) -> NDArray[np.int64]:
    if split not in set(Split):
        raise RecipeError(f"split {split!r} is none of {', '.join(Split)}.")
    rows = np.flatnonzero(data.splits == split)
    if not len(rows):
        raise RecipeError(f"no photo of the data is in the split {split}.")
    return rows


def _choice(engine: str) -> EngineChoice:
    if engine not in get_args(EngineChoice):
        raise RecipeError(f"engine {engine!r} is none of {', '.join(get_args(EngineChoice))}.")
    return cast(EngineChoice, engine)


def _decoded(data: Dataset, rows: NDArray[np.int64], rule: PixelRule) -> Iterator[list[Found]]:
    def one(row: int) -> Found | None:
        try:
            return row, decode(data.read(row), rule)
        except (PhotoError, KeyError, OSError):
            return None

    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(rows), BATCH_SIZE):
            batch = [found for found in pool.map(one, rows[start : start + BATCH_SIZE].tolist()) if found]
            if batch:
                yield batch


def _joined(parts: list[RawOutputs]) -> RawOutputs:
    return RawOutputs(
        category_logits=np.concatenate([part.category_logits for part in parts]),
        attribute_logits=np.concatenate([part.attribute_logits for part in parts]),
        embedding=np.concatenate([part.embedding for part in parts]),
    )
