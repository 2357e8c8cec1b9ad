"""From a feed to similar listings in SQL, with a real Celery worker process: the one path that must never break."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Modiste = Any  # tests/e2e/conftest.py


@pytest.fixture(scope="module")
def shop(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample that a test may change."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copytree(sample, folder, dirs_exist_ok=True)
    return folder


def change_feed(feed: Path, change: "dict[int, dict[str, str]]", *more: str) -> None:
    """Rewrites cells of rows by number, and appends raw lines."""
    with feed.open(newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or []), list(reader)
    for number, cells in change.items():
        rows[number] |= cells
    with feed.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
        file.writelines(f"{line}\n" for line in more)


def test_the_whole_way(modiste: Modiste, shop: Path) -> None:
    arguments = ("import", shop / "feed.csv", "--photos", shop / "photos", "--catalogue", "shop")
    first = modiste.json(*arguments)
    assert (first["rows_new"], first["photos_total"], first["photos_enriched"]) == (44, 120, 120)
    assert (first["state"], first["photos_inferred"]) == ("done", 114)  # two sellers share some

    again = modiste.json(*arguments)
    assert (again["rows_unchanged"], again["photos_total"], again["photos_inferred"]) == (44, 0, 0)

    change_three_prices_one_title_one_photo_and_break_two_rows(shop)
    changed = modiste.json(*arguments, expect=3)
    assert (changed["rows_changed"], changed["rows_unchanged"], changed["rows_rejected"]) == (5, 39, 2)
    assert (changed["photos_total"], changed["photos_inferred"]) == (1, 1)
    assert [(r["line"], r["column"], r["reason"]) for r in changed["rejected"]] == [
        (46, "price", "bad_price"),
        (47, "external_id", "missing_id"),
    ]
    similar_listings_answer_in_sql(modiste)
    similar_listings_answer_on_the_command_line(modiste, shop)


def change_three_prices_one_title_one_photo_and_break_two_rows(shop: Path) -> None:
    with (shop / "feed.csv").open(newline="") as file:
        header = next(csv.reader(file))
    prices = {number: {"price": "1.23"} for number in (3, 4, 5)}
    broken = [["" for _ in header] for _ in range(2)]
    broken[0][header.index("external_id")], broken[0][header.index("price")] = "broken", "a lot"
    broken[1][header.index("price")] = "5"
    change_feed(shop / "feed.csv", {**prices, 6: {"title": "Renamed"}}, *(",".join(row) for row in broken))
    Image.new("RGB", (300, 400), (13, 77, 201)).save(photos_of(shop, 7)[0])


def photos_of(shop: Path, number: int) -> list[Path]:
    with (shop / "feed.csv").open(newline="") as file:
        row = list(csv.DictReader(file))[number]
    return [shop / "photos" / Path(row[column]).name for column in row if column.startswith("image") and row[column]]


def similar_listings_answer_in_sql(modiste: Modiste) -> None:
    genders = dict(modiste.sql("SELECT gender, count(*) FROM modiste.listing GROUP BY 1"))
    gender = max(genders, key=lambda name: int(genders[name]))
    rows = modiste.sql(
        f"""SELECT s.listing_id, l.gender, l.price, s.how FROM modiste.similar_listings(1, 5,
            '{{"gender": "{gender}", "price_max": 60}}') s JOIN modiste.listing l ON l.id = s.listing_id"""
    )
    assert rows
    assert {row[1] for row in rows} == {gender}
    assert all(float(row[2]) <= 60 for row in rows)
    assert len({row[0] for row in rows} | {"1"}) == len(rows) + 1


def similar_listings_answer_on_the_command_line(modiste: Modiste, shop: Path) -> None:
    ((external_id, title),) = modiste.sql("SELECT external_id, title FROM modiste.listing WHERE id = 1")
    sheet = shop / "sheet.png"
    found: list[dict[str, Any]] = modiste.json("similar", external_id, "-k", "6", "--sheet", sheet)
    assert len(found) == 6
    assert Image.open(sheet).width > 1000
    others = [row["external_id"] for row in found]
    more = modiste.json("similar", external_id, others[0], "--unlike", others[-1], "-k", "2", "--diversity", "0.3")
    assert not {row["external_id"] for row in more} & {external_id, others[0], others[-1]}
    ((attribute,),) = modiste.sql(
        "SELECT attributes[1] FROM modiste.listing_enrichment WHERE attributes <> '{}' LIMIT 1"
    )
    assert all(attribute in row["why"]["attributes"] for row in modiste.json("similar", "--attribute", attribute))
    asked = modiste.json("similar", "--photo", photos_of(shop, 0)[0], "-k", "3")
    assert asked[0]["external_id"] == external_id, f"{title} is not nearest to its own photo"
    assert asked[0]["score"] > 0.99


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nowhere.csv"), "no such file"),
        (("similar", "no-such-listing"), "there is no listing no-such-listing"),
        (("similar",), "name listings, or give --photo"),
        (("status", "999"), "there is no import 999"),
        (("models", "activate", "no-such-model"), "there is no model version no-such-model"),
    ],
)
def test_a_mistake_gets_one_message_that_says_what_to_do(
    modiste: Modiste, arguments: tuple[str, ...], says: str
) -> None:
    failed = modiste.run(*arguments, expect=1)
    assert says in " ".join(failed.stderr.split())
    assert "Traceback" not in failed.stderr


def test_photos_forgotten_are_asked_for_before_anything_is_written(modiste: Modiste, sample: Path) -> None:
    failed = modiste.run("import", sample / "feed.csv", "--catalogue", "forgotten", expect=1)
    assert "--photos" in failed.stderr
    assert modiste.sql("SELECT count(*) FROM modiste.listing WHERE catalogue = 'forgotten'") == [["0"]]


@pytest.mark.parametrize("more", [("--dry-run",), ()])
def test_photos_named_otherwise_than_in_the_feed_are_told_in_one_sentence(
    modiste: Modiste, tmp_path: Path, more: tuple[str, ...]
) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("id,title,image,price\n" + "".join(f"{n},Kleid,1000{n}.jpg,5\n" for n in range(5)))
    (tmp_path / "photos").mkdir()
    for number in range(5):
        Image.new("RGB", (64, 64), (number, 0, 0)).save(tmp_path / "photos" / f"IMG_1000{number}.jpg")
    said = modiste.run("import", feed, "--photos", tmp_path / "photos", "--catalogue", "otherwise", *more, expect=3)
    assert "None of the 5 names in the feed is among the photos; these hold e.g. IMG_10000.jpg." in said.stderr
    assert ("none to look at; 5 would go into quarantine" in said.stdout) == bool(more)


def test_doctor_finds_nothing_wrong(modiste: Modiste) -> None:
    findings = modiste.json("doctor")
    assert {finding["verdict"] for finding in findings} == {"ok"}


def test_a_column_that_nobody_recognised_is_said_and_photos_that_no_column_names_are_an_error(
    modiste: Modiste, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("Handle,Product Name,Bild,Preis\nA1,Kleid,1.jpg,5\nA2,Rock,2.jpg,6\nA1,Hose,3.jpg,7\n")
    refused = modiste.run("import", feed, "--photos", tmp_path, "--dry-run", expect=1)
    assert "no column names them" in refused.stderr
    assert "Bild, Preis" in refused.stderr
    said = modiste.run(
        "import", feed, "--photos", tmp_path, "--map", "photos=Bild", "--catalogue", "dry", "--dry-run", expect=3
    )
    assert "title ← Product Name" in said.stderr
    assert "No column was taken for price" in said.stderr
    assert "duplicate_id" in said.stdout
