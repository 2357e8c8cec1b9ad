"""A catalogue out again: what its sellers say and what was found, whole or only what changed."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest

from db.engine import open_engine
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # tests/integration/cli/conftest.py
LABELS = {
    "categories": ["Dress", "Coat"],
    "groups": [
        {"name": "colour", "values": ["Red", "Blue"], "exclusive": True, "categories": []},
        {"name": "detail", "values": ["Bow", "Zip"], "exclusive": False, "categories": []},
    ],
}


@pytest.fixture
def shop(command: Command) -> Iterator[Shop]:
    """A red dress with two photos, a coat the model is not sure of and that is sold, and what nobody looked at yet."""
    engine = open_engine(command.database_url)
    shop = open_shop(engine)
    shop.rows("UPDATE modiste.model_version SET manifest = CAST(:m AS jsonb)", m=json.dumps({"labels": LABELS}))
    shop.stock(
        shop.item(
            "dress", [1, 0, 0], [0, 1, 0], title="=Dress", brand="Acme", price=Decimal("12.50"), currency="EUR",
            colour="Crimson", seller_category="Frocks", metadata={"season": "Summer", "category": "F"},
            attributes={"colour:Red": 0.9, "detail:Bow": 0.5, "detail:Zip": 0.7},
        ),
        shop.item("coat", [0, 1, 0], categories={"Coat": 0.3}, abstained=True, available=False),
    )  # fmt: skip
    shop.write(shop.begin(), listings=[shop.item("new").data], photos=[shop.photo("new", "https://img.example/1.jpg")])
    yield shop
    engine.dispose()


def export(command: Command, file: Path, *arguments: str | Path) -> dict[str, Any]:
    """What the command tells of it."""
    said = command.run("export", file, "--catalogue", "shop", "--json", *arguments)
    value: dict[str, Any] = json.loads(said)
    return value


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_a_table_holds_what_the_seller_says_and_beside_it_what_was_found(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    said = export(command, tmp_path / "out.csv")
    assert (said["rows"], said["enriched"], said["whole"], said["model_version"]) == (3, 2, True, "v1")
    dress, coat, new = table(tmp_path / "out.csv")
    assert list(dress) == [
        "external_id", "title", "brand", "price", "currency", "gender", "colour", "size", "seller", "seller_category",
        "available", "photos", "category", "category_score", "abstained", "corrected", "seen_colour",
        "seen_colour_score", "seen_detail", "seen_detail_score", "model_version", "enriched_at", "changed_at",
        "metadata.category", "season",
    ]  # fmt: skip
    assert (dress["title"], dress["price"], dress["colour"], dress["seen_colour"]) == (
        "'=Dress",
        "12.50",
        "Crimson",
        "Red",
    )
    assert (dress["photos"], dress["seen_detail"], dress["seen_detail_score"]) == (
        "dress/0\ndress/1",
        "Zip\nBow",
        "0.7\n0.5",
    )
    assert (dress["category"], dress["metadata.category"], dress["season"]) == ("Dress", "F", "Summer")
    assert (coat["category"], coat["abstained"], coat["available"]) == ("Coat", "true", "false")
    assert (new["photos"], new["category"], new["model_version"]) == ("https://img.example/1.jpg", "", "")


def test_json_lines_and_parquet_say_the_same_with_types_and_no_apostrophe(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    export(command, tmp_path / "out.jsonl")
    export(command, tmp_path / "out.parquet")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (rows[0]["price"], rows[0]["title"], rows[0]["available"]) == (Decimal("12.50"), "=Dress", True)
    for row, line in zip(rows, lines, strict=True):
        assert row["changed_at"] == datetime.fromisoformat(line["changed_at"])
        for name in ("title", "available", "photos", "category", "abstained", "seen_colour", "seen_detail", "season"):
            assert line.get(name) == row[name]
    assert lines[0]["price"] == 12.5
    assert "season" not in lines[1]


def test_what_the_model_is_less_sure_of_is_left_empty_and_what_cannot_be_had_left_out(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    said = export(command, tmp_path / "out.csv", "--min-score", "0.6", "--only-available")
    assert said["rows"] == 2
    dress, new = table(tmp_path / "out.csv")
    assert (dress["category"], dress["seen_colour"], dress["seen_detail"]) == ("Dress", "Red", "Zip")
    assert new["external_id"] == "new"
    export(command, tmp_path / "out.csv", "--min-score", "0.6")
    assert table(tmp_path / "out.csv")[1]["category"] == ""


def test_stdout_takes_the_export_and_stderr_what_is_told_of_it(command: Command, shop: Shop) -> None:
    said = command.run("export", "-", "--format", "csv", "--catalogue", "shop", "--raw")
    assert [row["title"] for row in csv.DictReader(io.StringIO(said))] == ["=Dress", "", ""]
    assert "give --format: csv" in command.refuse("export", "--catalogue", "shop")


def test_a_marketplace_s_words_stand_beside_sure_categories_and_what_has_none_is_told(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    template, out = tmp_path / "categories.csv", tmp_path / "out.csv"
    command.run("export", "--catalogue", "shop", "--categories-template", template)
    assert template.read_text() == "category,listings,marketplace_category\nDress,1,\nCoat,1,\n"
    assert export(command, out, "--categories", template)["unmapped"] == {"Dress": 1}
    template.write_text("category;marketplace_category\nDress;2271\nCoat;5598\n")
    assert export(command, out, "--categories", template)["unmapped"] == {}
    assert [row["marketplace_category"] for row in table(out)] == ["2271", "", ""]


def test_only_what_changed_is_told_after_a_cursor(command: Command, shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    shop.rows("UPDATE modiste.listing SET updated_at = now() - interval '1 day'")
    shop.rows("UPDATE modiste.listing_summary SET changed_at = now() - interval '1 day'")
    cursor = export(command, out)["cursor"]
    again = export(command, out, "--changes-since", cursor)
    assert (again["rows"], again["whole"]) == (0, False)
    shop.rows("UPDATE modiste.listing SET available = false, updated_at = now() WHERE external_id = 'dress'")
    export(command, out, "--changes-since", cursor)
    assert [(row["external_id"], row["available"]) for row in table(out)] == [("dress", "false")]
    said = command.refuse("export", out, "--catalogue", "shop", "--changes-since", cursor, "--only-available")
    assert "would never tell that something is sold" in said


def test_photos_that_are_names_of_files_get_an_address_or_are_told(
    command: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.rows("UPDATE modiste.photo SET source = 'a b/1.jpg' WHERE source = 'coat/0'")
    assert export(command, tmp_path / "out.xml")["photo_names"] == 3
    assert export(command, tmp_path / "out.xml", "--photo-base", "https://i.example/")["photo_names"] == 0
    links = ElementTree.parse(tmp_path / "out.xml").iterfind(".//{http://base.google.com/ns/1.0}image_link")
    assert [link.text for link in links] == [
        "https://i.example/dress/0",
        "https://i.example/a%20b/1.jpg",
        "https://img.example/1.jpg",
    ]


def test_what_cannot_be_done_is_said_and_leaves_no_file(
    command: Command, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.csv").write_text("category,marketplace_category\nDres,2271\n")
    for arguments, says in (
        (["out.csv", "--catalogue", "spring"], "there is no catalogue spring; there are shop"),
        (["out.xlsx", "--catalogue", "shop"], "out.xlsx does not say in which format; give --format: csv"),
        (["missing/out.csv", "--catalogue", "shop"], "missing/out.csv cannot be written: No such file"),
        ([".", "--format", "csv", "--catalogue", "shop"], "is a folder; name a file"),
        (["out.csv", "--catalogue", "shop", "--changes-since", "x"], "'x' is no cursor of an export"),
        (["out.csv", "--catalogue", "shop", "--categories", "c.csv"], "'Dres' (line 2; did you mean Dress?)"),
    ):
        assert says in command.refuse("export", *arguments)
    assert not list(tmp_path.glob("*out*"))


def test_where_no_catalogue_is_named_the_only_one_is_meant(command: Command, shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert json.loads(command.run("export", out, "--json"))["catalogue"] == "shop"
    shop.rows("INSERT INTO modiste.catalogue (name) VALUES ('spring')")
    assert "there are shop, spring: name one with --catalogue" in command.refuse("export", out)
    shop.rows("INSERT INTO modiste.catalogue (name) VALUES ('default')")
    assert json.loads(command.run("export", out, "--json"))["catalogue"] == "default"
