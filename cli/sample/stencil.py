"""Where outlines and lines fall in the picture: coverage of a part of it, and that blurred."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from cli.sample.cloth import Plane
from cli.sample.outlines import Points
from cli.sample.pose import HEIGHT_PX, WIDTH_PX

_SUPERSAMPLING = 2
_MARGIN_PX = 14
_LARGE_PX = 120  # beyond this, blurs are made at half the size
Area = tuple[slice, slice]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stencil:
    """Where an outline falls in the picture: coverage in [0, 1] over a part of it, and the same as an image."""

    area: Area
    cover: Plane
    image: Image.Image


def stencil_of(shapes: npt.NDArray[np.float64], *, line_px: float = 0.0) -> Stencil | None:
    """(N, points, 2) outlines in pixels, or lines `line_px` wide, as coverage; None where they leave the picture."""
    limit = (WIDTH_PX, HEIGHT_PX)
    low = np.clip(np.floor(shapes.min(axis=(0, 1))).astype(int) - _MARGIN_PX, 0, limit)
    high = np.clip(np.ceil(shapes.max(axis=(0, 1))).astype(int) + _MARGIN_PX, 0, limit)
    width, height = (int(extent) for extent in high - low)
    if width < 2 or height < 2:
        return None
    large = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    pen = ImageDraw.Draw(large)
    for shape in ((shapes - low) * _SUPERSAMPLING).reshape(len(shapes), -1).tolist():
        if line_px:
            pen.line(shape, fill=255, width=round(line_px * _SUPERSAMPLING), joint="curve")
        else:
            pen.polygon(shape, fill=255)
    image = large.reduce(_SUPERSAMPLING)
    area = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
    return Stencil(area=area, cover=np.asarray(image, np.float32) / 255, image=image)


def dashes(line: Points, stitch_px: float) -> npt.NDArray[np.float64]:
    """(N, 2, 2): stitches along a line, more thread than gap."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0.0, along[-1], 1.6 * stitch_px)
    ends = np.minimum(starts + stitch_px, along[-1])
    marks = np.stack([starts, ends], axis=1)
    return np.stack([np.interp(marks, along, line[:, axis]) for axis in (0, 1)], axis=2)


def blurred(image: Image.Image, radius_px: float) -> Plane:
    """A blur; of what is large, made at half the size."""
    if min(image.size) > _LARGE_PX:
        return broadly_blurred(image, radius_px, shrink=2)
    return np.asarray(image.filter(ImageFilter.BoxBlur(radius_px)), np.float32) / 255


def broadly_blurred(image: Image.Image, radius_px: float, *, shrink: int) -> Plane:
    """A wide blur, made smaller first, which nobody sees."""
    small = image.reduce(shrink)
    for _ in range(2):
        small = small.filter(ImageFilter.BoxBlur(radius_px / shrink / 1.4))
    return enlarged(small, image.size) * np.float32(1 / 255)


def enlarged(image: Image.Image, size: tuple[int, int]) -> Plane:
    """In floating point: steps of a 255th would show as lines on what shines."""
    return np.asarray(image.convert("F").resize(size, Image.Resampling.BILINEAR))
