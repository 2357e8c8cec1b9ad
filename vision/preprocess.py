"""From the bytes of a photo to the pixels a network sees: the one preprocessing of trainer and worker.

Safe in many threads: no global state of Pillow is changed, and Pillow decodes and resizes outside the GIL.
Colour profiles are not applied: shops send sRGB, and a wide-gamut phone photo is off by a shade only.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.Image import Resampling, Transpose

from vision.colour import UnsupportedModeError, to_rgb
from vision.errors import VisionError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 80_000_000  # below Pillow's own warning (89 million); 240 MB as RGB, far more than any shop's photo
MAX_SLOW_BYTES = 2 * 2**20  # of what Pillow decodes in Python, a value at a time
MIN_SIDE_PX = 8  # a tracking pixel or a spacer is no photo
STORED_SIDE_PX = 256
STORED_LONGEST_PX = 1024
WHITE = (255, 255, 255)

# Only formats that carry photos: Pillow's others start programs (EPS), guess (raw) or are not for the web.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
# How the files of these formats begin: such a file that cannot be opened is broken, any other is no image.
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
# Formats that are photos or drawings, but not ones we read: HEIC, SVG, PDF, PSD, EPS, JPEG XL.
FOREIGN = (b"ftypheic", b"ftypheix", b"ftypmif1", b"<svg", b"%PDF", b"8BPS", b"%!PS", b"JXL ", b"\xff\x0a")

ORIENTATION_TAG = 0x0112
TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)


class PhotoFault(StrEnum):
    """Why a photo cannot be used; the worker's quarantine keeps these values."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    DECOMPRESSION_BOMB = "decompression_bomb"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_MODE = "unsupported_mode"


class PhotoError(VisionError):
    """The photo cannot be used:"""

    def __init__(self, fault: PhotoFault, detail: str) -> None:
        self.fault = fault
        super().__init__(detail)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.fault, self.detail)


class Resize(StrEnum):
    """How a photo becomes square.

    PAD_WHITE: the whole garment, its proportions kept, white around it as in a shop's photo. A dress is told
        from a top by its length, and sleeves and hems reach the photo's edge; so this is the rule for
        clothes.
    CENTRE_CROP: the middle square; loses hems and sleeves of tall or wide photos.
    SQUASH: the whole photo, proportions lost.
    """

    PAD_WHITE = "pad-white"
    CENTRE_CROP = "centre-crop"
    SQUASH = "squash"


@dataclass(frozen=True, kw_only=True)
class PixelRule:
    """What a model version wants to see: side, resize rule, and the normalisation (units: 0 to 255) in its
    graph."""

    size_px: int
    resize: Resize
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a photo, in shares of the upright photo's width and height, from its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    def pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge in a photo of this (width, height); what sticks out is left out."""
        width, height = size
        return (
            round(max(0.0, self.left) * width),
            round(max(0.0, self.top) * height),
            round(min(1.0, self.left + self.width) * width),
            round(min(1.0, self.top + self.height) * height),
        )


def decode(data: bytes, rule: PixelRule, box: Box | None = None) -> NDArray[np.uint8]:
    """The pixels of a photo, or of a part of it, (S, S, 3) uint8 RGB. Raises PhotoError."""
    wanted_px = max(rule.size_px, STORED_SIDE_PX)
    if box is None:
        return to_pixels(open_photo(data, at_least_px=wanted_px), rule)
    # Whatever the box leaves of the short side is to have as many pixels as a whole photo would.
    photo = open_photo(data, at_least_px=round(wanted_px / min(1.0, box.width, box.height)))
    return to_pixels(cropped(photo, box), rule)


def cropped(image: Image.Image, box: Box) -> Image.Image:
    """The part of an upright photo. Raises PhotoError where it is too small to see anything."""
    left, upper, right, lower = box.pixels(image.size)
    if right - left < MIN_SIDE_PX or lower - upper < MIN_SIDE_PX:
        sides = f"{max(0, right - left)} x {max(0, lower - upper)} pixels"
        raise PhotoError(PhotoFault.TOO_SMALL, f"The part has {sides}, at least {MIN_SIDE_PX} each way are needed.")
    return image.crop((left, upper, right, lower))


def open_photo(data: bytes, *, at_least_px: int = STORED_SIDE_PX, whole: bool = True) -> Image.Image:
    """The photo, upright, in RGB, its short side at least `at_least_px` where the file holds as much.

    Large JPEGs are decoded at a half, a quarter or an eighth of their size. Raises PhotoError. Where it need not be
    `whole`, a file that ends in the middle of the picture gives what there is of it, for people to look at.
    """
    with _opened(data) as image:
        _check_size(image)
        _check_speed(image, len(data))
        image.draft(None, (at_least_px, at_least_px))
        try:
            _load(image)
        except PhotoError:
            if whole or not _is_begun(image):
                raise
        turn = TURNS.get(_orientation(image))
        try:
            rgb = to_rgb(image)
        except UnsupportedModeError as fault:
            raise PhotoError(PhotoFault.UNSUPPORTED_MODE, str(fault)) from fault
        return rgb if turn is None else rgb.transpose(turn)


