"""Painting pieces and seams: colour, height and contact shadow, built up piece by piece, lit once at the end."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cli.sample.cloth import Look, Plane, smooth_noise
from cli.sample.colours import as_planes
from cli.sample.outlines import sliver
from cli.sample.parts import Crease, Garment, Piece, Seam, Tint
from cli.sample.patterns import Weave
from cli.sample.pose import HEIGHT_PX, WIDTH_PX, Pose
from cli.sample.stencil import Area, Stencil, blurred, broadly_blurred, dashes, enlarged, stencil_of

_WOVEN = frozenset((Tint.CLOTH, Tint.PLAIN, Tint.INSIDE, Tint.ACCENT, Tint.WASH))
_GLOSS = {Tint.METAL: 0.55, Tint.BUTTON: 0.3, Tint.PALE: 0.05, Tint.DARK: 0.25, Tint.TAN: 0.1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stuff:
    """What a garment is made of: weave, look, the threads over the picture, and where it is lit from."""

    weave: Weave
    look: Look
    grain: Plane
    light_x: float
    light_y: float


class Canvas:
    """One garment being painted; `alpha`, `colour`, `height_px`, `gloss` and `shade` are read when it is done."""

    def __init__(self, *, pose: Pose, stuff: Stuff, rng: np.random.Generator) -> None:
        self._pose = pose
        self._stuff = stuff
        self._tints = _tints(stuff.weave)
        self._folds = _folds(rng, pose.scale_px) * np.float32(0.0095 * pose.scale_px * stuff.look.fold)
        shape = (HEIGHT_PX, WIDTH_PX)
        self.alpha, self.height_px, self.gloss = (np.zeros(shape, np.float32) for _ in range(3))
        self.shade = np.ones(shape, np.float32)
        self.colour = np.zeros((3, *shape), np.float32)

    def paint(self, garment: Garment) -> None:
        """Paint every piece and seam in order."""
        for part in garment:
            if isinstance(part, Seam):
                self._seam(part)
            elif part.flat:
                self._print(part)
            else:
                self._piece(part)

    def _piece(self, piece: Piece) -> None:
        stencil = stencil_of(self._pose.to_pixels(piece.outline)[None])
        if stencil is None:
            return
        area, cover = stencil.area, stencil.cover
        self._cast(stencil, piece.puff)
        self.shade[area] += (1 - self.shade[area]) * cover
        self.height_px[area] += (self._height_of(piece, stencil) - self.height_px[area]) * cover
        self._cover(area, self._paint_of(piece, area), cover)
        gloss = self._stuff.look.gloss if piece.tint in _WOVEN else _GLOSS.get(piece.tint, 0.0)
        self.gloss[area] += (gloss - self.gloss[area]) * cover
        np.maximum(self.alpha[area], cover, out=self.alpha[area])

    def _cover(self, area: Area, paint: Plane, cover: Plane) -> None:
        colour = self.colour[:, area[0], area[1]]
        colour += (paint - colour) * cover

    def _cast(self, stencil: Stencil, puff: float) -> None:
        """The shadow of a piece on what lies under it: all around, and longer away from the light."""
        near = blurred(stencil.image, max(0.012 * self._pose.scale_px, 2.0))
        reach = 0.014 * self._pose.scale_px
        shift = (round(-self._stuff.light_y * reach), round(-self._stuff.light_x * reach))
        thrown = 0.5 * near + 0.5 * np.roll(near, shift, axis=(0, 1))
        self.shade[stencil.area] *= 1 - min(0.16 + 0.36 * puff, 0.5) * thrown * (1 - stencil.cover)

    def _height_of(self, piece: Piece, stencil: Stencil) -> Plane:
        scale, image = self._pose.scale_px, stencil.image
        height = (0.027 * scale * piece.puff) * blurred(image, 0.018 * scale)
        if min(image.size) > 0.2 * scale:
            height = height + (0.085 * scale * piece.puff) * broadly_blurred(image, 0.085 * scale, shrink=4)
        if piece.folds:
            height = height + piece.folds * self._folds[stencil.area]
        if piece.creases:
            height = height + self._creased(piece.creases, stencil)
        if piece.ribbed:
            height = height + self._ribs(piece, stencil.area)
        if self._stuff.weave.pattern == "Cable Knit" and piece.tint is Tint.CLOTH:
            height = height + 0.022 * scale * _cables(*self._unit(stencil.area, piece.turn))
        return height

    def _print(self, piece: Piece) -> None:
        stencil = stencil_of(self._pose.to_pixels(piece.outline)[None])
        if stencil is None:
            return
        image, area = stencil.image, stencil.area
        cover = blurred(image, piece.soft * self._pose.scale_px) if piece.soft else stencil.cover
        self._cover(area, self._paint_of(piece, area), cover * self.alpha[area])

    def _seam(self, seam: Seam) -> None:
        line = self._pose.to_pixels(seam.line)
        width_px = max(seam.width * self._pose.scale_px, 0.9)
        stitch_px = max(0.014 * self._pose.scale_px, 3.0)
        stencil = stencil_of(dashes(line, stitch_px) if seam.dashed else line[None], line_px=width_px)
        if stencil is None:
            return
        area = stencil.area
        cover = stencil.cover * self.alpha[area]
        if seam.tint is not None:
            self._cover(area, self._tints[seam.tint], 0.85 * cover)
        self.shade[area] *= 1 - (0.6 if seam.tint is None else 0.1) * seam.depth * cover
        self.height_px[area] -= 0.006 * self._pose.scale_px * seam.depth * cover

    def _paint_of(self, piece: Piece, area: Area) -> Plane:
        tint, weave = self._tints[piece.tint], self._stuff.weave
        if piece.tint not in _WOVEN:
            return tint
        tone = 1 + self._stuff.look.grain * self._stuff.grain[area]
        if piece.tint is not Tint.CLOTH or weave.pattern in ("Solid", "Graphic", "Cable Knit"):
            return np.asarray(tint * tone, np.float32)
        u, v = self._unit(area, piece.turn)
        # Patterns follow the folds of the cloth.
        bend = self._folds[area] * np.float32(0.8 * piece.folds / self._pose.scale_px)
        return np.asarray(weave.painted(u + bend, v + 0.6 * bend, 1.2 / self._pose.scale_px) * tone, np.float32)

    def _creased(self, creases: tuple[Crease, ...], stencil: Stencil) -> Plane:
        """Ridges and grooves, drawn at half size: they are soft anyway."""
        width, height = (max(extent // 2, 1) for extent in stencil.image.size)
        image = Image.new("L", (width, height), 128)
        pen = ImageDraw.Draw(image)
        origin = np.array((stencil.area[1].start, stencil.area[0].start))
        scale = self._pose.scale_px
        for crease in creases:
            outline = sliver(self._pose.to_pixels(crease.line), crease.width * scale)
            level = 128 + round(100 * crease.height)
            pen.polygon(((outline - origin) / 2).ravel().tolist(), fill=min(max(level, 0), 255))
        soft = image.filter(ImageFilter.BoxBlur(0.008 * scale)).filter(ImageFilter.BoxBlur(0.006 * scale))
        return (enlarged(soft, stencil.image.size) - 128) * np.float32(0.0003 * scale)

    def _ribs(self, piece: Piece, area: Area) -> Plane:
        u, _ = self._unit(area, piece.turn)
        return np.asarray(0.0035 * self._pose.scale_px * np.sin(u * 210.0), np.float32)

    def _unit(self, area: Area, turn: float) -> tuple[Plane, Plane]:
        u, v = self._coordinates
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return u[area] * cos + v[area] * sin, v[area] * cos - u[area] * sin

    @cached_property
    def _coordinates(self) -> tuple[Plane, Plane]:
        """Unit space under every pixel, without the sag: patterns may slip by that much."""
        x, y = np.arange(WIDTH_PX, dtype=np.float32)[None, :], np.arange(HEIGHT_PX, dtype=np.float32)[:, None]
        x, y = x - np.float32(self._pose.x_px), y - np.float32(self._pose.y_px)
        inverse = np.linalg.inv(self._pose.matrix()).astype(np.float32)
        return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y


def _tints(weave: Weave) -> dict[Tint, Plane]:
    first, second = as_planes(weave.first), as_planes(weave.second)
    is_dark = float(first.mean()) < 0.45
    return {
        Tint.CLOTH: first,
        Tint.PLAIN: first * np.float32(0.93),
        Tint.INSIDE: first * np.float32(0.58),
        Tint.ACCENT: second,
        Tint.WASH: first + (np.float32(0.86) - first) * np.float32(0.34),
        Tint.PALE: as_planes((0.93, 0.92, 0.90)),
        Tint.DARK: as_planes((0.13, 0.13, 0.14)),
        Tint.TAN: as_planes((0.60, 0.42, 0.27)),
        Tint.METAL: as_planes((0.70, 0.67, 0.60)),
        Tint.BUTTON: as_planes((0.86, 0.84, 0.80) if is_dark else (0.30, 0.26, 0.23)),
        Tint.THREAD: as_planes((0.80, 0.58, 0.30)),
    }


def _folds(rng: np.random.Generator, scale_px: float) -> Plane:
    """Cloth hangs: its folds are longer than wide, with finer wrinkles across some of them."""
    wide, high = WIDTH_PX / scale_px, HEIGHT_PX / scale_px
    half = (HEIGHT_PX // 2, WIDTH_PX // 2)
    folds = smooth_noise(rng, *half, rows=round(high * 3.2), columns=round(wide * 8))
    wrinkles = smooth_noise(rng, *half, rows=round(high * 9), columns=round(wide * 13))
    both = Image.fromarray(folds - np.float32(0.4) * np.sqrt(wrinkles * wrinkles + np.float32(0.2)))
    return np.array(both.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BILINEAR))


def _cables(u: Plane, v: Plane) -> Plane:
    """Braids of two strands, upright, with a line of purl between them."""
    across = u / 0.14 - np.round(u / 0.14)
    swing = 0.17 * np.sin(v * 34.0)
    strands = np.exp(-(((across - swing) / 0.11) ** 2)) + np.exp(-(((across + swing) / 0.11) ** 2))
    return np.asarray(0.6 * strands - 0.3 * (np.abs(across) > 0.42), np.float32)
