"""The sample catalogue is what tests and the demo stand on: readable, labelled, different, and the same every time."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.sample import draw_catalogue
from cli.sample.outlines import box, corner, curve
from cli.sample.photo import SIZE_PX, draw_photo
from cli.sample.products import choose_products


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_catalogue(tmp_path_factory.mktemp("sample"), products=36)


def _table(feed: Path) -> list[dict[str, str]]:
    with feed.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_names_two_photos_that_open(feed: Path) -> None:
    rows = _table(feed)
    assert len(rows) == 36
    for row in rows:
        for name in (row["image"], row["image2"]):
            with Image.open(feed.parent / name) as photo:
                photo.load()
                assert (photo.format, photo.size, photo.mode) == ("JPEG", (SIZE_PX, SIZE_PX), "RGB")


def test_every_photo_has_bytes_of_its_own(feed: Path) -> None:
    photos = list((feed.parent / "photos").iterdir())
    assert len({photo.read_bytes() for photo in photos}) == len(photos) == 72


def test_the_same_seed_draws_the_same_catalogue(feed: Path, tmp_path: Path) -> None:
    again = draw_catalogue(tmp_path, products=2)
    assert again.read_text() == "".join(feed.read_text().splitlines(keepends=True)[:3])
    for photo in (tmp_path / "photos").iterdir():
        assert photo.read_bytes() == (feed.parent / "photos" / photo.name).read_bytes()


def test_another_seed_draws_another_catalogue(feed: Path) -> None:
    (product,) = choose_products(8, 1)
    assert draw_photo(product, 0, 8) != (feed.parent / "photos" / "S00000-1.jpg").read_bytes()


def test_at_least_twelve_categories_and_four_patterns_are_there() -> None:
    products = choose_products(7, 120)
    assert len({product.kind.name for product in products}) >= 12
    assert {product.pattern for product in products} >= {"Solid", "Striped", "Checked", "Dotted"}
    assert len({product.seller for product in products}) == 2


def test_a_style_group_is_one_cut_in_different_colours() -> None:
    products = choose_products(7, 200)
    for one, other in zip(products[::2], products[1::2], strict=True):
        assert one.style_group == other.style_group
        assert (one.kind, one.pattern, one.sleeve, one.neckline) == (
            other.kind,
            other.pattern,
            other.sleeve,
            other.neckline,
        )
        assert one.colour != other.colour


@pytest.mark.parametrize("number", range(0, 34, 2))
def test_the_product_stands_out_from_its_backdrop_and_has_its_colour(number: int) -> None:
    product = choose_products(7, 34)[number]
    pixels = np.asarray(Image.open(io.BytesIO(draw_photo(product, 0, 7))), np.float32)
    border = np.concatenate([pixels[:6].reshape(-1, 3), pixels[-6:].reshape(-1, 3)]).mean(axis=0)
    differs = np.abs(pixels - border).max(axis=2) > 16
    assert 0.1 < differs.mean() < 0.9


def test_corners_stay_corners_and_curves_do_not_leave_their_boxes() -> None:
    outline = curve([*corner(0, 0), *corner(1, 0), *corner(1, 1), *corner(0, 1)])
    assert [
        tuple(point) for point in ((0, 0), (1, 0), (1, 1), (0, 1)) if not (outline == point).all(axis=1).any()
    ] == []
    rectangle = box(-0.5, -0.1, 0.5, 0.1)
    assert np.allclose([rectangle.min(axis=0), rectangle.max(axis=0)], [(-0.5, -0.1), (0.5, 0.1)])
