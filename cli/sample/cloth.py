"""How cloths look: depth of folds, gloss, and the fine grain of threads, as planes over the picture."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from cli.sample.kinds import Cloth

Plane = npt.NDArray[np.floating[Any]]
"""(H, W) float32."""
_GRAIN_PX = 768
_GRAIN_SEED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A cloth before the light. `fold` 1 is soft cotton; `grain` is how far threads change the tone.

    `gloss` is the brightness of a highlight, `sharpness` how small it is: how often its fall-off is squared.
    """

    fold: float = 1.0
    grain: float = 0.03
    gloss: float = 0.0
    sharpness: int = 3


_LOOKS = {
    Cloth.JERSEY: Look(fold=1.0, grain=0.018),
    Cloth.POPLIN: Look(fold=1.15, grain=0.013, gloss=0.02),
    Cloth.TWILL: Look(fold=0.85, grain=0.04),
    Cloth.DENIM: Look(fold=0.8, grain=0.10),
    Cloth.KNIT: Look(fold=0.75, grain=0.15),
    Cloth.FLEECE: Look(fold=0.9, grain=0.025),
    Cloth.WOOL: Look(fold=0.6, grain=0.05),
    Cloth.SATIN: Look(fold=1.5, grain=0.008, gloss=0.34, sharpness=2),
    Cloth.LEATHER: Look(fold=0.45, grain=0.028, gloss=0.22, sharpness=4),
    Cloth.CANVAS: Look(fold=0.4, grain=0.06),
}


def look_of(cloth: Cloth) -> Look:
    """How a cloth takes the light."""
    return _LOOKS[cloth]


def smooth_noise(rng: np.random.Generator, height: int, width: int, *, rows: int, columns: int) -> Plane:
    """(height, width) noise of standard deviation near 1 whose grains are `rows` × `columns` to the picture."""
    coarse = rng.standard_normal((max(rows, 2), max(columns, 2))).astype(np.float32)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def grain_of(cloth: Cloth, rng: np.random.Generator, height: int, width: int, *, close: bool) -> Plane:
    """(height, width) threads of standard deviation near 1, another stretch of the same cloth for each photo."""
    top, left = (int(rng.integers(_GRAIN_PX - extent)) for extent in (height, width))
    return _bolt(cloth, 2.2 if close else 1.0)[top : top + height, left : left + width]


@cache
def _bolt(cloth: Cloth, zoom: float) -> Plane:
    """A bolt of cloth to cut photos' threads from; the same in every process."""
    rng = np.random.default_rng((_GRAIN_SEED, list(Cloth).index(cloth)))
    y, x = (np.mgrid[0:_GRAIN_PX, 0:_GRAIN_PX] / zoom).astype(np.float32)
    fine = rng.standard_normal((_GRAIN_PX, _GRAIN_PX)).astype(np.float32)
    rows = int(_GRAIN_PX / (1.6 * zoom))
    soft = smooth_noise(rng, _GRAIN_PX, _GRAIN_PX, rows=rows, columns=rows)
    threads = _threads(cloth, rng, x, y, soft)
    return np.asarray(threads + 0.25 * fine, np.float32)


def _threads(cloth: Cloth, rng: np.random.Generator, x: Plane, y: Plane, soft: Plane) -> Plane:
    match cloth:
        case Cloth.KNIT:
            return np.asarray(_stitches(x, y) + 0.4 * soft)
        case Cloth.TWILL:
            return np.asarray(np.sin((x + y) * 1.5) + 0.7 * soft)
        case Cloth.DENIM:
            slubs = smooth_noise(rng, *x.shape, rows=60, columns=600)
            return np.asarray(0.8 * np.sin((x + y) * 1.6) + 0.8 * soft + 0.5 * slubs)
        case Cloth.CANVAS:
            return np.asarray(1.2 * np.sin(x * 1.8) * np.sin(y * 1.8) + 0.6 * soft)
        case Cloth.JERSEY:
            return np.asarray(0.5 * np.sin(x * 2.1) + 0.8 * soft)
        case Cloth.LEATHER:
            pores = smooth_noise(rng, *x.shape, rows=int(y[-1, 0] / 3.2), columns=int(y[-1, 0] / 3.2))
            return -np.abs(pores) * 1.2 + 0.8
        case Cloth.WOOL:
            flecks = smooth_noise(rng, *x.shape, rows=int(y[-1, 0] / 3), columns=int(y[-1, 0] / 5))
            return 0.7 * flecks + 0.6 * soft
        case _:
            return soft


def _stitches(x: Plane, y: Plane) -> Plane:
    """Columns of knitted V's."""
    across = np.abs((x / 5.6) % 1 - 0.5) * 2
    rise = np.cos(2 * np.pi * (y / 4.6 + 0.5 * across))
    return np.asarray(0.85 * rise * (1 - 0.4 * across) - 0.9 * (across > 0.86) + 0.2, np.float32)
