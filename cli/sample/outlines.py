"""Curves that garments are cut from. Unit space: x and y in about -1 to 1, y downwards, the wearer's axis at x = 0."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(N, 2) float64: x, y."""
Place = tuple[float, float]

_STEPS = 8


def curve(points: Sequence[Place], *, closed: bool = True) -> Points:
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
    line = np.asarray(smooth.reshape(-1, 2))
    return line if closed else np.vstack([line, base[-1]])


def corner(x: float, y: float) -> list[Place]:
    """A point the curve turns sharply at."""
    return [(x, y), (x, y)]


def sharp(*points: Place) -> Points:
    """A closed outline of straight edges."""
    return np.asarray(points, dtype=np.float64)


def mirrored(half: Sequence[Place]) -> list[Place]:
    """The right half of an outline, from top to bottom, and its mirror image back up; on the axis nothing doubles."""
    return [*half, *((-x, y) for x, y in reversed(half) if x)]


def both_sides(points: Points) -> tuple[Points, Points]:
    """The points, and their mirror image at the wearer's axis."""
    return points, points * (-1, 1)


def moved(points: Points, x: float, y: float) -> Points:
    """The same shape elsewhere."""
    return np.asarray(points + np.array((x, y)))


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.02) -> Points:
    """A rectangle with rounded corners."""
    quarter = np.linspace(0, np.pi / 2, 5)
    bow = radius * np.stack([np.cos(quarter), np.sin(quarter)], axis=1)
    centres = [(1, 1, right, bottom), (-1, 1, left, bottom), (-1, -1, left, top), (1, -1, right, top)]
    bows = [bow[:: x * y] * (x, y) + (edge_x - x * radius, edge_y - y * radius) for x, y, edge_x, edge_y in centres]
    return np.vstack(bows)


def disc(x: float, y: float, radius: float, *, flatness: float = 1.0) -> Points:
    """A circle; an ellipse where its height is `flatness` times its width."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + flatness * radius * np.sin(angle)], axis=1)


def band(line: Points, width: float) -> Points:
    """A strip of even width along an open line."""
    line = _unrepeated(line)
    side = _across(line) * (width / 2)
    return np.vstack([line + side, (line - side)[::-1]])


def sliver(line: Points, width: float) -> Points:
    """A strip along an open line that runs out to a point at both ends."""
    taper = np.sin(np.linspace(0, np.pi, len(line)))[:, None]
    side = _across(line) * (width / 2) * taper
    return np.vstack([line + side, (line - side)[::-1]])


def beside(line: Points, distance: float) -> Points:
    """A line parallel to an open line: to its right, seen along it, in a picture whose y points down."""
    line = _unrepeated(line)
    return np.asarray(line + _across(line) * distance)


def between(start: Place, end: Place, *, bow: float = 0.0) -> Points:
    """An open line from one place to another, bent sideways by `bow` in its middle."""
    line = np.linspace(start, end, 9)
    return line + _across(line) * (bow * np.sin(np.linspace(0, np.pi, 9)))[:, None]


def _across(line: Points) -> Points:
    """Unit vectors across a line, at each of its points."""
    direction = np.gradient(line, axis=0)
    length = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)[:, None]
    return np.stack([-direction[:, 1], direction[:, 0]], axis=1) / length


def _unrepeated(line: Points) -> Points:
    """The line without the second halves of its corners, which have no direction."""
    moves = np.hypot(*np.diff(line, axis=0).T) > 1e-9
    return np.asarray(line[np.concatenate([[True], moves])])
