from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.dataset import Dataset, Split, build_dataset, split_of
from trainer.errors import SourceError
from trainer.mapping import load_taxonomy
from trainer.recipe import load_recipe
from trainer.sources import Row, Source, SourceSpec, open_source

SPEC = SourceSpec(name="shop", table="shop.csv", photos="photos", licence="drawn", product="style")


def write(folder: Path, *lines: str) -> Path:
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    return folder


def read(folder: Path, recipe_file: Path, *lines: str, spec: SourceSpec = SPEC) -> Dataset:
    taxonomy = load_taxonomy(load_recipe(recipe_file).taxonomy)
    return build_dataset([open_source(spec, write(folder, *lines))], taxonomy)


HEADER = "photo,category,colour,shape,detail,style"


def allowed(data: Dataset, row: int) -> list[str]:
    return [name for name, there in zip(data.labels.categories, data.targets.categories[row], strict=True) if there]


def attributes(data: Dataset, row: int) -> list[str]:
    return [name for name, value in zip(data.labels.attributes, data.targets.attributes[row], strict=True) if value]


def known(data: Dataset, row: int) -> set[str]:
    return {group.name for group, at in data.labels.columns() if data.targets.known[row, at].all()}


def test_words_of_a_source_become_our_names_and_one_word_may_be_several(tmp_path: Path, recipe_file: Path) -> None:
    data = read(tmp_path, recipe_file, HEADER, "a,shirts,Red,,,1", "b,shoes,Blue,,,2", "c,Bag,,,,3", "d,shoes,,open,,4")
    assert [allowed(data, row) for row in range(4)] == [["Shirt"], ["Boot", "Sandal"], ["Bag"], ["Sandal"]]
    assert attributes(data, 3) == ["heel:Flat"]


def test_empty_is_unlabelled_never_absent(tmp_path: Path, recipe_file: Path) -> None:
    data = read(tmp_path, recipe_file, HEADER, "a,,Red,,,1", "b,shirts,,,Zip;Bow,2")
    assert allowed(data, 0) == []
    assert [known(data, row) for row in (0, 1)] == [{"colour"}, {"detail"}]
    assert attributes(data, 1) == ["detail:Zip", "detail:Bow"]


def test_an_unknown_word_is_unlabelled_and_counted(tmp_path: Path, recipe_file: Path) -> None:
    data = read(tmp_path, recipe_file, HEADER, "a,shirts,Mauve,,,1", "b,umbrella,Mauve,,,2", "c,shirts,Red,,,3")
    assert data.ignored == {("shop", "colour", "Mauve"): 2, ("shop", "category", "umbrella"): 1}
    assert known(data, 0) == known(data, 1) == set()


def test_products_are_numbered_and_none_is_minus_one(tmp_path: Path, recipe_file: Path) -> None:
    data = read(tmp_path, recipe_file, HEADER, "a,shirts,,,,x", "b,shirts,,,,y", "c,shirts,,,,x", "d,shirts,,,,")
    assert data.targets.products.tolist() == [0, 1, 0, -1]


def test_no_product_stands_in_two_splits_and_the_split_is_the_same_every_time(shop: Path, recipe_file: Path) -> None:
    recipe = load_recipe(recipe_file)
    taxonomy = load_taxonomy(recipe.taxonomy)
    one, other = (build_dataset([open_source(recipe.sources[0], shop)], taxonomy) for _ in range(2))
    assert (one.splits == other.splits).all()
    assert set(one.splits.tolist()) == {"train", "dev", "test"}
    for product in np.unique(one.targets.products):
        assert len(set(one.splits[one.targets.products == product].tolist())) == 1


def row(split: str, photo: str) -> Row:
    return Row(line=2, photo=photo, words={"photo": photo, "split": split, "style": ""})


def test_a_given_split_is_kept_and_dev_is_carved_out_of_train_only(tmp_path: Path) -> None:
    spec = replace(SPEC, split="split", splits={"validation": "test"}, dev_share=0.5)
    source = Source(spec=spec, table=tmp_path / "shop.csv", rows=(), read=lambda _: b"")
    assert {split_of(source, row("validation", f"{n}")) for n in range(50)} == {Split.TEST}
    assert {split_of(source, row("train", f"{n}")) for n in range(50)} == {Split.TRAIN, Split.DEV}
    with_dev = replace(source, spec=replace(spec, splits={"val": "dev"}))
    assert {split_of(with_dev, row("train", f"{n}")) for n in range(50)} == {Split.TRAIN}
    with pytest.raises(SourceError, match=r"shop\.csv, line 2, column split: 'validate'"):
        split_of(source, row("validate", "a"))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["photo,category", "a,shirts"], r"line 1: no column style"),
        ([HEADER, "a,shirts"], r"line 2: it has more or fewer fields"),
        ([HEADER, "a,shirts,,,,1", ",shirts,,,,1"], r"line 3, column photo: it is empty"),
        ([HEADER, "a,socks,,,,1"], r"no row of any source has a label"),
    ],
)
def test_a_bad_table_is_refused_with_file_line_and_column(tmp_path: Path, recipe_file: Path, lines, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SourceError, match=says):
        read(tmp_path, recipe_file, *lines)


def test_a_missing_table_or_archive_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--data shop=FOLDER"):
        open_source(SPEC, tmp_path)
    write(tmp_path, HEADER)
    (tmp_path / "photos").rmdir()
    with pytest.raises(SourceError, match="neither a folder nor a zip"):
        open_source(SPEC, tmp_path)


def test_photos_come_from_a_folder_or_a_zip_and_never_from_outside(tmp_path: Path) -> None:
    write(tmp_path, HEADER, "a.jpg,,,,,")
    (tmp_path / "photos" / "a.jpg").write_bytes(b"A")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("images/a.jpg", b"A")
    folder, zipped = open_source(SPEC, tmp_path), open_source(replace(SPEC, photos="photos.zip"), tmp_path)
    assert folder.read("a.jpg") == zipped.read("a.jpg") == zipped.read("images/a.jpg") == b"A"
    for source in (folder, zipped):
        with pytest.raises(KeyError):
            source.read("../shop.csv")


def test_a_mapping_to_a_name_that_does_not_exist_is_refused(recipe_file: Path) -> None:
    path = recipe_file.parent / "taxonomy.toml"
    path.write_text(path.read_text().replace('bags = "Bag"', 'bags = "Bags"'))
    with pytest.raises(SourceError, match=r"'shop', category: \['Bags'\]"):
        load_taxonomy(path)
