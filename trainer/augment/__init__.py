"""Other photos of the same garment: moved, turned, lit otherwise, or in another colour.

It works on the pixels that vision.preprocess made, so evaluation is that preprocessing and nothing else. It does not
know which loss looks at which photo: nothing recoloured may be shown to a loss of colours.
"""

from __future__ import annotations

from trainer.augment.colour import recolour
from trainer.augment.photo import Augmentation, draw

__all__ = ["Augmentation", "draw", "recolour"]
