"""The pixels of one garment: a photo cut to its box before the preprocessing that trainer and worker share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.sources import Box
from vision.preprocess import (
    MIN_SIDE_PX,
    STORED_SIDE_PX,
    PhotoError,
    PhotoFault,
    PixelRule,
    decode,
    open_photo,
    original_size,
    to_pixels,
)

MARGIN = 0.1  # of the box's sides, added on each side: boxes are drawn tight, and a hem needs its background


def decode_box(data: bytes, rule: PixelRule, box: Box | None) -> NDArray[np.uint8]:
    """The box of a photo, or all of it, as the network sees it, (S, S, 3) uint8. Raises PhotoError.

    The photo may be decoded smaller than it is, so the box is scaled to what was decoded.
    """
    if box is None:
        return decode(data, rule)
    width, height = original_size(data)
    left, top, right, bottom = with_margin(box, width, height)
    side = min(right - left, bottom - top)
    if side < MIN_SIDE_PX:
        raise PhotoError(PhotoFault.TOO_SMALL, f"The box {box} leaves {side:g} pixels of {width} x {height}.")
    wanted = max(rule.size_px, STORED_SIDE_PX) * min(width, height) / side
    image = open_photo(data, at_least_px=round(wanted))
    across, down = image.width / width, image.height / height
    crop = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    return to_pixels(image.crop(crop), rule)


def with_margin(box: Box, width: int, height: int) -> Box:
    """The box grown by the margin and held inside a photo of width x height pixels."""
    left, top, right, bottom = box
    across, down = MARGIN * (right - left), MARGIN * (bottom - top)
    return max(0.0, left - across), max(0.0, top - down), min(width, right + across), min(height, bottom + down)
