"""A catalogue as a folder to learn from: what is in it, what is left out and said, and what is refused in time."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.engine import open_engine
from store import Area
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # tests/integration/cli/conftest.py


@pytest.fixture
def shop(command: Command) -> Iterator[Shop]:
    """Two dresses of one style and a coat; a photo each, the last in the store as a small copy only."""
    engine = open_engine(command.database_url)
    shop = open_shop(engine)
    shop.stock(
        shop.item("a", [1, 0, 0], seller_category="Dress", colour="Red", metadata={"style_group": "S1", "neck": "V"}),
        shop.item("b", [0, 1, 0], seller_category="Dress", metadata={"style_group": "S1"}),
        shop.item("c", [0, 0, 1], seller_category="Coat"),
    )
    for name, area in (("a", Area.PHOTOS), ("b", Area.PHOTOS), ("c", Area.COPIES)):
        command.store.write(area, sha_of(shop, name), name.encode())
    yield shop
    engine.dispose()


def sha_of(shop: Shop, external_id: str) -> str:
    return shop.content(f"shop/{external_id}/0").sha256.hex()


def table(folder: Path) -> dict[str, dict[str, str]]:
    """Rows by external id."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return {row["external_id"]: row for row in csv.DictReader(file)}


def export(command: Command, folder: Path, catalogue: str = "shop") -> dict[str, Any]:
    said = command.run("train", "--from-catalogue", catalogue, "--export-only", folder, "--json")
    value: dict[str, Any] = json.loads(said)
    return value


def test_an_export_holds_a_row_and_a_file_for_every_photo(command: Command, shop: Shop, tmp_path: Path) -> None:
    said = export(command, tmp_path / "out")
    assert (said["event"], said["photos"], said["new"], said["missing"]) == ("exported", 3, 3, 0)
    rows = table(tmp_path / "out")
    assert {name: row["product"] for name, row in rows.items()} == {"a": "S1", "b": "S1", "c": "listing:c"}
    assert (rows["a"]["category"], rows["a"]["colour"], rows["a"]["neck"], rows["b"]["neck"]) == (
        "Dress",
        "Red",
        "V",
        "",
    )
    for name, row in rows.items():
        assert (tmp_path / "out" / "photos" / row["photo"]).read_bytes() == name.encode()
    assert not any("split" in column for column in rows["a"])  # the trainer splits, by product


