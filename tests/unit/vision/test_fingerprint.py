from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from PIL.Image import Resampling

from vision.fingerprint import BYTES, fingerprint

SAME = 96  # as modiste.same_photo has it: one level a value


def photo(colour: tuple[int, int, int] = (170, 30, 60)) -> Image.Image:
    """A skirt of two colours on white, cut at an angle, with a shadow."""
    image = Image.new("RGB", (480, 640), "white")
    draw = ImageDraw.Draw(image)
    draw.polygon([(40, 60), (200, 90), (400, 480), (160, 600)], fill=colour)
    draw.rectangle([110, 220, 250, 330], fill=(20, 20, 90))
    draw.ellipse([330, 540, 470, 620], fill=(205, 205, 205))
    return image


def apart(one: Image.Image, other: Image.Image) -> int:
    first, second = (np.frombuffer(fingerprint(image), np.uint8).astype(int) for image in (one, other))
    return int(np.abs(first - second).sum())


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out)


@pytest.mark.parametrize(
    "same",
    [
        recompressed(photo(), 60),
        photo().resize((384, 512), Resampling.BICUBIC),
        recompressed(photo().resize((240, 320), Resampling.LANCZOS), 80),
    ],
    ids=["recompressed", "smaller", "smaller and recompressed"],
)
def test_the_same_photo_is_recognised_after(same: Image.Image) -> None:
    assert apart(photo(), same) <= SAME


@pytest.mark.parametrize(
    "other",
    [photo((30, 60, 170)), ImageOps.mirror(photo()), photo().rotate(90), Image.new("RGB", (480, 640), "white")],
    ids=["another colour", "mirrored", "turned", "nothing on it"],
)
def test_another_photo_is_not_the_same(other: Image.Image) -> None:
    assert apart(photo(), other) > 3 * SAME


def test_it_is_of_one_size_whatever_the_photo() -> None:
    for image in (Image.new("L", (1, 1)), Image.new("RGBA", (9, 900)), photo().convert("P")):
        assert len(fingerprint(image)) == BYTES
