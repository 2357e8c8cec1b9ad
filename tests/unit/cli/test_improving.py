"""What a better model learns from and is judged by: the table, the split, the recipe."""

import csv
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.errors import UsageError
from cli.improving import WEIGHT, next_version, recipe_text, split_of, taxonomy_text, write_table
from trainer.recipe import load_recipe

LABELS: dict[str, Any] = {
    "categories": ["Dress", "Shirt"],
    "groups": [
        {"name": "colour", "values": ["Red", "Blue"], "exclusive": True, "categories": []},
        {"name": "sleeve", "values": ["Long"], "exclusive": True, "categories": ["Dress"]},
    ],
}
MANIFEST: dict[str, Any] = {
    "labels": LABELS,
    "plan": {
        "backbone": "tf_efficientnet_lite0", "taps": [0, 1], "palette": 5, "trunk_dim": 16, "dropout": 0.5,
        "embedding_dim": 8, "category_head": True, "attribute_head": True,
    },
    "pixels": {"size_px": 224, "resize": "pad-white", "mean": [127.0] * 3, "std": [128.0] * 3},
}  # fmt: skip
COLUMNS = ("photo", "seller_category", "product", "external_id", "colour")


def export(folder: Path, products: int) -> list[dict[str, str]]:
    """A manifest as `modiste train` exports one: a photo a product, every fourth with a word that could be several."""
    rows = [
        {
            "photo": f"{n}.jpg", "seller_category": "Tops" if n % 4 == 0 else "Kleid", "product": f"P{n}",
            "external_id": f"L{n}", "colour": "Red" if n % 2 else "Mauve",
        }
        for n in range(products)
    ]  # fmt: skip
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return rows


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "improve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_product_is_always_in_the_same_part() -> None:
    parts = [split_of(f"P{n}") for n in range(2000)]
    assert parts == [split_of(f"P{n}") for n in range(2000)]
    assert 0.17 < parts.count("test") / 2000 < 0.23
    assert 0.08 < parts.count("dev") / 2000 < 0.12


def test_corrections_teach_and_never_judge(tmp_path: Path) -> None:
    rows = export(tmp_path, 600)
    corrected = {row["external_id"]: {"category": "Shirt"} for row in rows[:200]}
    counts = write_table(tmp_path, corrected, {"Kleid": "Dress"}, LABELS)
    written = table(tmp_path)
    names = {row["photo"].removesuffix(".jpg") for row in written if row["split"] != "train"}
    assert names
    assert min(int(name) for name in names) >= 200
    taught = [row for row in written if row["category"] == "Shirt"]
    assert {row["split"] for row in taught} == {"train"}
    assert len(taught) == WEIGHT * counts.corrected
    assert counts.corrected + counts.aside == 200
    assert counts.learned + counts.dev + counts.frozen + counts.aside + counts.unlabelled == 600


def test_words_that_are_no_label_teach_nothing(tmp_path: Path) -> None:
    export(tmp_path, 400)
    counts = write_table(tmp_path, {}, {"Kleid": "Dress"}, LABELS)
    assert counts.unlabelled == 100
    assert {row["category"] for row in table(tmp_path)} == {"Dress"}
    assert {row["colour"] for row in table(tmp_path)} == {"Red", ""}


def test_too_little_to_judge_by_is_refused(tmp_path: Path) -> None:
    export(tmp_path, 30)
    with pytest.raises(UsageError, match="photos are left to judge by, and 30 are needed"):
        write_table(tmp_path, {}, {"Kleid": "Dress"}, LABELS)


def test_the_recipe_is_one_that_the_trainer_reads(tmp_path: Path) -> None:
    taxonomy, file = tmp_path / "taxonomy.toml", tmp_path / "recipe.toml"
    taxonomy.write_text(taxonomy_text(LABELS))
    file.write_text(recipe_text(MANIFEST, 'mine "2"', tmp_path / "parent", taxonomy, 7))
    recipe = load_recipe(file)
    assert (recipe.version, recipe.parent, recipe.taxonomy) == ('mine "2"', tmp_path / "parent", taxonomy)
    assert [(stage.name, stage.epochs) for stage in recipe.stages] == [("corrections", 7)]
    said = tomllib.loads(taxonomy.read_text())
    assert said["groups"]["sleeve"] == {"values": ["Long"], "exclusive": True, "applies_to": ["Dress"]}


def test_the_next_version_is_the_first_that_is_free() -> None:
    assert next_version("shop-4", ["shop-4"]) == "shop-4-corrected-1"
    assert next_version("shop-4", ["shop-4", "shop-4-corrected-1"]) == "shop-4-corrected-2"
    assert next_version("shop-4-corrected-1", ["shop-4-corrected-1"]) == "shop-4-corrected-2"
