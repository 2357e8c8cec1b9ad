"""Where a garment lies in the picture: how large, how turned, how it sags; and the way back from pixels."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cli.sample.outlines import Points
from cli.sample.parts import Garment, Piece

WIDTH_PX, HEIGHT_PX = 480, 640


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """Middle and scale in pixels, turn in radians, shear and keystone; `sag` moves cloth a little, no two alike."""

    x_px: float
    y_px: float
    scale_px: float
    turn: float = 0.0
    shear: float = 0.0
    keystone: float = 0.0
    sag: float = 0.0
    phases: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def matrix(self) -> npt.NDArray[np.float64]:
        """Unit space to pixels, without the shift."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        turned = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, self.shear], [0.0, 1.0]])
        return np.asarray(turned * self.scale_px)

    def to_pixels(self, points: Points) -> Points:
        """Points of unit space as pixels."""
        x, y = points[:, 0], points[:, 1]
        a, b, c, d = self.phases
        sagged_x = x + self.sag * (np.sin(2.3 * y + a) + 0.6 * np.sin(3.1 * x + 4.1 * y + b))
        sagged_y = y + self.sag * (np.sin(2.6 * x + c) + 0.6 * np.sin(4.3 * x - 2.7 * y + d))
        sagged = np.stack([sagged_x * (1 + self.keystone * y), sagged_y], axis=1)
        return np.asarray(sagged @ self.matrix().T + (self.x_px, self.y_px))


def choose_pose(garment: Garment, rng: np.random.Generator, *, straight: bool, steady: bool) -> Pose:
    """The whole garment in the picture; a `steady` one (shoes, bags) does not sag."""
    low, high = _extent(garment)
    extent = high - low
    fill = rng.uniform(0.84, 0.90) if straight else rng.uniform(0.76, 0.88)
    scale = fill * min(WIDTH_PX / extent[0], HEIGHT_PX / extent[1])
    turn = float(rng.normal(0, 0.008 if straight else 0.07))
    pose = Pose(
        x_px=0.0,
        y_px=0.0,
        scale_px=float(scale),
        turn=turn,
        shear=0.0 if straight else float(rng.normal(0, 0.025)),
        keystone=0.0 if straight else float(rng.uniform(-0.05, 0.05)),
        sag=0.0 if steady else 0.006,
        phases=_phases(rng),
    )
    return _moved(pose, (low + high) / 2, rng.normal(0, 3, 2))


def choose_close_pose(rng: np.random.Generator, garment: Garment, place: tuple[float, float], *, steady: bool) -> Pose:
    """Near enough that the garment fills the picture around a place in unit space."""
    low, high = _extent(garment)
    scale = rng.uniform(1.9, 2.3) * 0.85 * min(WIDTH_PX / (high - low)[0], HEIGHT_PX / (high - low)[1])
    pose = Pose(
        x_px=0.0,
        y_px=0.0,
        scale_px=float(scale),
        turn=float(rng.normal(0, 0.05)),
        keystone=float(rng.uniform(-0.04, 0.04)),
        sag=0.0 if steady else 0.006,
        phases=_phases(rng),
    )
    return _moved(pose, np.asarray(place), rng.normal(0, 10, 2))


def _extent(garment: Garment) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points = np.vstack(
        [part.outline for part in garment if isinstance(part, Piece) and not (part.flat or part.backdrop)]
    )
    return points.min(axis=0), points.max(axis=0)


def _phases(rng: np.random.Generator) -> tuple[float, float, float, float]:
    a, b, c, d = rng.uniform(0, 2 * np.pi, 4)
    return float(a), float(b), float(c), float(d)


def _moved(pose: Pose, middle: npt.NDArray[np.float64], shift_px: npt.NDArray[np.float64]) -> Pose:
    """The same pose with `middle` in the middle of the picture, off by a shift."""
    x, y = np.array((WIDTH_PX / 2, HEIGHT_PX / 2)) + shift_px - pose.to_pixels(middle[None])[0]
    return replace(pose, x_px=float(x), y_px=float(y))
