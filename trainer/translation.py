"""Sources in a model's own words: what a finished model is measured on.

A name that the model lacks cannot be held against it: such labels are dropped, and counted. Where nothing is left
but products, retrieval can still be measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Split, build_dataset
from trainer.errors import RecipeError, SourceError
from trainer.mapping import CATEGORY, Dialect, Names, Taxonomy, load_taxonomy
from trainer.reading import open_sources
from trainer.recipe import Recipe
from trainer.sources import Kind, Source
from vision.labels import LabelSpace
from vision.manifest import Manifest

EVERY_SPLIT = "all"
SILENCE = Taxonomy(labels=LabelSpace(), dialects={})


def read_for(manifest: Manifest, recipe: Recipe, folders: Mapping[str, Path]) -> Dataset:
    """Those of the recipe's sources that have a folder, as the model would label them."""
    names = {source.name for source in recipe.sources}
    chosen = tuple(source for source in recipe.sources if source.name in folders or not names & set(folders))
    spoken = SILENCE if recipe.taxonomy is None else load_taxonomy(recipe.taxonomy)
    return translated(manifest, open_sources(replace(recipe, sources=chosen), folders), spoken)


def translated(manifest: Manifest, sources: Sequence[Source], spoken: Taxonomy) -> Dataset:
    """The sources as the model would label them. Raises SourceError where they share nothing with it."""
    try:
        return build_dataset(sources, in_words_of(manifest.labels, spoken))
    except SourceError as fault:
        if not manifest.embedding_dim:
            raise
        try:
            return build_dataset(sources, SILENCE)
        except SourceError:
            raise fault from None


def in_words_of(labels: LabelSpace, spoken: Taxonomy) -> Taxonomy:
    """The dialects, translated into another label space: names that it lacks are dropped, and a word that is left
    without any counts as unknown."""
    ours = {CATEGORY: frozenset(labels.categories), **{group.name: frozenset(group.values) for group in labels.groups}}
    return Taxonomy(labels=labels, dialects={name: _kept(dialect, ours) for name, dialect in spoken.dialects.items()})


def rows_of(data: Dataset, split: str) -> NDArray[np.int64]:
    """The rows of a split, or of `all`. Raises RecipeError where there is none."""
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


def split_to_judge(sources: Sequence[Source]) -> str:
    """test where every source says itself which photos those are; all of them otherwise."""
    told = all(source.spec.split or source.spec.kind != Kind.TABLE for source in sources)
    return Split.TEST if told else EVERY_SPLIT


def _kept(dialect: Dialect, ours: Mapping[str, frozenset[str]]) -> Dialect:
    words = {label: _known(label, names, ours) for label, names in dialect.words.items()}
    rules = [
        (rule, {label: _names(label, names, ours) for label, names in rule.then.items()}) for rule in dialect.rules
    ]
    return Dialect(
        words=words,
        rules=tuple(
            replace(rule, then={label: names for label, names in then.items() if names}) for rule, then in rules
        ),
    )


def _known(label: str, words: Mapping[str, Names], ours: Mapping[str, frozenset[str]]) -> Mapping[str, Names]:
    kept = {word: _names(label, names, ours) for word, names in words.items()}
    return {word: names for word, names in kept.items() if names or not words[word]}  # to none of ours, on purpose


def _names(label: str, names: Names, ours: Mapping[str, frozenset[str]]) -> Names:
    return tuple(name for name in names if name in ours.get(label, ()))
