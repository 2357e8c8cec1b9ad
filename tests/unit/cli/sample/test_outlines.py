"""Outlines: corners stay where they were put, and curves stay near their points."""

import numpy as np

from cli.sample.outlines import box, corner, curve


def test_corners_stay_corners() -> None:
    outline = curve([*corner(0, 0), *corner(1, 0), *corner(1, 1), *corner(0, 1)])
    for point in ((0, 0), (1, 0), (1, 1), (0, 1)):
        assert (outline == point).all(axis=1).any()


def test_a_box_reaches_exactly_to_its_edges() -> None:
    rectangle = box(-0.5, -0.1, 0.5, 0.1)
    assert np.allclose([rectangle.min(axis=0), rectangle.max(axis=0)], [(-0.5, -0.1), (0.5, 0.1)])
