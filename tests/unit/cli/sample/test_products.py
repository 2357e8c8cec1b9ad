"""Products are chosen so that even a small catalogue has something of everything."""

from cli.sample.kinds import KINDS
from cli.sample.products import choose_products


def test_every_kind_is_sold_before_one_comes_again() -> None:
    assert {product.kind.name for product in choose_products(7, len(KINDS))} == {kind.name for kind in KINDS}
    assert len(KINDS) >= 12


def test_the_whole_catalogue_has_every_pattern_sleeve_neckline_and_length_of_every_kind() -> None:
    products = choose_products(7, 240)
    for kind in KINDS:
        of_kind = [product for product in products if product.kind == kind]
        assert {product.pattern for product in of_kind} == set(kind.patterns)
        for name in ("sleeve", "neckline", "length"):
            assert {getattr(product, name) for product in of_kind} <= set(getattr(kind, f"{name}s"))


def test_more_products_leave_the_first_ones_as_they_are() -> None:
    assert choose_products(7, 30)[:10] == choose_products(7, 10)


def test_another_seed_chooses_otherwise() -> None:
    assert choose_products(7, 10) != choose_products(8, 10)


def test_a_patterned_product_has_two_colours_that_can_be_told_apart() -> None:
    assert all(product.colour != product.second_colour for product in choose_products(7, 240))
