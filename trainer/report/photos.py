"""Photos of a report as small pictures inside the page, or, where photos must not be shown, the words for them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

from PIL import Image

from trainer.dataset import Dataset
from vision.preprocess import PhotoError, PixelRule

SIDE_PX = 144
QUALITY = 72


@dataclass(kw_only=True)
class Album:
    """Pictures of a dataset's rows as the network sees them, each made once. shown: whether photos may stand in the
    page at all."""

    data: Dataset
    rule: PixelRule
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
            image = Image.fromarray(self.data.pixels(row, self.rule))
        except (PhotoError, KeyError, OSError):
            return None
        image.thumbnail((SIDE_PX, SIDE_PX))
        out = io.BytesIO()
        image.save(out, "WEBP", quality=QUALITY, method=4)
        return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
