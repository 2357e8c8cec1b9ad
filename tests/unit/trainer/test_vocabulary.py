from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.trainer.deepfashion import fine
from trainer.errors import SourceError
from trainer.sources import Source, SourceSpec, open_source
from trainer.vocabulary import taxonomy_of

SPEC = SourceSpec(name="shop", table="shop.csv", licence="drawn", attributes={"colour": "farbe", "detail": "detail"})


def table(folder: Path, *lines: str, spec: SourceSpec = SPEC) -> Source:
    folder.mkdir(exist_ok=True)
    (folder / "shop.csv").write_text("\n".join(["photo,category,farbe,detail", *lines]))
    return open_source(spec, folder)


def groups(*sources: Source) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(group.name, group.values, group.exclusive) for group in taxonomy_of(sources).labels.groups]


def test_names_are_the_words_of_the_columns_and_a_cell_with_several_makes_a_group_free(tmp_path: Path) -> None:
    source = table(tmp_path, "a,Shirt,Red,Zip;Bow", "b,Bag,Blue,", "c,Shirt,,Zip", "d,,,")
    assert taxonomy_of([source]).labels.categories == ("Bag", "Shirt")
    assert groups(source) == [("colour", ("Blue", "Red"), True), ("detail", ("Bow", "Zip"), False)]


def test_a_column_with_one_value_is_no_choice(tmp_path: Path) -> None:
    assert groups(table(tmp_path, "a,Shirt,Red,", "b,Bag,Red,")) == []


def test_sources_that_name_one_group_are_joined(tmp_path: Path) -> None:
    one, other = table(tmp_path / "a", "a,Shirt,Red,Zip"), table(tmp_path / "b", "a,Bag,Blue,Bow", "b,Bag,Red,")
    assert groups(one, other) == [("colour", ("Red", "Blue"), True), ("detail", ("Zip", "Bow"), False)]
    assert taxonomy_of([one, other]).labels.categories == ("Shirt", "Bag")


def test_deepfashion_brings_its_own_names_beside_a_tables(tmp_path: Path) -> None:
    spec = SourceSpec(name="df", kind="deepfashion-category", licence="")  # type: ignore[arg-type]
    shop = table(tmp_path, "a,Dress,Red,", "b,Bag,Blue,")
    labels = taxonomy_of([open_source(spec, fine(tmp_path / "df")), shop]).labels
    assert labels.categories == ("Blouse", "Dress", "Jeans", "Bag")
    assert [group.name for group in labels.groups] == ["texture", "sleeve", "colour"]


def test_a_word_that_cannot_be_a_name_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'Shirt: new'(?s:.*)Correct the table, or map its words"):
        taxonomy_of([table(tmp_path, "a,Shirt: new,Red,", "b,Bag,Blue,", spec=replace(SPEC, attributes={}))])
