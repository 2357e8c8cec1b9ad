from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from trainer.crops import decode_box, with_margin
from vision.preprocess import PhotoError, PixelRule, Resize, open_photo

RULE = PixelRule(size_px=48, resize=Resize.SQUASH, mean=(127, 127, 127), std=(128, 128, 128))
BOX = (600.0, 200.0, 1800.0, 1500.0)


def photo(*, turned: bool = False, size: tuple[int, int] = (2400, 1800)) -> bytes:
    """White, with a red garment in the box and a green seam all round the box grown by its margin."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((480, 70, 1920, 1630), fill="green")
    draw.rectangle(BOX, fill="red")
    exif = Image.Exif()
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)  # stored lying; the tag sets it upright
        exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("turned", [False, True])
def test_the_box_with_its_margin_fills_the_pixels_whatever_the_photo_was_decoded_at(turned: bool) -> None:
    assert open_photo(photo(turned=turned)).size < (2400, 1800)  # decoded smaller, so boxes must be scaled
    pixels = decode_box(photo(turned=turned), RULE, BOX).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    assert ((red > 200) & (green < 60)).mean() == pytest.approx((1200 * 1300) / (1440 * 1560), abs=0.05)
    assert ((red < 90) & (green > 90)).mean() == pytest.approx(1 - (1200 * 1300) / (1440 * 1560), abs=0.06)
    assert ((red > 200) & (green > 200) & (blue > 200)).mean() < 0.02  # nothing of what lies beside it


def test_a_box_is_held_inside_the_photo() -> None:
    assert with_margin((0, 50, 100, 150), 105, 140) == (0, 40, 105, 140)
    assert decode_box(photo(), RULE, (1000, 400, 9000, 9000)).shape == (48, 48, 3)


def test_a_small_box_of_a_large_photo_is_decoded_finely_enough() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(np.kron(rng.integers(0, 2, (1000, 1000)) * 255, np.ones((2, 2))).astype(np.uint8))
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=95)
    pixels = decode_box(out.getvalue(), RULE, (1000, 1000, 1080, 1080)).astype(int)
    assert np.abs(pixels - 127).mean() > 80  # still black and white, not a grey of many squares


def test_a_box_beside_the_photo_makes_it_unusable() -> None:
    with pytest.raises(PhotoError, match=r"leaves -?\d+ pixels of 2400 x 1800"):
        decode_box(photo(), RULE, (3000, 100, 3100, 200))
