"""A finished model on photos, through an engine as a worker runs it: nothing cached, every photo decoded
and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset
from trainer.errors import RecipeError, SourceError
from trainer.evaluation import evaluate
from trainer.recipe import Recipe
from trainer.translation import read_for, rows_of
from vision.artifact import Artifact, load_artifact, read_manifest
from vision.engines import RawOutputs
from vision.golden import check_golden
from vision.manifest import Manifest
from vision.predictor import EngineChoice, open_engine
from vision.preprocess import PhotoError, PixelRule

BATCH_SIZE = 32
DECODERS = 2
Rows = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Advance = Callable[[int, int], None]  # (photos done, of how many)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What a model said of a split's photos. wanted (M,): rows of the split; rows (N,): those whose photo could
    be read, in the order of `outputs`; faults: what was wrong with the others."""

    manifest: Manifest
    data: Dataset
    wanted: Rows
    rows: Rows
    outputs: RawOutputs
    faults: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        """Every figure of `trainer.evaluation`, and how many photos could not be read."""
        found = evaluate(self.outputs, self.data, self.rows, self.manifest.calibration)
        return {**found, "all/unusable": float(len(self.faults))}

    def save(self, path: Path) -> None:
        """An NPZ file: row, source and photo of each, raw category_logits, attribute_logits and embedding, and the
        names of categories and attributes."""
        np.savez_compressed(
            path,
            rows=self.rows,
            sources=self.data.sources[self.rows],
            photos=np.array([self.data.rows[row][1].photo for row in self.rows.tolist()]),
            category_logits=self.outputs.category_logits,
            attribute_logits=self.outputs.attribute_logits,
            embedding=self.outputs.embedding,
            categories=np.array(self.manifest.labels.categories),
            attributes=np.array(self.manifest.labels.attributes),
        )


def judge(model: Path, recipe: Recipe, folders: Mapping[str, Path], *, split: str, engine: str) -> dict[str, float]:
    """The figures of a model on a split of some of the recipe's sources. Raises as `look` does."""
    return look(model, recipe, folders, split=split, engine=engine).figures()


def look(
    model: Path,
    recipe: Recipe,
    folders: Mapping[str, Path],
    *,
    split: str,
    engine: str,
    advance: Advance = lambda _done, _of: None,
) -> Judged:
    """Runs a model over a split (or `all`) of those of the recipe's sources that have a folder.

    Raises RecipeError for an empty split or a name nobody knows, SourceError where the sources share no label
    with the model or no photo can be read, ArtifactError for a model that does not fit.
    """
    artifact = load_artifact(model)
    data = read_for(artifact.manifest, recipe, folders)
    return look_at(artifact, data, split=split, engine=engine, advance=advance)


def look_at(
    artifact: Artifact, data: Dataset, *, split: str, engine: str, advance: Advance = lambda _done, _of: None
) -> Judged:
    """The same of data that was read for this model (`trainer.translation`)."""
    wanted = rows_of(data, split)
    runner = open_engine(artifact, _choice(engine), None)
    check_golden(artifact, runner)
    faults: list[str] = []
    rows: list[int] = []
    parts: list[RawOutputs] = []
    for batch in _decoded(data, wanted, artifact.manifest.pixels, faults):
        rows += batch
        parts.append(runner.run(np.stack(list(batch.values()))))
        advance(len(rows) + len(faults), len(wanted))
    runner.close()
    if not parts:
        raise SourceError(f"no photo of the split {split} can be read; the first fault: {faults[0]}.")
    return Judged(
        manifest=artifact.manifest,
        data=data,
        wanted=wanted,
        rows=np.array(rows, dtype=np.int64),
        outputs=_joined(parts),
        faults=tuple(faults),
    )


def some_pixels(model: Path, recipe: Recipe, folders: Mapping[str, Path], split: str, count: int) -> list[Pixels]:
    """Photos of a split as the model sees them, spread evenly over its rows; at most `count`."""
    manifest = read_manifest(model)
    data = read_for(manifest, recipe, folders)
    rows = rows_of(data, split)
    spread = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    return [pixels for batch in _decoded(data, spread, manifest.pixels, []) for pixels in batch.values()]


def _choice(engine: str) -> EngineChoice:
    if engine not in get_args(EngineChoice):
        raise RecipeError(f"engine {engine!r} is none of {', '.join(get_args(EngineChoice))}.")
    return cast(EngineChoice, engine)


def _decoded(data: Dataset, rows: Rows, rule: PixelRule, faults: list[str]) -> Iterator[dict[int, Pixels]]:
    """Batches of pixels by row; what cannot be read is added to the faults."""

    def one(row: int) -> Pixels | str:
        try:
            return data.pixels(row, rule)
        except (PhotoError, KeyError, OSError) as fault:
            return f"{data.where(row)}: {'it is missing' if isinstance(fault, KeyError) else fault}"

    with ThreadPoolExecutor(DECODERS) as pool:
        for start in range(0, len(rows), BATCH_SIZE):
            some = rows[start : start + BATCH_SIZE].tolist()
            found = dict(zip(some, pool.map(one, some), strict=True))
            faults += [fault for fault in found.values() if isinstance(fault, str)]
            batch = {row: pixels for row, pixels in found.items() if not isinstance(pixels, str)}
            if batch:
                yield batch


def _joined(parts: list[RawOutputs]) -> RawOutputs:
    return RawOutputs(
        category_logits=np.concatenate([part.category_logits for part in parts]),
        attribute_logits=np.concatenate([part.attribute_logits for part in parts]),
        embedding=np.concatenate([part.embedding for part in parts]),
    )
