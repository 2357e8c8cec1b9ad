"""`modiste corrections`: a table of what is true, taken whole or not at all, listed, and exported to learn from."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from db.engine import open_engine
from store import Area
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # tests/integration/cli/conftest.py
LABELS = {
    "categories": ["Coat", "Dress"],
    "groups": [{"name": "sleeve", "values": ["Long", "Short"], "exclusive": True, "categories": []}],
}


@pytest.fixture
def shop(command: Command) -> Iterator[Shop]:
    """A dress and a coat whose photos are in the store."""
    engine = open_engine(command.database_url)
    shop = open_shop(engine)
    shop.rows("UPDATE modiste.model_version SET manifest = CAST(:m AS jsonb)", m=json.dumps({"labels": LABELS}))
    shop.stock(
        shop.item("dress", [1, 0, 0], seller_category="Frocks"), shop.item("coat", [0, 1, 0], seller_category="Coats")
    )
    for content in ("shop/dress/0", "shop/coat/0"):
        command.store.write(Area.PHOTOS, shop.content(content).sha256.hex(), content.encode())
    yield shop
    engine.dispose()


def table(folder: Path, text: str) -> Path:
    file = folder / "said.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_table_is_taken_listed_and_exported(command: Command, shop: Shop, tmp_path: Path) -> None:
    file = table(tmp_path, "external_id,category,sleeve\ndress,Coat,Long\ncoat,,Short\n")
    said = command.run("corrections", "add", file, "--catalogue", "shop", "--who", "Ann", "--json")
    assert json.loads(said) == {"corrections": 3, "listings": 2}
    listed = json.loads(command.run("corrections", "list", "--json"))
    assert [(row["external_id"], row["field"], row["was"], row["now"], row["who"]) for row in listed] == [
        ("dress", "category", "Dress", "Coat", "Ann"),
        ("dress", "sleeve", None, "Long", "Ann"),
        ("coat", "sleeve", None, "Short", "Ann"),
    ]
    shop.rows("SELECT modiste.undo_correction(max(id)) FROM modiste.correction")
    command.run("corrections", "export", tmp_path / "corrected", "--catalogue", "shop")
    with (tmp_path / "corrected" / "manifest.csv").open(newline="") as manifest:
        (row,) = csv.DictReader(manifest)
    assert (row["external_id"], row["category"], row["seller_category"], row["sleeve"]) == (
        "dress",
        "Coat",
        "Frocks",
        "Long",
    )
    assert (tmp_path / "corrected" / "photos" / row["photo"]).read_bytes() == b"shop/dress/0"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("external_id,category\ndress,Coat\ncoat,Kimono\n", "line 3: 'Kimono' is no category"),
        ("external_id,category\ndress,Coat\nhat,Coat\n", "line 3: there is no listing hat in catalogue shop"),
        ("external_id,heel\ndress,High\n", "heel is nothing to correct; the active version tells category, sleeve"),
        ("external_id\ndress\n", "a column beside external_id is nothing to correct"),
        ("id,category\ndress,Coat\n", "external_id has to be one of them"),
        ("external_id,category\ndress\n", "line 2: it has not as many cells as there are columns"),
        ("external_id,category\n", "has no rows"),
    ],
)
def test_a_table_with_a_mistake_is_refused_whole(
    command: Command, shop: Shop, tmp_path: Path, text: str, says: str
) -> None:
    assert says in command.refuse("corrections", "add", table(tmp_path, text), "--catalogue", "shop")
    assert shop.rows("SELECT * FROM modiste.correction") == []


def test_where_nobody_corrected_anything_it_says_where_to_begin(command: Command, shop: Shop, tmp_path: Path) -> None:
    assert "/review" in command.run("corrections", "list", "--catalogue", "shop")
    said = command.refuse("corrections", "export", tmp_path / "corrected", "--catalogue", "shop")
    assert "nobody has corrected a listing of catalogue shop yet" in said
    assert not (tmp_path / "corrected").exists()
    assert "no catalogue" in command.refuse("corrections", "list", "--catalogue", "nowhere")
