"""Any mode of Pillow to RGB: alpha on white, high bit depths scaled to eight bits.

A large photo is converted a band of rows at a time: whole, the steps between would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DEEP_GREY = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})
BAND_PIXELS = 1 << 22


class UnsupportedModeError(ValueError):
    """A mode that has no meaning as a colour."""


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in mode RGB. Raises UnsupportedModeError."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    try:
        return _converted(image)
    except (ValueError, KeyError, OSError) as fault:
        raise UnsupportedModeError(f"Mode {image.mode} cannot be converted to RGB: {fault}.") from fault


def _converted(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_GREY:
        return _by_bands(image, partial(_grey_to_eight_bits, factor=_grey_factor(image)))
    if image.mode == "LAB":
        return _by_bands(image, _lab_to_rgb)
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        return _by_bands(image, _on_white)
    return image.convert("RGB")


def _by_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    boxes = list(_bands(image))
    if len(boxes) == 1:
        return convert(image)
    rgb = Image.new("RGB", image.size)
    for box in boxes:
        rgb.paste(convert(image.crop(box)), box)
    return rgb


def _bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _on_white(image: Image.Image) -> Image.Image:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    rgba = image.convert(straight).convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert("RGB")


def _grey_factor(image: Image.Image) -> float:
    """16-bit grey is divided by 257; deeper grey states no range: [0, 1], [0, 255] or 16 bits by its peak."""
    if image.mode.startswith("I;16"):
        return 1 / 257
    peak = max(float(_finite(image.crop(box)).max(initial=0.0)) for box in _bands(image))
    if peak > 255:
        return 1 / 257
    return 255.0 if image.mode == "F" and peak <= 1 else 1.0


def _grey_to_eight_bits(image: Image.Image, factor: float) -> Image.Image:
    grey = np.rint(_finite(image) * factor)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")


def _finite(image: Image.Image) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    source, target = _lab_profiles()
    rgb = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    if rgb is None:
        raise UnsupportedModeError("the colour library gave no image")
    return rgb


@cache
def _lab_profiles() -> tuple[Any, Any]:
    from PIL import ImageCms

    return ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
