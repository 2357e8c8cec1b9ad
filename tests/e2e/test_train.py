"""From an imported catalogue to a model trained on it: the labels are what PostgreSQL holds."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

Modiste = Any  # tests/e2e/conftest.py

# No taxonomy: the seller's own words. A tiny untrained backbone, so that a run takes seconds.
RECIPE = """
version = "own-1"
weights = "backbone.pth"
[network]
backbone = "test_efficientnet"
trunk_dim = 16
embedding_dim = 8
[pixels]
size_px = 32
resize = "pad-white"
mean = [127.0, 127.0, 127.0]
std = [128.0, 128.0, 128.0]
[[sources]]
name = "drawn"
table = "manifest.csv"
photos = "photos"
licence = "drawn"
product = "product"
dev_share = 0.25
test_share = 0.25
attributes = { colour = "colour", sleeve = "sleeve" }
[[stages]]
name = "heads"
epochs = 5
products_per_batch = 8
photos_per_product = 2
"""


@pytest.fixture(scope="module")
def filled(modiste: Modiste, sample: Path) -> Modiste:
    modiste.run("import", sample / "feed.csv", "--photos", sample / "photos", "--catalogue", "drawn")
    return modiste


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    import timm
    import torch

    torch.manual_seed(0)
    body = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    torch.save(body.state_dict(), tmp_path / "backbone.pth")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path / "recipe.toml"


def test_an_export_is_what_sql_says(filled: Modiste, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    said = filled.json("train", "--from-catalogue", "drawn", "--export-only", folder)
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = filled.sql("""
        SELECT DISTINCT ON (c.id) left(encode(c.sha256, 'hex'), 32) || '.jpg', l.seller_category, l.colour, l.gender,
               l.metadata ->> 'style_group', l.metadata ->> 'sleeve', l.external_id
        FROM modiste.content c JOIN modiste.photo p ON p.content_id = c.id JOIN modiste.listing l ON l.id = p.listing_id
        WHERE l.catalogue = 'drawn' ORDER BY c.id, l.id""")
    columns = ("photo", "category", "colour", "gender", "product", "sleeve", "external_id")
    assert sorted([row[column] for column in columns] for row in rows) == sorted(expected)
    assert (said["photos"], said["new"], said["missing"]) == (len(rows), len(rows), 0)
    for row in rows:
        photo = (folder / "photos" / row["photo"]).read_bytes()
        assert hashlib.sha256(photo).hexdigest()[:32] == Path(row["photo"]).stem  # the photo itself, not a small copy
    assert filled.json("train", "--from-catalogue", "drawn", "--export-only", folder)["new"] == 0


def test_a_model_is_trained_on_the_catalogue_and_registered(filled: Modiste, recipe: Path, tmp_path: Path) -> None:
    done = filled.run(
        "train",
        recipe,
        "--from-catalogue",
        "drawn",
        "--out",
        tmp_path / "own-1",
        "--device",
        "cpu",
        "--register",
        "--json",
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    named = [event["event"] for event in events]
    assert (named[0], named[1], named[-2], named[-1]) == ("exported", "data", "trained", "registered")
    assert sum(events[1]["photos"].values()) == events[0]["photos"]
    assert Path(events[-2]["report"]).read_text().lower().startswith("<!doctype html>")
    assert "own-1" in (tmp_path / "own-1" / "MODEL_CARD.md").read_text()
    assert no_product_in_two_splits(filled, recipe)
    shown = filled.json("models", "show", "own-1")
    assert (shown["state"], shown["embedding_dim"], shown["sources"][0]["name"]) == ("registered", 8, "drawn")
    assert set(shown["attributes"]) == {"colour", "sleeve"}
    assert "has seen 0 of the" in filled.run("models", "activate", "own-1", expect=1).stderr
    filled.run("models", "backfill", "own-1")
    assert "own-1 is the active version" in filled.run("models", "activate", "own-1").stdout


def no_product_in_two_splits(filled: Modiste, recipe: Path) -> bool:
    """As the trainer reads the exported manifest."""
    from trainer.reading import read_all
    from trainer.recipe import load_recipe

    folder = filled.home / "cache" / "training" / "catalogue-drawn"
    data, _ = read_all(load_recipe(recipe), {"drawn": folder})
    pairs = {(int(product), str(split)) for product, split in zip(data.targets.products, data.splits, strict=True)}
    assert len({split for _, split in pairs}) == 3
    return len(pairs) == len({product for product, _ in pairs})
