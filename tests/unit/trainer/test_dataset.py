from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.dataset import Dataset, Split, build_dataset, check_trainable, split_of
from trainer.errors import SourceError
from trainer.mapping import load_taxonomy
from trainer.sources import Row, Source, SourceSpec, open_source
from trainer.vocabulary import taxonomy_of

SPEC = SourceSpec(name="shop", table="shop.csv", photos="photos", licence="drawn", product="style")


def write(folder: Path, *lines: str) -> Path:
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    return folder


def read(folder: Path, recipe_file: Path, *lines: str, spec: SourceSpec = SPEC) -> Dataset:
    taxonomy = load_taxonomy(recipe_file.parent / "taxonomy.toml")
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
    taxonomy = load_taxonomy(recipe_file.parent / "taxonomy.toml")
    spec = replace(SPEC, dev_share=0.25, test_share=0.25)
    one, other = (build_dataset([open_source(spec, shop)], taxonomy) for _ in range(2))
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


def hand_made(folder: Path, *rows: Row) -> Source:
    return Source(spec=replace(SPEC, product=None), table=folder / "shop.csv", rows=rows, read=lambda _: b"")


def one(line: int, denied: dict[str, list[str]] | None = None, **words: str) -> Row:
    return Row(line=line, photo=f"{line}.jpg", words={"category": "", **words}, denied=denied)


def test_where_only_some_values_are_denied_the_others_of_a_free_group_are_not_known(
    tmp_path: Path, recipe_file: Path
) -> None:
    taxonomy = load_taxonomy(recipe_file.parent / "taxonomy.toml")
    source = hand_made(
        tmp_path,
        one(1, detail="Zip"),
        one(2, {"detail": []}, detail="Zip"),
        one(3, {"detail": ["Bow"]}),
        one(4, {"detail": ["Bow"], "colour": ["Red"]}, colour="Blue"),
        one(5, {"detail": []}, category="Bag"),
    )
    known = build_dataset([source], taxonomy).targets.known[:, [0, 1, 2, 5, 6]]  # three colours; Zip, Bow
    assert known.astype(int).tolist() == [
        [0, 0, 0, 1, 1],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
        [1, 1, 1, 0, 1],  # in an exclusive group all or none
        [0, 0, 0, 0, 0],
    ]


def test_several_values_of_an_exclusive_group_are_one_of_these_unless_one_is_unknown(
    tmp_path: Path, recipe_file: Path
) -> None:
    data = read(tmp_path, recipe_file, HEADER, "a,,Red;Blue,,,1", "b,,Red;Mauve,,,2")
    assert attributes(data, 0) == ["colour:Red", "colour:Blue"]
    assert (attributes(data, 1), known(data, 1)) == ([], set())


def test_a_query_and_its_gallery_are_told_apart(tmp_path: Path, recipe_file: Path) -> None:
    lines = [f"{HEADER},role", "a,Bag,,,,1,query", "b,Bag,,,,1,gallery", "c,Bag,,,,2,"]
    data = read(tmp_path, recipe_file, *lines)
    assert data.roles.tolist() == ["", "", ""]  # the spec names no column for it
    data = read(tmp_path, recipe_file, *lines, spec=replace(SPEC, role="role"))
    assert data.roles.tolist() == ["query", "gallery", ""]


def test_what_will_be_learned_badly_is_a_warning(tmp_path: Path, recipe_file: Path) -> None:
    spec = replace(SPEC, split="split", splits={"val": "dev"})
    lines = [f"{number},Shirt,,,,{number},train" for number in range(3)]
    data = read(tmp_path, recipe_file, f"{HEADER},split", *lines, "x,Bag,Red,,,9,test", spec=spec)
    assert data.warnings == (
        "labels with one photo only: Bag, colour:Red.",
        "no photo is in the split dev: nothing to stop early or to calibrate by.",
    )
    check_trainable(data)


def test_without_a_train_photo_there_is_nothing_to_learn_from(tmp_path: Path, recipe_file: Path) -> None:
    data = read(tmp_path, recipe_file, f"{HEADER},split", "x,Bag,Red,,,9,test", spec=replace(SPEC, split="split"))
    with pytest.raises(SourceError, match=r"no photo is in the split train \(test: 1\)"):
        check_trainable(data)


def test_a_table_of_products_alone_is_data_where_the_taxonomy_is_empty(tmp_path: Path) -> None:
    spec = replace(SPEC, category="")
    source = open_source(spec, write(tmp_path, "photo,style", "a,1", "b,1"))
    data = build_dataset([source], taxonomy_of([source]))
    assert (data.targets.products.tolist(), data.targets.categories.shape) == ([0, 0], (2, 0))
