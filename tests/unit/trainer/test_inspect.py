from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.trainer.deepfashion import coarse, edit, fine, inshop, photo
from trainer.errors import RecipeError, SourceError
from trainer.main import app
from trainer.sources.guess import guess_source

TAXONOMY = """
categories = ["Shirt", "Shoe", "Boot", "Bag"]
[groups.colour]
values = ["Red", "Blue"]
[sources.shop.words.category]
shoes = ["Shoe", "Boot"]
"""
RECIPE = """
version = "1"
taxonomy = "taxonomy.toml"
[network]
backbone = "test_efficientnet"
[pixels]
size_px = 32
resize = "pad-white"
mean = [127.0, 127.0, 127.0]
std = [128.0, 128.0, 128.0]
[[sources]]
name = "shop"
table = "shop.csv"
photos = "photos"
licence = "drawn"
product = "style"
split = "split"
splits = { val = "dev" }
[[sources]]
name = "other"
table = "other.csv"
licence = "drawn"
"""
ROWS = (
    "photo,category,colour,style,split",
    "0.jpg,Shirt,Red,s1,train",
    "1.jpg,Shirt,Blue,s1,train",
    "2.jpg,shoes,Mauve,s2,train",
    "3.jpg,Shirt,,s3,val",
    "0-again.jpg,Shirt,Red,s1,test",
    "4.jpg,Bag,Red,s4,test",
    "gone.jpg,Shirt,Red,s5,test",
    "broken.jpg,Shirt,Red,s6,train",
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A recipe, and a shop with everything in it that inspect looks for."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "taxonomy.toml").write_text(TAXONOMY)
    (tmp_path / "shop/photos").mkdir(parents=True)
    (tmp_path / "shop/shop.csv").write_text("\n".join(ROWS))
    for number in range(5):
        (tmp_path / f"shop/photos/{number}.jpg").write_bytes(photo(number))
    shutil.copy(tmp_path / "shop/photos/0.jpg", tmp_path / "shop/photos/0-again.jpg")
    (tmp_path / "shop/photos/broken.jpg").write_bytes(photo(9)[:900])
    return tmp_path


def told(*arguments: str | Path, status: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments), "--json"])
    assert result.exit_code == status, result.output
    return dict(json.loads(result.stdout))


def test_everything_is_counted(shop: Path) -> None:
    found = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}")
    [source] = found["sources"]
    assert {name: source[name] for name in ("train", "dev", "test", "products", "alone", "most_per_product")} == {
        "train": 4,
        "dev": 1,
        "test": 3,
        "products": 6,
        "alone": 5,
        "most_per_product": 3,
    }
    category, colour = found["balances"]
    assert [tuple(one.values()) for one in category["classes"]] == [
        ("Shirt", 3, 1, 2, 0),
        ("Bag", 0, 0, 1, 0),
        ("Shoe", 0, 0, 0, 1),
        ("Boot", 0, 0, 0, 1),
    ]
    assert (category["ambiguous"], category["unlabelled"], colour["unlabelled"]) == (1, 0, 0.25)
    assert found["unknown"] == [{"source": "shop", "label": "colour", "word": "Mauve", "rows": 1}]
    assert found["good"] is True


def test_photos_that_are_missing_broken_or_in_two_splits_are_named(shop: Path) -> None:
    (shop / "shop/shop.csv").write_text("\n".join([*ROWS, "1.jpg,Shirt,Blue,s1,train"]))
    photos = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}")["photos"]
    assert photos["unreadable"][0] == "shop.csv, line 8, photo gone.jpg: it is not there"
    assert photos["unreadable"][1].startswith("shop.csv, line 9, photo broken.jpg: truncated (")
    [same] = photos["across"]
    assert same["splits"] == ["train", "test"]
    assert same["places"] == ["shop.csv, line 2, photo 0.jpg (train)", "shop.csv, line 6, photo 0-again.jpg (test)"]
    quick = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", "--quick")["photos"]
    assert (quick["decoded"], len(quick["unreadable"]), quick["repeated"]) == (False, 1, 2)


def test_what_would_be_learned_badly_is_a_warning_and_no_fault(shop: Path) -> None:
    warnings = "\n".join(told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}")["warnings"])
    assert "category in test without a train photo: Bag." in warnings
    assert "products that stand in more than one split: 1." in warnings
    assert "files that stand in more than one split, so that a test is no test: 1." in warnings
    assert "photos that cannot be used and would be left out: 2." in warnings


def test_every_malformed_line_is_a_finding_and_the_status_is_one(shop: Path) -> None:
    (shop / "shop/shop.csv").write_text("\n".join([*ROWS, ",Shirt,Red,s1,train", "5.jpg,Shirt", "6.jpg,Bag,,,tset"]))
    found = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", status=1)
    assert [(fault["line"], fault["column"]) for fault in found["faults"]] == [(10, "photo"), (11, ""), (12, "split")]
    assert found["sources"][0]["train"] == 4  # the rest is counted all the same


def test_data_without_a_train_photo_or_a_known_label_would_be_refused(shop: Path) -> None:
    table = shop / "shop/shop.csv"
    table.write_text("\n".join([ROWS[0], "0.jpg,Shirt,Red,s1,test"]))
    [why] = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", status=1)["refused"]
    assert why.startswith("no photo is in the split train (test: 1)")
    table.write_text("\n".join([ROWS[0], "0.jpg,Hat,Mauve,s1,train"]))
    found = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", status=1)
    assert found["refused"] == ["no row of any source has a label that the taxonomy knows."]
    assert [word["word"] for word in found["unknown"]] == ["Hat", "Mauve"]


