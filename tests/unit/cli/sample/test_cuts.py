"""Cuts are whole garments: a cut for every kind, sleeves as wide as their hems, the same cut from the same seed."""

import numpy as np
import pytest

from cli.sample.cuts import cut_garment
from cli.sample.cuts.body import body_of
from cli.sample.kinds import KINDS
from cli.sample.parts import Piece, Style
from cli.sample.products import Product, choose_products


@pytest.mark.parametrize("product", choose_products(7, len(KINDS)), ids=lambda product: product.kind.name)
def test_a_garment_is_cut_alike_from_either_side_and_stays_near_its_axis(product: Product) -> None:
    for back in (False, True):
        style = Style(sleeve=product.sleeve, neckline=product.neckline, length=product.length, back=back)
        garment = cut_garment(product, style, np.random.default_rng(1))
        points = np.vstack([part.outline for part in garment if isinstance(part, Piece)])
        assert np.isfinite(points).all()
        assert np.abs(points).max() < 1.3
        assert abs(points[:, 0].min() + points[:, 0].max()) < 0.45


@pytest.mark.parametrize("sleeve", ["Short", "Three-Quarter", "Long"])
@pytest.mark.parametrize("arms", [0.0, 1.0])
def test_a_sleeve_ends_in_an_edge_as_wide_as_its_cuff_not_in_a_point(sleeve: str, arms: float) -> None:
    body = body_of(np.random.default_rng(1), Style(sleeve=sleeve, neckline="Round"), length=0.6)
    outline, (outer, inner) = body.sleeve(sleeve, arms, cuff=0.2)
    assert np.hypot(outer[0] - inner[0], outer[1] - inner[1]) == pytest.approx(0.2)
    for end in (outer, inner):
        assert np.hypot(*(outline - end).T).min() < 1e-9
    assert outer[0] > body.shoulder


def test_a_longer_sleeve_reaches_further_down() -> None:
    body = body_of(np.random.default_rng(1), Style(sleeve="Long", neckline="Round"), length=0.6)
    reach = [body.sleeve(sleeve, 0.0, cuff=0.2)[0][:, 1].max() for sleeve in ("Short", "Three-Quarter", "Long")]
    assert reach == sorted(reach)
    assert reach[0] < reach[1] - 0.2 < reach[2] - 0.4


@pytest.mark.parametrize(("neckline", "deeper"), [("V-Neck", "Round"), ("Scoop", "Round")])
def test_v_and_scoop_necks_are_deeper_than_round_ones(neckline: str, deeper: str) -> None:
    deep, shallow = (body_of(np.random.default_rng(1), Style(neckline=name), length=0.6) for name in (neckline, deeper))
    assert deep.neck_depth > shallow.neck_depth + 0.05
