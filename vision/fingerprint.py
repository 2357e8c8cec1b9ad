"""96 bytes by which a photo is known again after it was recompressed or resized: how bright, and of what hue, where.

Says nothing alone: photos of a few things on white agree by chance. It counts beside an embedding that agrees too. What
was cropped, mirrored or written across is another photo to it.
"""

import numpy as np
from PIL import Image
from PIL.Image import Resampling

LUMA_CELLS = (8, 8)
CHROMA_CELLS = (4, 4)
BYTES = 64 + 2 * 16


def fingerprint(image: Image.Image) -> bytes:
    """Means by ITU-R BT.601, 0 to 255, row by row: the luma of each of 8 x 8 cells, then each chroma of 4 x 4.

    Every pixel counts, and alike. Sampling, or reducing by a whole factor first, is a third of a millisecond quicker,
    and differs between a photo and its smaller copy by as much as two photos of a shop do.
    """
    cells = image.convert("RGB").resize(LUMA_CELLS, Resampling.BOX).convert("YCbCr")
    luma, *chromas = cells.split()
    hues = [chroma.resize(CHROMA_CELLS, Resampling.BOX) for chroma in chromas]
    return b"".join(np.asarray(channel).tobytes() for channel in (luma, *hues))
