"""Curves that garments are cut from. Unit space: x and y in about -1 to 1, y downwards, the wearer's axis at x = 0."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(N, 2) float64: x, y."""

_STEPS = 8


def curve(points: Sequence[tuple[float, float]], *, closed: bool = True) -> Points:
    """A smooth (Catmull-Rom) line through the points, eight steps between two; a point given twice is a corner."""
    base = np.asarray(points, dtype=np.float64)
    around = np.vstack([base[-1], base, base[:2]]) if closed else np.vstack([base[0], base, base[-1]])
    p0, p1, p2, p3 = around[:-3, None], around[1:-2, None], around[2:-1, None], around[3:, None]
    t = np.linspace(0, 1, _STEPS, endpoint=False)[None, :, None]
    smooth = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    # Between the two halves of a corner there is nothing to draw but the corner itself.
    smooth[np.all(p1 == p2, axis=2)[:, 0]] = p1[np.all(p1 == p2, axis=2)[:, 0]]
    return np.asarray(smooth.reshape(-1, 2))


def corner(x: float, y: float) -> list[tuple[float, float]]:
    """A point the curve turns sharply at."""
    return [(x, y), (x, y)]


def mirrored(half: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The right half of an outline, from top to bottom, and its mirror image back up."""
    return [*half, *((-x, y) for x, y in reversed(half))]


def flipped(points: Points) -> Points:
    """The mirror image at the wearer's axis."""
    return points * (-1, 1)


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.02) -> Points:
    """A rectangle with rounded corners."""
    quarter = np.linspace(0, np.pi / 2, 5)
    bow = radius * np.stack([np.cos(quarter), np.sin(quarter)], axis=1)
    centres = [(1, 1, right, bottom), (-1, 1, left, bottom), (-1, -1, left, top), (1, -1, right, top)]
    bows = [bow[:: x * y] * (x, y) + (edge_x - x * radius, edge_y - y * radius) for x, y, edge_x, edge_y in centres]
    return np.vstack(bows)


def disc(x: float, y: float, radius: float) -> Points:
    """A circle."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def band(line: Points, width: float) -> Points:
    """A strip of even width along an open line."""
    direction = np.gradient(line, axis=0)
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)[:, None]
    side = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / length * (width / 2)
    return np.vstack([line + side, (line - side)[::-1]])
