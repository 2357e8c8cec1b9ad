"""Cloth: patterns, weave and folds as arrays over the picture. Knows colours and coordinates, no garments."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.floating[Any]]
"""(H, W) float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weave:
    """What covers the cloth: a pattern of two colours (RGB, 0 to 1) and its scale in unit space."""

    pattern: str
    first: tuple[float, float, float]
    second: tuple[float, float, float]
    scale: float
    seed: int


def smooth_noise(rng: np.random.Generator, height: int, width: int, *, rows: int, columns: int) -> Plane:
    """(height, width) noise of standard deviation near 1 whose grains are `rows` × `columns` to the picture."""
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def cover(weave: Weave, u: Plane, v: Plane) -> Plane:
    """How much of the second colour stands at unit coordinates (u, v): (H, W) in [0, 1]."""
    if weave.pattern == "Striped":
        return _edge(np.abs(_saw(v / weave.scale)) - 0.28)
    if weave.pattern == "Checked":
        across, along = _edge(np.abs(_saw(u / weave.scale)) - 0.26), _edge(np.abs(_saw(v / weave.scale)) - 0.26)
        thin = np.maximum(
            _edge(np.abs(_saw(u / weave.scale + 0.5)) - 0.03), _edge(np.abs(_saw(v / weave.scale + 0.5)) - 0.03)
        )
        return np.maximum(0.5 * (across + along), 0.8 * thin)
    if weave.pattern == "Dotted":
        row = np.floor(v / weave.scale)
        return _edge(np.hypot(_saw(u / weave.scale + 0.5 * (row % 2)), _saw(v / weave.scale + 0.5)) - 0.24)
    if weave.pattern == "Floral":
        return _flowers(weave, u, v)
    return np.zeros_like(u)


def tile_of_cloth(rng: np.random.Generator, height: int, width: int, *, knit: bool) -> Plane:
    """Fine relief of threads, about 1 high: twill for woven cloth, columns of stitches for knitted."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain = rng.standard_normal((height, width)).astype(np.float32)
    if knit:
        stitches = 0.8 * np.sin(x * (np.pi / 3) + 0.6 * np.sin(y * 2.1)) + 0.4 * np.cos(y * 2.1)
        return np.asarray(stitches + 0.3 * grain)
    return np.asarray(0.5 * np.sin((x + y) * 1.9) + 0.7 * grain)


def _flowers(weave: Weave, u: Plane, v: Plane) -> Plane:
    """Five-petalled flowers on a jittered grid."""
    cell = weave.scale * 1.9
    column, row = np.floor(u / cell), np.floor(v / cell)
    jitter = np.sin(column * 12.9898 + row * 78.233 + weave.seed % 97) * 43758.5453
    jitter -= np.floor(jitter)
    x = u / cell - column - 0.5 + 0.3 * (jitter - 0.5)
    y = v / cell - row - 0.5 + 0.3 * (0.5 - jitter)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    petals = _edge(radius - 0.27 - 0.09 * np.cos(5 * angle + 6 * jitter))
    return np.asarray(petals * (1 - 0.8 * _edge(radius - 0.08)), dtype=np.float32)


def _saw(value: Plane) -> Plane:
    """Distance to the nearest whole number, signed, in [-0.5, 0.5]."""
    return np.asarray(value - np.round(value))


def _edge(distance: Plane) -> Plane:
    """1 inside, 0 outside, with an edge soft enough not to flicker."""
    return np.asarray(np.clip(0.5 - distance * 9.0, 0.0, 1.0), np.float32)
