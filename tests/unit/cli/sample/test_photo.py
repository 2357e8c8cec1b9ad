"""A photo shows what its labels say: the colour, the pattern, the cut, whatever the kind of garment."""

import io
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from cli.sample.colours import COLOURS
from cli.sample.kinds import KINDS, Kind
from cli.sample.photo import draw_photo
from cli.sample.pose import HEIGHT_PX, WIDTH_PX
from cli.sample.products import Product, choose_products
from cli.sample.shots import Crop, Setting, Shot, View

Picture = npt.NDArray[np.float32]
_STUDIO = View(setting=Setting.WHITE)


def _product(kind: str, **words: str) -> Product:
    first = next(product for product in choose_products(7, len(KINDS)) if product.kind.name == kind)
    return replace(first, **({"pattern": "Solid"} | words))


@cache
def _drawn(product: Product, view: View = _STUDIO) -> Picture:
    photo = draw_photo(product, Shot(product_number=product.number, number=0, view=view), 7)
    return np.asarray(Image.open(io.BytesIO(photo)), np.float32) / 255


def _differing(one: Picture, other: Picture) -> npt.NDArray[np.bool_]:
    return np.abs(one - other).max(axis=2) > 0.1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_garment_of_any_kind_fills_a_good_part_of_the_photo_with_its_colour(kind: Kind) -> None:
    red, blue = (_drawn(_product(kind.name, colour=colour)) for colour in ("Red", "Blue"))
    assert red.shape == (HEIGHT_PX, WIDTH_PX, 3)
    cloth = _differing(red, blue)
    assert 0.03 < cloth.mean() < 0.8
    assert np.abs(np.median(red[cloth], axis=0) - COLOURS["Red"]).max() < 0.16
    assert np.abs(np.median(blue[cloth], axis=0) - COLOURS["Blue"]).max() < 0.16


@pytest.mark.parametrize("colour", COLOURS)
def test_no_other_colour_is_nearer_than_the_named_one(colour: str) -> None:
    other = "Black" if sum(COLOURS[colour]) > 1.5 else "White"
    drawn = _drawn(_product("T-Shirt", colour=colour))
    cloth = _differing(drawn, _drawn(_product("T-Shirt", colour=other)))
    seen = np.median(drawn[cloth], axis=0)
    assert min(COLOURS, key=lambda name: float(np.linalg.norm(seen - COLOURS[name]))) == colour


@pytest.mark.parametrize("pattern", sorted({pattern for kind in KINDS for pattern in kind.patterns}))
def test_a_pattern_of_two_colours_shows_the_second_one_and_any_pattern_differs_from_plain_cloth(pattern: str) -> None:
    one, other = (
        _drawn(_product("T-Shirt", colour="White", pattern=pattern, second_colour=c)) for c in ("Red", "Navy")
    )
    second = _differing(one, other).mean()
    if pattern in ("Solid", "Cable Knit"):
        assert second == 0
    else:
        assert second > 0.01
    plain = _drawn(_product("T-Shirt", colour="White"))
    assert (pattern == "Solid") == np.array_equal(one, plain)


def test_every_setting_looks_otherwise_at_the_picture_s_edge() -> None:
    product = _product("Handbag", colour="Red")
    edges = [_drawn(product, View(setting=setting))[:, :12].mean(axis=(0, 1)) for setting in Setting]
    for number, edge in enumerate(edges):
        assert all(np.abs(edge - other).max() > 0.004 for other in edges[:number])


def test_a_close_up_is_filled_by_more_of_the_garment_than_the_whole_view() -> None:
    shares = []
    for crop in (Crop.WHOLE, Crop.DETAIL):
        view = View(setting=Setting.WHITE, crop=crop)
        red, blue = (_drawn(_product("Jacket", colour=colour), view) for colour in ("Red", "Blue"))
        shares.append(_differing(red, blue).mean())
    assert shares[1] > 1.2 * shares[0]


def test_the_back_of_a_t_shirt_carries_no_print() -> None:
    product = _product("T-Shirt", colour="White", pattern="Graphic")
    back = View(setting=Setting.WHITE, back=True)
    assert np.array_equal(_drawn(product, back), _drawn(replace(product, pattern="Solid"), back))
