"""What has to come of a photo's bytes, whatever they are: an image as worker and API want it, or a PhotoFault."""

from vision.fingerprint import BYTES, fingerprint
from vision.preprocess import (
    MAX_PIXELS,
    MIN_SIDE_PX,
    Box,
    PhotoError,
    PixelRule,
    Resize,
    decode,
    open_photo,
    original_size,
    stored_copy,
    to_pixels,
)

RULE = PixelRule(size_px=64, resize=Resize.PAD_WHITE, mean=(0.0,) * 3, std=(1.0,) * 3)


def outcome(data: bytes) -> str:
    """`image`, or the fault. Raises what neither worker nor API reckons with."""
    try:
        width, height = original_size(data)
        image = open_photo(data, at_least_px=RULE.size_px)
    except PhotoError as error:
        writable(error.detail)
        return error.fault.value
    assert min(width, height) >= MIN_SIDE_PX
    assert width * height <= MAX_PIXELS
    assert image.mode == "RGB"
    # JPEG alone is decoded at less than its size, an eighth at most.
    assert all(-(-whole // 8) <= side <= whole for side, whole in zip(image.size, (width, height), strict=True))
    assert to_pixels(image, RULE).shape == (64, 64, 3)
    assert len(fingerprint(image)) == BYTES
    assert open_photo(stored_copy(image)).mode == "RGB"
    try:
        assert decode(data, RULE, Box(0.25, 0.25, 0.5, 0.5)).shape == (64, 64, 3)
    except PhotoError as error:
        assert error.fault == "too_small"  # noqa: PT017 - the whole photo could be looked at
    return "image"


def writable(text: str) -> None:
    """As PostgreSQL wants a text: no half of a surrogate pair, and no NUL."""
    assert "\0" not in text
    text.encode()
