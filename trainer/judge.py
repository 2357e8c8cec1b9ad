"""A finished model on photos, through an engine as a worker runs it: nothing cached, every photo decoded
and run.

Sources are read in the model's own label space: what they say beyond it is counted, and not held against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Split
from trainer.errors import RecipeError, SourceError
from trainer.evaluation import evaluate
from trainer.mapping import CATEGORY, Dialect, Taxonomy, load_taxonomy
from trainer.reading import read_data
from trainer.recipe import Recipe
from vision.artifact import load_artifact, read_manifest
from vision.engines import RawOutputs
from vision.golden import check_golden
from vision.labels import LabelSpace
from vision.manifest import Manifest
from vision.predictor import EngineChoice, open_engine
from vision.preprocess import PhotoError, PixelRule

BATCH_SIZE = 32
DECODERS = 2
EVERY_SPLIT = "all"
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

    def unsaid(self) -> Counter[tuple[str, str]]:
        """(source, label): how many labels the model has no name for."""
        words: Counter[tuple[str, str]] = Counter()
        for (source, label, _), count in self.data.ignored.items():
            words[source, label] += count
        return words


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
    wanted = rows_of(data, split)
    runner = open_engine(artifact, chosen_engine(engine), None)
    check_golden(artifact, runner)
    faults: list[str] = []
    rows: list[int] = []
    parts: list[RawOutputs] = []
    for batch in _decoded(data, wanted, artifact.manifest.pixels, faults):
        rows += batch
        parts.append(runner.run(np.stack(list(batch.values()))))
        advance(len(rows) + len(faults), len(wanted))
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


def read_for(manifest: Manifest, recipe: Recipe, folders: Mapping[str, Path]) -> Dataset:
    """The recipe's sources that have a folder, in the words of the model."""
    names = {source.name for source in recipe.sources}
    chosen = tuple(source for source in recipe.sources if source.name in folders or not names & set(folders))
    spoken = Taxonomy(labels=LabelSpace(), dialects={}) if recipe.taxonomy is None else load_taxonomy(recipe.taxonomy)
    return read_data(replace(recipe, sources=chosen), in_words_of(manifest.labels, spoken), folders)


def in_words_of(labels: LabelSpace, spoken: Taxonomy) -> Taxonomy:
    """The dialects, translated into another label space: names that it lacks are dropped, and a word that is left
    without any counts as unknown."""
    return Taxonomy(labels=labels, dialects={name: _kept(labels, dialect) for name, dialect in spoken.dialects.items()})


def rows_of(data: Dataset, split: str) -> Rows:
    """The rows of a split, or of all. Raises RecipeError where there is none."""
    if split not in {*Split, EVERY_SPLIT}:
        raise RecipeError(f"split {split!r} is none of {', '.join([*Split, EVERY_SPLIT])}.")
    rows = np.flatnonzero((data.splits == split) | (split == EVERY_SPLIT))
    if not len(rows):
        found = Counter(data.splits.tolist())
        raise RecipeError(
            f"no photo of the data is in the split {split}; there are "
            f"{', '.join(f'{count} in {name}' for name, count in found.items()) or 'none at all'}."
        )
    return rows


def chosen_engine(engine: str) -> EngineChoice:
    """Raises RecipeError for a name that is no engine's."""
    if engine not in get_args(EngineChoice):
        raise RecipeError(f"engine {engine!r} is none of {', '.join(get_args(EngineChoice))}.")
    return cast(EngineChoice, engine)


def _kept(labels: LabelSpace, dialect: Dialect) -> Dialect:
    ours = {CATEGORY: set(labels.categories), **{group.name: set(group.values) for group in labels.groups}}

    def known(by_label: Mapping[str, tuple[str, ...]], label: str) -> tuple[str, ...]:
        return tuple(name for name in by_label[label] if name in ours.get(label, ()))

    return Dialect(
        words={
            label: {word: known({label: names}, label) for word, names in words.items() if known({label: names}, label)}
            for label, words in dialect.words.items()
        },
        rules=tuple(
            replace(rule, then={label: known(rule.then, label) for label in rule.then if known(rule.then, label)})
            for rule in dialect.rules
        ),
    )


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
