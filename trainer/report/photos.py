"""Photos of a report as small pictures inside the page, or, where photos must not be shown, the words for them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from trainer.dataset import Dataset
from vision.colour import to_rgb

SIDE_PX = 144
QUALITY = 72


@dataclass(kw_only=True)
class Album:
    """Pictures of a dataset's rows, each made once. shown: whether photos may stand in the page at all."""

    data: Dataset
    shown: bool
    _made: dict[int, str | None] = field(default_factory=dict)

    def uri(self, row: int) -> str | None:
        """A WebP of at most SIDE_PX as a data URI; None where photos are left out or this one cannot be read."""
        if not self.shown:
            return None
        if row not in self._made:
            self._made[row] = self._picture(row)
        return self._made[row]

    def __len__(self) -> int:
        return sum(made is not None for made in self._made.values())

    def _picture(self, row: int) -> str | None:
        try:
            with Image.open(io.BytesIO(self.data.read(row))) as image:
                small = to_rgb(ImageOps.exif_transpose(image))
        except (OSError, KeyError, ValueError, Image.DecompressionBombError):
            return None
        small.thumbnail((SIDE_PX, SIDE_PX))
        out = io.BytesIO()
        small.save(out, "WEBP", quality=QUALITY, method=4)
        return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
