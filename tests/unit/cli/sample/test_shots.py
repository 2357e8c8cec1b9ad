"""Labels say what can be seen: a close-up has no sleeve, a back no neckline."""

from dataclasses import replace

import pytest

from cli.sample.kinds import KINDS
from cli.sample.products import Product, choose_products
from cli.sample.shots import Crop, Setting, Shot, View, labels_of, shots_of


def _t_shirt(pattern: str = "Solid") -> Product:
    return replace(choose_products(7, 1)[0], pattern=pattern)


def _labels(product: Product, **view: object) -> dict[str, str]:
    shot = Shot(product_number=product.number, number=0, view=View(setting=Setting.WHITE, **view))  # type: ignore[arg-type]
    return labels_of(product, shot)


def test_the_whole_front_shows_everything() -> None:
    product = _t_shirt()
    assert _labels(product) == {
        "category": "T-Shirt",
        "colour": product.colour,
        "pattern": "Solid",
        "sleeve": "Short",
        "neckline": product.neckline,
        "length": "",
    }


def test_a_close_up_of_a_neck_could_be_of_a_dress_and_shows_neither_sleeve_nor_length() -> None:
    labels = _labels(_t_shirt(), crop=Crop.DETAIL)
    assert labels["category"] == labels["sleeve"] == labels["length"] == ""
    assert labels["neckline"] == _t_shirt().neckline


@pytest.mark.parametrize(("pattern", "seen"), [("Striped", "Striped"), ("Graphic", ""), ("Colour-Block", "")])
def test_a_close_up_shows_a_pattern_that_is_everywhere(pattern: str, seen: str) -> None:
    assert _labels(_t_shirt(pattern), crop=Crop.DETAIL)["pattern"] == seen


def test_a_back_shows_neither_neckline_nor_print() -> None:
    assert _labels(_t_shirt("Graphic"), back=True)["neckline"] == ""
    assert _labels(_t_shirt("Graphic"), back=True)["pattern"] == ""
    assert _labels(_t_shirt("Striped"), back=True)["pattern"] == "Striped"


def test_every_setting_and_view_is_taken_of_something() -> None:
    shots = [shot for product in choose_products(7, 240) for shot in shots_of(product, 7)]
    assert {shot.view.setting for shot in shots} == set(Setting)
    assert {(shot.view.crop, shot.view.back, shot.view.turned) for shot in shots} == {
        (Crop.WHOLE, False, False),
        (Crop.WHOLE, False, True),
        (Crop.WHOLE, True, False),
        (Crop.DETAIL, False, False),
    }


def test_no_two_photos_of_a_product_are_taken_alike() -> None:
    for product in choose_products(7, 240):
        views = [shot.view for shot in shots_of(product, 7)]
        assert len(set(views)) == len(views)


def test_only_what_hangs_is_hung_and_only_what_stands_stands_on_a_shelf() -> None:
    for product in choose_products(7, 8 * len(KINDS)):
        settings = {shot.view.setting for shot in shots_of(product, 7)}
        assert Setting.WALL not in settings or product.kind.hangs
        assert Setting.SHELF not in settings or product.kind.stands
