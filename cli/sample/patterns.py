"""Patterns on cloth: how much of which colour stands at unit coordinates (u, v). Knows no garments."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cli.sample.cloth import Plane, smooth_noise
from cli.sample.colours import Rgb, as_planes

_TILE_PX = 384
_TILE_UNITS = 0.8


@dataclass(frozen=True, kw_only=True)
class Weave:
    """What covers the cloth: a pattern of two colours and its scale in unit space; `seed` arranges it.

    Stripes lie across, or stand where they are `upright`, as on shirts and suits, and then are narrow."""

    pattern: str
    first: Rgb
    second: Rgb
    scale: float
    seed: int
    upright: bool = False

    def painted(self, u: Plane, v: Plane, pixel: float) -> Plane:
        """(3, H, W) colours at (H, W) coordinates; `pixel` is the width of one in unit space."""
        first, second = as_planes(self.first), as_planes(self.second)
        if self.pattern in ("Floral", "Dotted"):
            return self._from_tile(u, v)
        return np.asarray(first + (second - first) * self._share(u, v, pixel), np.float32)

    def _share(self, u: Plane, v: Plane, pixel: float) -> Plane:
        size = self.scale
        edge = pixel / size
        rng = np.random.default_rng(self.seed)
        match self.pattern:
            case "Striped" if self.upright:
                return _within(_saw(u / (0.42 * size)), float(rng.choice((0.06, 0.2))), edge / 0.42)
            case "Striped":
                share = float(rng.choice((0.16, 0.3, 0.42)))
                return _within(_saw(v / (size * (0.6 + share))), share / 2, edge)
            case "Checked":
                return _gingham(u / size, v / size, edge) if rng.random() < 0.4 else _tartan(u / size, v / size, edge)
            case "Colour-Block":
                middle, half = ((0.62, 0.6), (-0.12, 0.13), (-0.86, 0.50))[int(rng.integers(3))]
                return _within(v - middle, half, pixel)
            case "Melange":
                return _flecks(rng, u)
            case _:
                return np.zeros_like(u)

    def _from_tile(self, u: Plane, v: Plane) -> Plane:
        column, row = ((plane * (_TILE_PX / _TILE_UNITS)).astype(np.int32) % _TILE_PX for plane in (u, v))
        return np.asarray(self._tile[:, row * _TILE_PX + column])

    @cached_property
    def _tile(self) -> Plane:
        """(3, pixels): one repeat of a print, drawn at twice its size and joined without a seam."""
        rng = np.random.default_rng(self.seed)
        image = Image.new("RGB", (2 * _TILE_PX,) * 2, _bytes(self.first))
        draw = _draw_dots if self.pattern == "Dotted" else _draw_flowers
        draw(image, rng, self)
        small = image.reduce(2).filter(ImageFilter.GaussianBlur(0.6))
        return np.ascontiguousarray(np.asarray(small, np.float32).reshape(-1, 3).T) / np.float32(255)


def _gingham(x: Plane, y: Plane, edge: float) -> Plane:
    across, along = (_within(_saw(plane * 0.9), 0.25, edge) for plane in (x, y))
    return np.asarray(0.5 * (across + along), np.float32)


def _tartan(x: Plane, y: Plane, edge: float) -> Plane:
    """Broad bands with a narrow line between them, both ways, half covering each other."""
    lines = []
    for plane in (x * 0.62, y * 0.62):
        broad = 0.55 * _within(_saw(plane), 0.21, edge)
        narrow = 0.75 * _within(_saw(plane + 0.5), 0.025, edge) + 0.35 * _within(_saw(plane), 0.035, edge)
        lines.append(np.maximum(broad, narrow))
    return np.asarray(1 - (1 - 0.85 * lines[0]) * (1 - 0.85 * lines[1]), np.float32)


def _flecks(rng: np.random.Generator, u: Plane) -> Plane:
    """Short horizontal flecks of spun wool."""
    height, width = u.shape
    flecks = smooth_noise(rng, height, width, rows=max(height // 2, 2), columns=max(width // 6, 2))
    return np.asarray(np.clip(0.16 + 0.17 * flecks, 0.0, 0.6), np.float32)


def _draw_dots(image: Image.Image, rng: np.random.Generator, weave: Weave) -> None:
    pen = ImageDraw.Draw(image)
    count = int(rng.choice((5, 7, 9)))
    step = image.width / (2 * count)
    radius = step * rng.uniform(0.34, 0.5)
    for row in range(2 * count):
        for column in range(count):
            x, y = (2 * column + row % 2 + 0.5) * step, (row + 0.5) * step
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_bytes(weave.second))


def _draw_flowers(image: Image.Image, rng: np.random.Generator, weave: Weave) -> None:
    """Five-petalled flowers of three sizes with leaves, kept apart, and repeated over the tile's edges."""
    pen, side = ImageDraw.Draw(image), image.width
    leaf = tuple(int(0.55 * s + 0.45 * g) for s, g in zip(_bytes(weave.second), (70, 110, 70), strict=True))
    heart = (226, 184, 84) if sum(weave.second) > 1.2 else (236, 226, 202)
    placed: list[tuple[float, float, float]] = []
    for radius in (*[side * 0.085] * 9, *[side * 0.055] * 22, *[side * 0.03] * 60):
        x, y = rng.uniform(0, side, 2)
        if all(_apart(x - a, y - b, side) > 1.15 * (radius + r) for a, b, r in placed):
            placed.append((x, y, radius))
            turn = rng.uniform(0, 2 * np.pi)
            for shift_x in (-side, 0, side):
                for shift_y in (-side, 0, side):
                    _flower(pen, x + shift_x, y + shift_y, radius, turn, (_bytes(weave.second), leaf, heart))


def _flower(
    pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, turn: float, colours: tuple[tuple[int, ...], ...]
) -> None:
    petal, leaf, heart = colours
    for angle in (turn + 0.6, turn + 2.9):
        tip = (x + 1.35 * radius * np.cos(angle), y + 1.35 * radius * np.sin(angle))
        wide = 0.3 * radius * np.array((-np.sin(angle), np.cos(angle)))
        middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
        pen.polygon([(x, y), (middle[0] + wide[0], middle[1] + wide[1]), tip,
                     (middle[0] - wide[0], middle[1] - wide[1])], fill=leaf)  # fmt: skip
    for number in range(5):
        angle = turn + number * 2 * np.pi / 5
        at_x, at_y, size = x + 0.5 * radius * np.cos(angle), y + 0.5 * radius * np.sin(angle), 0.40 * radius
        pen.ellipse((at_x - size, at_y - size, at_x + size, at_y + size), fill=petal)
    size = 0.24 * radius
    pen.ellipse((x - size, y - size, x + size, y + size), fill=heart)


def _apart(x: float, y: float, side: float) -> float:
    return float(np.hypot(min(abs(x), side - abs(x)), min(abs(y), side - abs(y))))


def _bytes(colour: Rgb) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in colour)


def _saw(value: Plane) -> Plane:
    """Distance to the nearest whole number, signed, in [-0.5, 0.5]."""
    return np.asarray(value - np.round(value))


def _within(distance: Plane, half: float, edge: float) -> Plane:
    """1 where |distance| is below `half`, 0 beyond, over an edge of one pixel."""
    return np.asarray(np.clip(0.5 + (half - np.abs(distance)) / edge, 0.0, 1.0), np.float32)
