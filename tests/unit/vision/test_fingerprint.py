from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageOps
from PIL.Image import Resampling

from vision.fingerprint import fingerprint


def photo() -> Image.Image:
    """A skirt of two colours on white, cut at an angle, with a shadow."""
    image = Image.new("RGB", (480, 640), "white")
    draw = ImageDraw.Draw(image)
    draw.polygon([(40, 60), (200, 90), (400, 480), (160, 600)], fill=(170, 30, 60))
    draw.rectangle([110, 220, 250, 330], fill=(20, 20, 90))
    draw.ellipse([330, 540, 470, 620], fill=(205, 205, 205))
    return image


def bits_apart(one: Image.Image, other: Image.Image) -> int:
    return ((fingerprint(one) ^ fingerprint(other)) & (2**64 - 1)).bit_count()


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(out).convert("RGB")


def marked(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((20, 610), "shop.example", fill=(120, 120, 120))
    return image


@pytest.mark.parametrize(
    "same",
    [
        recompressed(photo(), 60),
        photo().resize((240, 320), Resampling.BICUBIC),
        photo().point(lambda level: min(255, round(level * 1.06))),
        marked(photo()),
    ],
    ids=["recompressed", "half as large", "brighter", "marked"],
)
def test_the_same_photo_is_recognised_after(same: Image.Image) -> None:
    assert bits_apart(photo(), same) <= 6


def test_another_photo_is_not_the_same() -> None:
    assert bits_apart(photo(), ImageOps.mirror(photo())) > 10
    assert bits_apart(photo(), photo().rotate(90)) > 10


def test_a_plain_photo_has_no_bits_whatever_its_noise() -> None:
    assert fingerprint(Image.new("RGB", (300, 400), "white")) == 0
    noisy = Image.effect_noise((300, 400), 8).convert("RGB")
    assert fingerprint(noisy).bit_count() < 8


def test_all_of_a_bigint_is_used() -> None:
    falling = Image.linear_gradient("L").rotate(90).convert("RGB")
    rising = ImageOps.mirror(falling)
    assert {fingerprint(falling), fingerprint(rising)} == {0, -1}
