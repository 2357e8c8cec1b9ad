"""Painting pieces and seams: colour, relief and contact shadow, built up piece by piece, lit once at the end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from cli.sample.cloth import Plane, Weave, cover, smooth_noise, tile_of_cloth
from cli.sample.outlines import Points, band
from cli.sample.parts import Garment, Piece, Seam, Tint

_SUPERSAMPLING = 3
_MARGIN_PX = 14
Picture = npt.NDArray[np.floating[Any]]
"""(H, W, 3) float32 in [0, 1]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """Where unit space lies in the picture: middle in pixels, scale in pixels, turn in radians, shear."""

    x_px: float
    y_px: float
    scale_px: float
    turn: float
    shear: float

    def matrix(self) -> npt.NDArray[np.float64]:
        """Unit space to pixels, without the shift."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        turned = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, self.shear], [0.0, 1.0]])
        return np.asarray(turned * self.scale_px)

    def to_pixels(self, points: Points) -> Points:
        """Points of unit space as pixels."""
        return points @ self.matrix().T + (self.x_px, self.y_px)


class Canvas:
    """One garment being painted; `alpha`, `colour` and `relief` are read when it is done."""

    def __init__(self, *, size_px: int, pose: Pose, weave: Weave, rng: np.random.Generator, knit: bool) -> None:
        self._size = size_px
        self._pose = pose
        self._weave = weave
        self._tints = _tints(weave)
        self.alpha = np.zeros((size_px, size_px), np.float32)
        self.colour = np.zeros((size_px, size_px, 3), np.float32)
        self.relief = np.zeros((size_px, size_px), np.float32)
        self._shade = np.ones((size_px, size_px), np.float32)
        # Cloth hangs: its folds are longer than wide.
        self._folds = smooth_noise(rng, size_px, size_px, rows=7, columns=17)
        self._folds += 0.5 * smooth_noise(rng, size_px, size_px, rows=14, columns=26)
        self._threads = tile_of_cloth(rng, size_px, size_px, knit=knit)
        y, x = np.mgrid[0:size_px, 0:size_px].astype(np.float32)
        inverse = np.linalg.inv(pose.matrix()).astype(np.float32)
        x, y = x - np.float32(pose.x_px), y - np.float32(pose.y_px)
        self._u = inverse[0, 0] * x + inverse[0, 1] * y
        self._v = inverse[1, 0] * x + inverse[1, 1] * y

    def paint(self, garment: Garment) -> None:
        """Paint every piece and seam in order."""
        for part in garment:
            if isinstance(part, Piece):
                self._piece(part)
            else:
                self._seam(part)

    def shaded(self) -> Picture:
        """The colours with seams and contact shadows, before any light falls."""
        return self.colour * self._shade[..., None]

    def _piece(self, piece: Piece) -> None:
        found = self._mask(self._pose.to_pixels(piece.outline))
        if found is None:
            return
        area, mask, image = found
        near = _blurred(image, 4.0)
        swell = _blurred(image, 9.0) * mask
        self._shade[area] *= 1 - 0.42 * near * (1 - mask)
        self._shade[area] += (1 - self._shade[area]) * mask
        relief = piece.puff * 9.0 * swell + 2.6 * piece.folds * self._folds[area]
        relief = relief + (self._ribs(piece, area) if piece.ribbed else 0.0)
        relief = relief + (0.22 * self._threads[area] if piece.tint not in _SMOOTH else 0.0)
        self.relief[area] += (relief - self.relief[area]) * mask
        self.colour[area] += (self._paint_of(piece, area) - self.colour[area]) * mask[..., None]
        self.alpha[area] += (1 - self.alpha[area]) * mask

    def _seam(self, seam: Seam) -> None:
        line = self._pose.to_pixels(seam.line)
        width_px = max(seam.width * self._pose.scale_px, 0.9)
        found = self._mask(*(band(stretch, width_px) for stretch in (_dashes(line) if seam.dashed else [line])))
        if found is None:
            return
        area, mask, _ = found
        mask = mask * self.alpha[area]
        self._shade[area] *= 1 - seam.depth * mask
        self.relief[area] -= 1.2 * seam.depth * mask

    def _paint_of(self, piece: Piece, area: tuple[slice, slice]) -> Picture:
        tint = self._tints[piece.tint]
        if piece.tint is not Tint.CLOTH or self._weave.pattern == "Solid":
            return tint
        u, v = self._u[area], self._v[area]
        cos, sin = np.float32(np.cos(piece.turn)), np.float32(np.sin(piece.turn))
        share = cover(self._weave, u * cos + v * sin, v * cos - u * sin)[..., None]
        return np.asarray(tint * (1 - share) + self._tints[Tint.ACCENT] * share, dtype=np.float32)

    def _ribs(self, piece: Piece, area: tuple[slice, slice]) -> Plane:
        cos, sin = np.float32(np.cos(piece.turn)), np.float32(np.sin(piece.turn))
        return np.asarray(0.9 * np.sin((self._u[area] * cos + self._v[area] * sin) * 190.0), dtype=np.float32)

    def _mask(self, *outlines: Points) -> tuple[tuple[slice, slice], Plane, Image.Image] | None:
        """The part of the picture that outlines touch, their coverage there in [0, 1], and that as an image."""
        every = np.concatenate(outlines)
        low = np.clip(np.floor(every.min(axis=0)).astype(int) - _MARGIN_PX, 0, self._size)
        high = np.clip(np.ceil(every.max(axis=0)).astype(int) + _MARGIN_PX, 0, self._size)
        width, height = (int(extent) for extent in high - low)
        if width < 2 or height < 2:
            return None
        large = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
        pen = ImageDraw.Draw(large)
        for outline in outlines:
            pen.polygon(((outline - low) * _SUPERSAMPLING).ravel().tolist(), fill=255)
        image = large.reduce(_SUPERSAMPLING)
        area = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        return area, np.asarray(image, np.float32) / 255, image


_SMOOTH = frozenset((Tint.METAL, Tint.PALE, Tint.BUTTON))


def _tints(weave: Weave) -> dict[Tint, Picture]:
    first, second = np.asarray(weave.first, np.float32), np.asarray(weave.second, np.float32)
    is_dark = float(first.mean()) < 0.45
    return {
        Tint.CLOTH: first,
        Tint.PLAIN: first * np.float32(0.9),
        Tint.INSIDE: first * np.float32(0.55),
        Tint.ACCENT: second,
        Tint.PALE: np.asarray((0.92, 0.91, 0.88), np.float32),
        Tint.METAL: np.asarray((0.72, 0.68, 0.58), np.float32),
        Tint.BUTTON: np.asarray((0.86, 0.84, 0.80) if is_dark else (0.25, 0.22, 0.2), np.float32),
    }


def _blurred(image: Image.Image, radius_px: float) -> Plane:
    return np.asarray(image.filter(ImageFilter.BoxBlur(radius_px)), np.float32) / 255


def _dashes(line: Points, *, length_px: float = 4.0) -> list[Points]:
    """Every second stretch of a line, cut at even lengths."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0.0, along[-1], 2 * length_px)
    ends = np.minimum(starts + length_px, along[-1])
    return [
        np.stack([np.interp((s, e), along, line[:, axis]) for axis in (0, 1)], axis=1)
        for s, e in zip(starts, ends, strict=True)
    ]
