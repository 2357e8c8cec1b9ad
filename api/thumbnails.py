"""Thumbnails: small WebPs of photos, made once and kept in the store. Knows no HTTP."""

import io
from enum import IntEnum

from PIL.Image import Resampling

from store import THUMBNAIL_SIDES_PX, Area, NotInStore, Store, thumbnail_name
from vision.preprocess import PhotoError, open_photo


class ThumbnailSize(IntEnum):
    """Side of the square, in pixels, that a thumbnail fits into."""

    SMALL, LARGE = THUMBNAIL_SIDES_PX


def thumbnail(store: Store, digest: str, size_px: int) -> bytes | None:
    """The thumbnail of the photo with this SHA-256; None where the store has neither the photo nor a copy of it."""
    name = thumbnail_name(digest, size_px)
    try:
        return store.read(Area.THUMBNAILS, name)
    except NotInStore:
        photo = store.find_photo(digest)
    try:
        made = photo and shrunk(photo, size_px)
    except PhotoError:  # kept, but never enriched: what cannot be read cannot be shown
        return None
    if made:
        store.write(Area.THUMBNAILS, name, made)
    return made


def shrunk(photo: bytes, size_px: int) -> bytes:
    """A WebP that fits into a square of `size_px`, never larger than the photo; of a file cut short, what there is.

    Raises PhotoError.
    """
    image = open_photo(photo, at_least_px=size_px, whole=False)
    image.thumbnail((size_px, size_px), Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=80, method=4)
    return out.getvalue()
