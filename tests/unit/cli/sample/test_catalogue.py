"""The sample catalogue is what tests and the demo stand on: readable, labelled, different, and the same every time."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from cli.sample import catalogue, draw_catalogue
from cli.sample.listings import SELLERS, every_shot, listings_of
from cli.sample.products import choose_products
from cli.sample.shots import Crop

_IMAGES = ("image", "image2", "image3", "image4")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _photos(row: dict[str, str]) -> list[str]:
    return [row[column] for column in _IMAGES if row[column]]


def test_every_photo_of_the_feed_opens_and_no_other_stands_beside_it(feed: Path) -> None:
    named = {name for row in _table(feed) for name in _photos(row)}
    assert named == {f"photos/{path.name}" for path in (feed.parent / "photos").iterdir()}
    for name in named:
        with Image.open(feed.parent / name) as photo:
            photo.load()
            assert (photo.format, photo.mode) == ("JPEG", "RGB")


def test_every_photo_has_bytes_of_its_own(feed: Path) -> None:
    photos = list((feed.parent / "photos").iterdir())
    assert len({photo.read_bytes() for photo in photos}) == len(photos)


def test_every_photo_has_one_row_of_labels_that_agree_with_the_feed(feed: Path) -> None:
    manifest = _table(feed.parent / "manifest.csv")
    labels = {row["photo"]: row for row in manifest}
    assert len(labels) == len(manifest)
    listings = _table(feed)
    assert {name for row in listings for name in _photos(row)} == set(labels)
    for row in listings:
        for name in _photos(row):
            assert labels[name]["colour"] == row["colour"]
            assert labels[name]["style_group"] == row["style_group"]
            for column in ("pattern", "sleeve", "neckline", "length"):
                assert labels[name][column] in ("", row[column])
        assert labels[row["image"]]["pattern"] == row["pattern"]
        if row["seller"] == "Atelier Nord":  # which calls every kind by its own name
            assert labels[row["image"]]["category"] == row["category"]


def test_the_same_seed_draws_the_same_catalogue(feed: Path, tmp_path: Path) -> None:
    again = draw_catalogue(tmp_path, products=2)
    assert again.read_text() == "".join(feed.read_text().splitlines(keepends=True)[:3])
    for photo in (tmp_path / "photos").iterdir():
        assert photo.read_bytes() == (feed.parent / "photos" / photo.name).read_bytes()


def test_another_seed_draws_another_catalogue(feed: Path, tmp_path: Path) -> None:
    other = draw_catalogue(tmp_path, seed=8, products=1)
    name = _photos(_table(other)[0])[0]
    assert (tmp_path / name).read_bytes() != (feed.parent / name).read_bytes()


def test_processes_draw_what_one_process_draws(feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_PHOTOS_WORTH_PROCESSES", 0)
    draw_catalogue(tmp_path, products=2)
    for photo in (tmp_path / "photos").iterdir():
        assert photo.read_bytes() == (feed.parent / "photos" / photo.name).read_bytes()


def test_a_drawing_that_ends_early_leaves_no_feed_not_even_an_older_one(tmp_path: Path) -> None:
    draw_catalogue(tmp_path, products=1)
    assert (tmp_path / "feed.csv").exists()

    def lose_patience(drawn: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_catalogue(tmp_path, products=1, on_photo=lose_patience)
    assert not (tmp_path / "feed.csv").exists()


def test_progress_is_told_photo_by_photo_before_the_feed_stands_there(tmp_path: Path) -> None:
    told: list[tuple[int, int, bool]] = []
    draw_catalogue(
        tmp_path, products=1, on_photo=lambda *progress: told.append((*progress, (tmp_path / "feed.csv").exists()))
    )
    photos = len(list((tmp_path / "photos").iterdir()))
    assert told == [(drawn, photos, False) for drawn in range(1, photos + 1)]


def test_a_product_in_ten_is_sold_by_two_sellers_who_share_photos() -> None:
    listings = listings_of(choose_products(7, 240), 7)
    assert len(listings) == 264
    assert len({listing.external_id for listing in listings}) == 264
    first = {listing.product.style_group: listing for listing in listings[:240]}
    for again in listings[240:]:
        original = first[again.product.style_group]
        assert original.product == again.product
        assert original.seller != again.seller
        assert original.shots[0] in again.shots
        assert original.seller.title(original.product) != again.seller.title(again.product)
    assert any(set(again.shots) - set(first[again.product.style_group].shots) for again in listings[240:])


def test_a_listing_has_two_to_four_photos_and_no_photo_twice() -> None:
    listings = listings_of(choose_products(7, 240), 7)
    counts = Counter(len(listing.shots) for listing in listings)
    assert set(counts) == {2, 3, 4}
    assert all(len(set(listing.shots)) == len(listing.shots) for listing in listings)
    assert len({shot.photo for shot in every_shot(listings)}) == len(every_shot(listings))


def test_the_first_photo_shows_the_whole_product() -> None:
    listings = listings_of(choose_products(7, 240), 7)
    assert {listing.shots[0].view.crop for listing in listings} == {Crop.WHOLE}
    assert {shot.view.crop for shot in every_shot(listings)} == set(Crop)


def test_every_seller_takes_part() -> None:
    listings = listings_of(choose_products(7, 24), 7)
    assert {listing.seller.name for listing in listings} == {seller.name for seller in SELLERS}