def original_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels of the upright photo, read from the header alone. Raises PhotoError."""
    with _opened(data) as image:
        _check_size(image)
        width, height = image.size
        turned = image.format != "TIFF" and _orientation(image) in SIDEWAYS  # Pillow turns a TIFF's size itself
        return (height, width) if turned else (width, height)


def to_pixels(image: Image.Image, rule: PixelRule) -> NDArray[np.uint8]:
    """An RGB image made square by the rule: (S, S, 3) uint8."""
    side = rule.size_px
    if rule.resize is Resize.SQUASH:
        return np.array(_resized(image, (side, side)))
    if rule.resize is Resize.CENTRE_CROP:
        return np.array(_resized(_middle_square(image), (side, side)))
    return np.array(_padded(image, side))


def stored_copy(image: Image.Image) -> bytes:
    """A JPEG of an RGB image, short side 256 pixels, kept so that a new model needs no second download.

    Never enlarged; of a very long photo the long side is held at 1,024 pixels, and the short one at what is read again.
    """
    scale = min(1.0, STORED_SIDE_PX / min(image.size), STORED_LONGEST_PX / max(image.size))
    width, height = _scaled(image.size, scale)
    copy = image if scale == 1.0 else _resized(image, (max(MIN_SIDE_PX, width), max(MIN_SIDE_PX, height)))
    out = io.BytesIO()
    copy.save(out, "JPEG", quality=90)
    return out.getvalue()


def _opened(data: bytes) -> Image.Image:
    if len(data) > MAX_BYTES:
        raise PhotoError(PhotoFault.TOO_LARGE, f"{len(data):,} bytes, {MAX_BYTES:,} are allowed.")
    try:
        return Image.open(io.BytesIO(data), formats=_formats())
    except MemoryError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as fault:
        raise PhotoError(PhotoFault.DECOMPRESSION_BOMB, str(fault)) from fault
    except UnidentifiedImageError as fault:
        raise _unreadable(data) from fault
    except Exception as fault:  # Pillow's parsers raise nearly anything on hostile bytes
        raise PhotoError(PhotoFault.TRUNCATED, f"The header cannot be read: {fault}.") from fault


@cache
def _formats() -> tuple[str, ...]:
    """Those that this build of Pillow reads (asked for another, it raises KeyError)."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _unreadable(data: bytes) -> PhotoError:
    start = data[:64].lstrip()
    if any(mark in start for mark in FOREIGN):
        return PhotoError(
            PhotoFault.UNSUPPORTED_FORMAT,
            f"The file begins with {bytes(start[:16])!r}; send JPEG, PNG or WebP.",
        )
    if _states_no_pixels(data):
        return PhotoError(PhotoFault.TOO_SMALL, "Its header says that it has no pixels.")
    if start.startswith(SIGNATURES):
        return PhotoError(PhotoFault.TRUNCATED, f"The header cannot be read in its {len(data):,} bytes.")
    return PhotoError(PhotoFault.NOT_AN_IMAGE, f"{len(data):,} bytes that begin with {repr(data[:16])[1:]}.")


def _states_no_pixels(data: bytes) -> bool:
    """Whether a PNG, GIF or BMP header gives a width or height of zero; Pillow calls these unidentified."""
    for mark, at, size in ((b"\x89PNG", 16, 4), (b"GIF8", 6, 2), (b"BM", 18, 4)):
        if data.startswith(mark) and len(data) >= at + 2 * size:
            return not any(data[at : at + size]) or not any(data[at + size : at + 2 * size])
    return False


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(PhotoFault.DECOMPRESSION_BOMB, f"{width} x {height} pixels, {MAX_PIXELS:,} are allowed.")
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoError(PhotoFault.TOO_SMALL, f"{width} x {height} pixels, {MIN_SIDE_PX} a side are needed.")


def _check_speed(image: Image.Image, size: int) -> None:
    """Some encodings Pillow reads in Python, and holds all threads meanwhile: minutes for the largest files."""
    decoders = {tile[0] for tile in getattr(image, "tile", ())}
    if "ppm_plain" in decoders:  # its comments take the square of their number
        raise PhotoError(PhotoFault.UNSUPPORTED_FORMAT, "A PPM with its numbers in words; send JPEG, PNG or WebP.")
    if size > MAX_SLOW_BYTES and not decoders.isdisjoint(Image.DECODERS):
        detail = (
            f"{size:,} bytes of {image.format} in a slow encoding, {MAX_SLOW_BYTES:,} are allowed; send JPEG or PNG."
        )
        raise PhotoError(PhotoFault.TOO_LARGE, detail)


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as fault:  # as above: whatever a decoder raises, it is the photo's fault
        said = re.sub(r" \(\d+ bytes not processed\)", "", str(fault))  # of the last read, not of the photo
        raise PhotoError(PhotoFault.TRUNCATED, f"{image.format} of {image.width} x {image.height}: {said}.") from fault


def _is_begun(image: Image.Image) -> bool:
    """Whether anything was decoded before a picture could not be read on; if so, Pillow takes that for all there is."""
    assert isinstance(image, ImageFile.ImageFile)
    image.tile = []
    try:
        return image.getbbox(alpha_only=False) is not None
    except Exception:  # noqa: BLE001  as above: a format that wants its file whole
        return False


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
        return value if isinstance(value, int) else 1
    except Exception:  # noqa: BLE001  broken EXIF raises nearly anything and must not cost the photo
        return 1


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _padded(image: Image.Image, side: int) -> Image.Image:
    inner = _resized(image, _scaled(image.size, side / max(image.size)))
    canvas = Image.new("RGB", (side, side), WHITE)
    canvas.paste(inner, ((side - inner.width) // 2, (side - inner.height) // 2))
    return canvas


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Resampling.BICUBIC, reducing_gap=3.0)
