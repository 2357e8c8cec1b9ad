"""One photo from its source to pixels. Its failure is data: an Outcome with a reason, or with a wait before a retry."""

import hashlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.batches import ContentRef
from db.enrichments import Outcome
from db.rows import is_url
from db.shards import WorkPhoto
from db.states import Reason
from store import Area, NotInStore, Store
from vision.preprocess import STORED_SIDE_PX, PhotoError, PixelRule, open_photo, original_size, stored_copy, to_pixels
from worker.photos.errors import FetchError
from worker.photos.fetcher import PhotoFetcher

# Waits of about 5, 20 and 80 seconds, then the photo is quarantined.
FETCH_ATTEMPTS = 4
FIRST_WAIT_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A photo ready for the network: `pixels` (S, S, 3) uint8."""

    photo_id: int
    content: ContentRef
    pixels: NDArray[np.uint8]


class Preparation:
    """Reads photos out of the store or from their URL, recognises known content, decodes. Thread-safe.

    At most `decoders` photos are decoded at once: a large one takes hundreds of megabytes meanwhile.
    """

    def __init__(
        self, *, store: Store, fetcher: PhotoFetcher, is_known: Callable[[bytes, int], bool], decoders: int
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._is_known = is_known
        self._decoding = threading.Semaphore(decoders)

    def prepare(self, photo: WorkPhoto, rule: PixelRule, model_version_id: int) -> Prepared | Outcome:
        """`rule` is that of the model version the photo is prepared for."""
        if photo.recognised:
            return Outcome(photo_id=photo.id, recognised=True)
        try:
            data, fetched = self._bytes_of(photo)
        except FetchError as error:
            return after_fetch_error(photo, error)
        except NotInStore as error:
            return Outcome(photo_id=photo.id, reason=Reason.NOT_FOUND, detail=str(error))
        if not data:
            return Outcome(photo_id=photo.id, reason=Reason.EMPTY, detail="the file has no bytes")
        digest = hashlib.sha256(data).digest() if fetched or photo.sha256 is None else photo.sha256
        content = ContentRef(sha256=digest, size_bytes=len(data))
        if fetched and self._is_known(digest, model_version_id):
            return Outcome(photo_id=photo.id, content=content, recognised=True)
        try:
            return self._decode(photo, data, content, rule, keep_copy=fetched)
        except PhotoError as error:
            return Outcome(photo_id=photo.id, content=content, reason=Reason(error.fault), detail=error.detail)

    def _bytes_of(self, photo: WorkPhoto) -> tuple[bytes, bool]:
        """The photo's bytes, and whether they were fetched: the store comes first, the URL where it has nothing."""
        if photo.sha256 is not None:
            name = photo.sha256.hex()
            kept = next((area for area in (Area.PHOTOS, Area.COPIES) if self._store.exists(area, name)), None)
            if kept is not None or not is_url(photo.source):
                return self._store.read(kept or Area.PHOTOS, name), False
        return self._fetcher.fetch(photo.source).data, True

    def _decode(
        self, photo: WorkPhoto, data: bytes, content: ContentRef, rule: PixelRule, *, keep_copy: bool
    ) -> Prepared:
        with self._decoding:
            width, height = original_size(data)
            image = open_photo(data, at_least_px=max(rule.size_px, STORED_SIDE_PX))
            pixels = to_pixels(image, rule)
            copy = stored_copy(image) if keep_copy else None
        if copy is not None:
            self._store.write(Area.COPIES, content.sha256.hex(), copy)
        content = ContentRef(sha256=content.sha256, size_bytes=content.size_bytes, width_px=width, height_px=height)
        return Prepared(photo_id=photo.id, content=content, pixels=pixels)


def after_fetch_error(photo: WorkPhoto, error: FetchError) -> Outcome:
    """Another try later if the fault may pass, the last one being the quarantine."""
    if error.retryable and photo.attempts + 1 < FETCH_ATTEMPTS:
        wait_s = FIRST_WAIT_S * 4**photo.attempts * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
        return Outcome(photo_id=photo.id, retry_in_s=max(wait_s, error.retry_after_s or 0.0))
    return Outcome(photo_id=photo.id, reason=Reason(error.fault), detail=error.detail)
