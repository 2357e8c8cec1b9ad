"""The colours of the sample catalogue by the word a shop has for them, and which of them go together."""

import numpy as np
import numpy.typing as npt

Rgb = tuple[float, float, float]
"""Red, green and blue in [0, 1]."""

_BYTES: dict[str, tuple[int, int, int]] = {
    "Black": (40, 40, 44), "White": (238, 237, 233), "Grey": (146, 148, 152), "Navy": (38, 50, 88),
    "Blue": (62, 106, 176), "Sky Blue": (152, 188, 220), "Teal": (34, 114, 116), "Green": (58, 118, 76),
    "Olive": (110, 112, 68), "Mustard": (206, 158, 58), "Orange": (216, 112, 54), "Red": (182, 42, 48),
    "Maroon": (104, 32, 48), "Pink": (222, 152, 168), "Purple": (108, 76, 140), "Beige": (208, 190, 162),
    "Brown": (114, 76, 52), "Cream": (236, 226, 202),
}  # fmt: skip
COLOURS: dict[str, Rgb] = {name: (r / 255, g / 255, b / 255) for name, (r, g, b) in _BYTES.items()}

_NEUTRALS = ("White", "Cream", "Beige", "Grey", "Navy", "Black")
_FAR = 0.75  # summed over red, green and blue


def as_planes(colour: Rgb) -> npt.NDArray[np.float32]:
    """A colour as (3, 1, 1) float32: pictures are (3, H, W), plane by plane, which numpy computes fastest."""
    return np.array(colour, np.float32)[:, None, None]


def partner_of(rng: np.random.Generator, colour: str) -> str:
    """A colour light or dark enough to be seen as a pattern on the first one; mostly a neutral one."""
    lightness = sum(COLOURS[colour])
    far = [name for name, rgb in COLOURS.items() if abs(sum(rgb) - lightness) > _FAR]
    neutral = [name for name in far if name in _NEUTRALS]
    choices = neutral if neutral and rng.random() < 0.7 else far
    return choices[int(rng.integers(len(choices)))]
