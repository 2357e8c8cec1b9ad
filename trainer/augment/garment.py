"""Where in a photo the garment is, roughly and in milliseconds: by its colours against those of the surroundings.

Good enough to dye it; no segmentation, and nothing measured depends on it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

WHITE = 252  # the darkest channel of a white studio background after JPEG
SURE = 225  # below this a pixel before such a background is the garment's
STUDIO = 0.35  # of the photo's edge is white before such a background
BINS = 12  # a channel, of the colour histograms
# Skin in Cb and Cr, 0 to 1 around grey: an ellipse inside the box of Chai and Ngan (1999). Many fabrics are in it too.
SKIN_CENTRE, SKIN_RADIUS = (-0.095, 0.115), 0.06
SKIN_DARKEST = 50  # its blue; leather and rust are darker
SKIN_COLOURED = 0.45  # of the middle: then the garment itself is beige


def garment_weight(pixels: Pixels, chroma: Floats) -> Floats:
    """How far each pixel belongs to the garment, (S, S), 0 to 1. pixels (S, S, 3); chroma (S, S, 2) as in `colour`.

    Before a white background: what is not white, and what it encloses, less the model's skin. Elsewhere: pixels of
    colours that are commoner in the middle of the photo than along its sides (two histograms and Bayes' rule).
    """
    darkest = np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    margins = _margin(darkest.min(0)), _margin(darkest.min(1))
    across, down = _axis(len(darkest), margins[0])[None, :], _axis(len(darkest), margins[1])[:, None]
    middle = np.exp(-((across / 0.5) ** 2) - (down / 0.6) ** 2).astype(np.float32)
    edge = np.maximum(across, down)
    if min(margins) > 1 or _white_rim(darkest, edge):
        weight = _not_white(darkest)
        return weight * (1 - _skin(chroma, darkest, middle * weight))
    sides = (edge <= 1) & ((across > 0.85) | ((down > 0.9) & (across > 0.5)))
    return np.where(edge <= 1, _common_in(pixels, middle, sides.astype(np.float32)), np.float32(0))


def _margin(darkest: Pixels) -> int:
    """How many columns (or rows) are white from end to end on either side: padding, which stands on two sides of a
    photo, or a studio's background, which may stand on all four."""
    inside = np.flatnonzero(darkest < WHITE)
    return int(min(inside[0], len(darkest) - 1 - inside[-1])) if len(inside) else 0


def _axis(side: int, margin: int) -> Floats:
    """How far each column lies from the middle of the photo proper: 1 at its end, more in the margin."""
    return np.abs(np.linspace(-1, 1, side, dtype=np.float32)) * np.float32(side / (side - 2 * margin))


def _white_rim(darkest: Pixels, edge: Floats) -> bool:
    rim = (edge > 0.85) & (edge <= 1)
    return bool((rim & (darkest >= WHITE)).sum() > STUDIO * rim.sum())


def _not_white(darkest: Pixels) -> Floats:
    """The ramp leaves out most specks that JPEG puts on the white around; a white garment is known by its outline."""
    weight = np.clip((WHITE - darkest.astype(np.float32)) / (WHITE - SURE), 0, 1)
    weight = ndimage.grey_opening(weight, 3)
    outline = ndimage.grey_closing((weight > 0.2).astype(np.uint8), 9)  # on bytes: by rows and columns, so far faster
    inside = ndimage.grey_opening(ndimage.binary_fill_holes(outline).astype(np.uint8), 7)
    filled: Floats = np.maximum(weight, ndimage.uniform_filter(inside.astype(np.float32), 3))
    return filled


def _skin(chroma: Floats, darkest: Pixels, middle: Floats) -> Floats:
    far = ((chroma - np.array(SKIN_CENTRE, np.float32)) ** 2).sum(2) / SKIN_RADIUS**2
    skin = ((far < 1) & (darkest > SKIN_DARKEST)).astype(np.float32)
    if (skin * middle).sum() > SKIN_COLOURED * middle.sum():
        return np.zeros_like(skin)
    closed: Floats = np.clip(4 * ndimage.uniform_filter(skin, 7) - 1, 0, 1)
    return closed


def _common_in(pixels: Pixels, middle: Floats, sides: Floats) -> Floats:
    red, green, blue = np.moveaxis(pixels.astype(np.int32) * BINS // 256, 2, 0)
    code = (red * BINS + green) * BINS + blue
    here, there = _histogram(code, middle), _histogram(code, sides)
    share = ndimage.uniform_filter((here / (here + there + 1e-6))[code], 11)
    decided: Floats = np.clip((share - 0.5) / 0.25, 0, 1)  # doubtful pixels go to one side or the other
    return decided


def _histogram(code: NDArray[np.int32], weight: Floats) -> Floats:
    """(BINS ** 3,), sums to 1; blurred, since neighbouring colours are one fabric in other light."""
    counts = np.bincount(code.ravel(), np.broadcast_to(weight, code.shape).ravel(), BINS**3)
    blurred = ndimage.gaussian_filter(counts.reshape((BINS,) * 3), 0.7, mode="nearest").ravel()
    shares: Floats = (blurred / max(blurred.sum(), 1e-9)).astype(np.float32)
    return shares
