"""What a recipe is given for a catalogue that it does not name."""

from dataclasses import replace
from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.training import Order, default_source, keep_recipe, read_recipe
from trainer.recipe import load_recipe

RECIPE = """
version = "own-1"
[network]
backbone = "resnet50"
[pixels]
size_px = 32
resize = "pad-white"
mean = [127.0, 127.0, 127.0]
std = [128.0, 128.0, 128.0]
[[sources]]
name = "labelled"
table = "{table}"
photos = "{photos}"
licence = "none"
"""


def write_recipe(folder: Path, *, table: str = "labels.csv", photos: str = ".") -> Path:
    file = folder / "recipe.toml"
    file.write_text(RECIPE.format(table=table, photos=photos))
    return file


@pytest.mark.parametrize("name", ["spring", "Frühling 2026", 'the "best"'])
def test_a_catalogue_without_a_source_gets_one_that_the_kept_recipe_has_too(tmp_path: Path, name: str) -> None:
    file = write_recipe(tmp_path)
    recipe, added = read_recipe(file, (name,))
    assert added == (name,)
    assert recipe.sources == (*load_recipe(file).sources, default_source(name))
    order = Order(recipe=recipe, file=file, added=added, out=tmp_path, cache=tmp_path)
    keep_recipe(order, tmp_path / "kept.toml")
    assert load_recipe(tmp_path / "kept.toml") == recipe


def test_a_source_of_the_catalogue_s_name_is_taken_as_it_is(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, table="manifest.csv", photos="photos")
    recipe, added = read_recipe(file, ("labelled",))
    assert (recipe, added) == (load_recipe(file), ())


@pytest.mark.parametrize(("table", "photos"), [("labels.csv", "photos"), ("manifest.csv", "photos.zip")])
def test_a_source_of_its_name_that_is_another_table_is_refused(tmp_path: Path, table: str, photos: str) -> None:
    with pytest.raises(UsageError, match="source labelled is a catalogue"):
        read_recipe(write_recipe(tmp_path, table=table, photos=photos), ("labelled",))


def test_a_default_source_keeps_products_together_and_splits_nothing_by_itself() -> None:
    spec = default_source("spring")
    assert (spec.product, spec.split, spec.split_by) == ("product", None, None)
    assert replace(spec, name="autumn") == default_source("autumn")