def test_a_missing_table_and_missing_photos_are_faults_not_a_crash(shop: Path) -> None:
    shutil.rmtree(shop / "shop")
    found = told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", "--sheet", shop / "s.html", status=1)
    assert len(found["faults"]) == 2
    assert found["photos"]["photos"] == 0


def test_a_person_reads_the_same(shop: Path) -> None:
    (shop / "shop/shop.csv").write_text("\n".join([*ROWS, "5.jpg,Shirt,Red,s1,[bold]"]))
    result = CliRunner().invoke(app, ["inspect", str(shop / "recipe.toml"), "--data", f"shop={shop / 'shop'}"])
    assert result.exit_code == 1
    for text in ("Shirt 6", "Shoe 0 +1", "Mauve", "gone.jpg", "'[bold]' is no split", "lines that are wrong: 1."):
        assert text in result.stdout.replace("\n", " ")


def test_a_recipe_needs_the_folder_of_a_source_of_its_own(shop: Path) -> None:
    for arguments in ([], ["--data", f"shoop={shop}"]):
        result = CliRunner().invoke(app, ["inspect", str(shop / "recipe.toml"), *arguments])
        assert isinstance(result.exception, RecipeError)
        assert "--data shop=FOLDER --data other=FOLDER" in str(result.exception)


def test_a_folder_is_guessed_and_what_was_taken_for_what_is_said(shop: Path) -> None:
    (shop / "shop/notes.csv").write_text("a,b\n1,2\n")
    found = told(shop / "shop")
    assert found["guess"]["taken"] == {
        "table": "shop.csv",
        "photos": "photos",
        "photo": "photo",
        "category": "category",
        "product": "style",
        "split": "split",
        "attributes": "colour",
    }
    assert found["sources"][0]["dev"] == 1
    assert [one["name"] for one in found["balances"][1]["classes"]] == ["Red", "Blue", "Mauve"]


def test_a_table_is_guessed_by_the_photos_that_are_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "elsewhere.zip", "w") as archive:
        for number in range(8):
            archive.writestr(f"{number}.jpg", photo(number))
    lines = ["id;picture of it;articleType;x1;y1;x2;y2;sleeve;price"]
    lines += [
        f"{n};{n}.jpg;{'Hat' if n % 2 else 'Bag'};1;2;30;40;{'long' if n < 4 else 'short'};9.{n}" for n in range(8)
    ]
    (tmp_path / "feed.csv").write_text("\n".join(lines))
    for photos in (None, tmp_path / "elsewhere.zip"):
        guess = guess_source(tmp_path / "feed.csv", photos)
        assert (guess.spec.photo, guess.spec.category) == ("picture of it", "articleType")
        assert guess.spec.box_columns == ("x1", "y1", "x2", "y2")
        assert (tuple(guess.spec.attributes), guess.aside) == (("sleeve",), ("id", "price"))
    assert told(tmp_path / "feed.csv")["sources"][0]["boxes"] == 8


def test_where_no_column_names_a_photo_a_person_is_asked_for_them(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text("what,kind\nx,Hat\n")
    with pytest.raises(SourceError, match="say where they lie with --photos"):
        guess_source(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"neither a table .* nor DeepFashion's lists"):
        guess_source(tmp_path / "empty")
    with pytest.raises(SourceError, match="no such file or folder"):
        guess_source(tmp_path / "nowhere")


def test_deepfashion_is_recognised_in_all_its_layouts(tmp_path: Path) -> None:
    for name, build, lists in (("c", coarse, "Anno_coarse"), ("f", fine, "Anno_fine"), ("i", inshop, "Anno")):
        found = told(build(tmp_path / name))
        assert found["guess"]["taken"]["lists"] == lists
        assert found["photos"]["unreadable"] == []
        assert found["good"] is True
    assert (found["sources"][0]["query"], found["sources"][0]["gallery"]) == (1, 2)


def test_deepfashions_faults_are_all_named_at_once(tmp_path: Path) -> None:
    edit(coarse(tmp_path) / "Anno_coarse/list_category_img.txt", "jpg   3", "jpg   4")
    edit(tmp_path / "Anno_coarse/list_bbox.txt", "5\r\n", "4\r\n")
    found = told(tmp_path, status=1)
    assert [(Path(fault["file"]).name, fault["line"]) for fault in found["faults"]] == [
        ("list_bbox.txt", 1),
        ("list_category_img.txt", 5),
    ]
    assert found["photos"]["photos"] == 4


def test_the_contact_sheet_shows_each_category_and_loads_nothing(shop: Path) -> None:
    sheet = shop / "out/sheet.html"
    rows = [row.replace("Bag,", '"<b>Bag & Co</b>",') for row in ROWS]
    (shop / "taxonomy.toml").write_text(TAXONOMY.replace('"Bag"', '"<b>Bag & Co</b>"'))
    (shop / "shop/shop.csv").write_text("\n".join(rows))
    told(shop / "recipe.toml", "--data", f"shop={shop / 'shop'}", "--sheet", sheet)
    page = sheet.read_text()
    assert page.count('src="data:image/webp;base64,') == page.count("<img ") == 6  # not the missing and the broken one
    assert "&lt;b&gt;Bag &amp; Co&lt;/b&gt;" in page
    assert "One of several categories" in page
    assert "Shoe or Boot" in page
    assert "http" not in page.replace("http-equiv", "")
