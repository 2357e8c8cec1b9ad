"""Any mode of Pillow to RGB: alpha on white, high bit depths scaled to eight bits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

DEEP_GREY = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})
WITH_ALPHA = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})


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
        return _grey_to_eight_bits(image).convert("RGB")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        return _on_white(image)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    straight = {"RGBa": "RGBA", "La": "LA"}.get(image.mode, image.mode)
    rgba = image.convert(straight).convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert("RGB")


def _grey_to_eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey is divided by 257; deeper grey states no range: [0, 1], [0, 255] or 16 bits by its peak."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(grey.max(initial=0.0))
    if image.mode.startswith("I;16") or peak > 255:
        grey = grey / 257
    elif image.mode == "F" and peak <= 1:
        grey = grey * 255
    return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8))


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
