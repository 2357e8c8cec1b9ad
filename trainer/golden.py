"""The golden photo: drawn, so that no photograph of anybody's travels with a model."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFilter

SIDE_PX = 224


def golden_photo() -> bytes:
    """JPEG of a drawn striped T-shirt on a light ground: colours, edges and texture enough to move every
    layer."""
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), (236, 233, 228))
    shirt = Image.new("L", image.size, 0)
    ImageDraw.Draw(shirt).polygon(SHIRT, fill=255)
    image.paste(_stripes(), mask=shirt)
    draw = ImageDraw.Draw(image)
    draw.ellipse((92, 18, 132, 58), fill=(236, 233, 228))
    draw.line([*SHIRT, SHIRT[0]], fill=(40, 40, 60), width=2)
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.7)).save(out, "JPEG", quality=92)
    return out.getvalue()


SHIRT = [
    (84, 34), (140, 34), (170, 46), (206, 92), (178, 112), (160, 92),
    (160, 202), (64, 202), (64, 92), (46, 112), (18, 92), (54, 46),
]  # fmt: skip


def _stripes() -> Image.Image:
    stripes = Image.new("RGB", (SIDE_PX, SIDE_PX), (28, 62, 130))
    draw = ImageDraw.Draw(stripes)
    for top in range(0, SIDE_PX, 18):
        draw.rectangle((0, top, SIDE_PX, top + 7), fill=(205, 70, 60))
    return stripes
