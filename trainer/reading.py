"""From a recipe and folders to a dataset: sources opened, taxonomy read or taken from the sources' own words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainer.dataset import Dataset, Split, build_dataset
from trainer.errors import RecipeError
from trainer.mapping import Taxonomy, load_taxonomy
from trainer.recipe import Recipe
from trainer.sources import Source, open_source
from trainer.vocabulary import taxonomy_of


def read_data(recipe: Recipe, taxonomy: Taxonomy, folders: Mapping[str, Path]) -> Dataset:
    """Every source of the recipe. Raises RecipeError for a folder without a source, and for a source without one."""
    return build_dataset(open_sources(recipe, folders), taxonomy)


def read_all(recipe: Recipe, folders: Mapping[str, Path]) -> tuple[Dataset, tuple[str, ...]]:
    """The data of a run, and the attribute groups that were left out because no train photo labels them: a head for
    them would say whatever it was born with."""
    sources = open_sources(recipe, folders)
    taxonomy = taxonomy_of(sources) if recipe.taxonomy is None else load_taxonomy(recipe.taxonomy)
    data = build_dataset(sources, taxonomy)
    untaught = _groups_without_labels(data)
    if untaught:
        data = build_dataset(sources, taxonomy.without_groups(untaught))
    return data, untaught


def open_sources(recipe: Recipe, folders: Mapping[str, Path]) -> list[Source]:
    """Each source of the recipe in its folder."""
    if not recipe.sources:
        raise RecipeError("it has no [[sources]]: name at least one table of labelled photos.")
    names = [source.name for source in recipe.sources]
    unknown = sorted(set(folders) - set(names))
    if unknown:
        raise RecipeError(f"--data names {', '.join(unknown)}; the recipe's sources are {', '.join(names)}.")
    missing = [name for name in names if name not in folders]
    if missing:
        raise RecipeError(f"say where the data is: {' '.join(f'--data {name}=FOLDER' for name in missing)}.")
    return [open_source(spec, folders[spec.name]) for spec in recipe.sources]


def _groups_without_labels(data: Dataset) -> tuple[str, ...]:
    taught = data.targets.known[data.splits == Split.TRAIN].any(axis=0)
    return tuple(group.name for group, at in data.labels.columns() if not taught[at].any())