def test_a_second_export_writes_only_what_is_new_and_removes_what_was_erased(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    export(command, tmp_path / "out")
    mine = tmp_path / "out" / "photos" / "notes.txt"
    mine.write_text("not an exported photo")
    assert export(command, tmp_path / "out")["new"] == 0
    shop.rows("DELETE FROM modiste.listing WHERE external_id = 'b'")
    shop.stock(shop.item("d", [1, 1, 0]))
    command.store.write(Area.PHOTOS, sha_of(shop, "d"), b"d")
    said = export(command, tmp_path / "out")
    assert (said["photos"], said["new"], said["removed"], said["unlabelled"]) == (3, 1, 1, 1)
    named = {row["photo"] for row in table(tmp_path / "out").values()}
    assert {path.name for path in mine.parent.iterdir()} == named | {"notes.txt"}


def test_photos_without_bytes_are_counted_and_not_in_the_manifest(command: Command, shop: Shop, tmp_path: Path) -> None:
    command.store.remove_content(sha_of(shop, "b"))
    said = export(command, tmp_path / "out")
    assert (said["photos"], said["missing"]) == (2, 1)
    assert set(table(tmp_path / "out")) == {"a", "c"}


def test_a_person_gets_copies_and_training_links(command: Command, shop: Shop, tmp_path: Path) -> None:
    export(command, tmp_path / "out")
    assert {path.stat().st_nlink for path in (tmp_path / "out" / "photos").iterdir()} == {1}
    recipe = write_recipe(tmp_path)
    command.refuse("train", recipe, "--from-catalogue", "shop", "--out", tmp_path / "m", "--cache", tmp_path / "cache")
    linked = tmp_path / "cache" / "catalogue-shop" / "photos"
    assert {path.stat().st_nlink for path in linked.iterdir()} == {2}


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        ("SELECT", "there is no catalogue spring; there are shop"),
        ("INSERT INTO modiste.catalogue (name) VALUES ('spring')", "it has no listings; import a feed"),
    ],
)
def test_a_catalogue_with_nothing_in_it_is_refused_with_what_to_do(
    command: Command, shop: Shop, tmp_path: Path, prepare: str, says: str
) -> None:
    shop.rows(prepare)
    assert says in command.refuse("train", "--from-catalogue", "spring", "--export-only", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_nobody_looked_at_or_all_in_quarantine_are_told_apart(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    arguments = ("train", "--from-catalogue", "shop", "--export-only", tmp_path / "out")
    shop.rows("DELETE FROM modiste.listing")
    shop.plan("x")
    assert "none of its 1 photos was looked at yet" in command.refuse(*arguments)
    shop.rows("UPDATE modiste.photo SET state = 'quarantined', reason = 'empty'")
    assert "all of its 1 photos are in quarantine" in command.refuse(*arguments)
    shop.rows("DELETE FROM modiste.photo")
    assert "none of its 1 listings has a photo" in command.refuse(*arguments)


def test_a_store_that_keeps_none_of_the_photos_is_said(command: Command, shop: Shop, tmp_path: Path) -> None:
    for name in "abc":
        command.store.remove_content(sha_of(shop, name))
    said = command.refuse("train", "--from-catalogue", "shop", "--export-only", tmp_path / "out")
    assert "keeps none of the 3 photos of catalogue shop; give MODISTE_STORE" in said


def test_a_folder_that_holds_something_else_is_left_alone(command: Command, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    arguments = ("train", "--from-catalogue", "shop", "--export-only")
    assert "is not empty and no export" in command.refuse(*arguments, tmp_path / "mine")
    export(command, tmp_path / "out")
    shop.stock(shop.item("z", [1, 0, 0]), catalogue="other")
    said = command.refuse("train", "--from-catalogue", "other", "--export-only", tmp_path / "out")
    assert "holds an export of shop; name a new folder" in said


RECIPE = """
version = "mine"
{taxonomy}
[network]
backbone = "test_efficientnet"
[pixels]
size_px = 32
resize = "pad-white"
mean = [127.0, 127.0, 127.0]
std = [128.0, 128.0, 128.0]
[[sources]]
name = "{source}"
table = "{table}"
photos = "photos"
licence = "none"
product = "product"
"""


def write_recipe(folder: Path, *, source: str = "shop", table: str = "manifest.csv") -> Path:
    """One whose taxonomy is missing: it can be read, and fails as soon as it is run."""
    file = folder / "recipe.toml"
    file.write_text(RECIPE.format(source=source, table=table, taxonomy='taxonomy = "nowhere.toml"'))
    return file


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["RECIPE"], "name a catalogue: --from-catalogue NAME"),
        (["--from-catalogue", "shop"], "training takes a RECIPE and --out FOLDER"),
        (["RECIPE", "--from-catalogue", "shop"], "training takes a RECIPE and --out FOLDER"),
        (["RECIPE", "--from-catalogue", "shop", "--out", "OUT", "--data", "other"], "write SOURCE=FOLDER"),
        (["RECIPE", "--from-catalogue", "shop", "--out", "OUT", "--data", "shop=x"], "source shop is given twice"),
        (["OUT", "--from-catalogue", "shop", "--out", "OUT"], "No such file"),
        (["RECIPE", "--from-catalogue", "shop", "--out", "OUT"], "nowhere.toml"),
        (["--from-catalogue", "shop", "--from-catalogue", "b", "--export-only", "OUT"], "one catalogue at a time"),
    ],
)
def test_a_mistake_in_what_was_asked_is_one_message(
    command: Command, shop: Shop, tmp_path: Path, arguments: list[str], says: str
) -> None:
    places = {"RECIPE": str(write_recipe(tmp_path)), "OUT": str(tmp_path / "out")}
    assert says in command.refuse("train", *(places.get(word, word) for word in arguments))


def test_a_source_of_the_catalogue_s_name_that_is_another_table_is_refused(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path, table="feed.csv")
    said = command.refuse("train", recipe, "--from-catalogue", "shop", "--out", tmp_path / "out")
    assert 'source shop is a catalogue: give it table = "manifest.csv" and photos = "photos"' in said


def test_a_version_that_is_registered_is_refused_before_the_training(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    recipe = write_recipe(tmp_path)
    recipe.write_text(recipe.read_text().replace('"mine"', '"v1"'))
    arguments = ("train", recipe, "--from-catalogue", "shop", "--out", tmp_path / "out", "--register")
    assert "model version v1 is registered already" in command.refuse(*arguments)
    assert not (tmp_path / "home" / "cache").exists()


def test_without_torch_training_says_what_to_install_and_exporting_works(
    command: Command, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("torch", "torchvision", "timm"):
        monkeypatch.setitem(sys.modules, name, None)
    said = command.refuse("train", write_recipe(tmp_path), "--from-catalogue", "shop", "--out", tmp_path / "out")
    assert "training needs torch, torchvision, timm" in said
    assert "make setup" in said
    assert export(command, tmp_path / "out")["photos"] == 3
