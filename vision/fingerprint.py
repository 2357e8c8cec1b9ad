"""48 bytes by which the same photo is known again after it was recompressed or resized: its colours in 4 x 4 cells.

Says nothing alone: photos of a few things on white agree by chance. It counts beside an embedding that agrees too. What
was cropped, mirrored or written across is another photo to it.
"""

import numpy as np
from PIL import Image
from PIL.Image import Resampling

CELLS = (4, 4)
BYTES = CELLS[0] * CELLS[1] * 3
# A fixed number of pixels is looked at, however large the photo: a tenth of a millisecond.
SAMPLED = (144, 144)


def fingerprint(image: Image.Image) -> bytes:
    """The mean luma and both chromas (ITU-R BT.601, 0 to 255) of each cell, row by row."""
    sample = image.convert("RGB") if image.mode not in ("RGB", "L") else image
    sample = sample.resize(SAMPLED, Resampling.NEAREST).convert("RGB").convert("YCbCr")
    return np.asarray(sample.resize(CELLS, Resampling.BOX)).tobytes()
