"""One photo from its source to pixels. Its failure is data: an Outcome with a reason, or with a wait before a retry.

How often and when a fault is tried again stands in `worker.photos.retry`.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db.batches import ContentRef
from db.enrichments import Outcome
from db.rows import is_url
from db.shards import WorkPhoto
from db.states import Reason
from store import Area, NotInStore, Store
from vision.fingerprint import fingerprint
from vision.preprocess import STORED_SIDE_PX, PhotoError, PixelRule, open_photo, original_size, stored_copy, to_pixels
from worker.photos.errors import FetchError, HostGivenUp, HostResting
from worker.photos.fetcher import PhotoFetcher
from worker.photos.retry import POLICIES


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A photo's bytes. `validator`: they came from a URL, whose server said this, and the store has no copy."""

    photo_id: int
    content: ContentRef
    data: bytes
    validator: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A photo ready for the network: `pixels` (S, S, 3) uint8."""

    photo_id: int
    content: ContentRef
    pixels: NDArray[np.uint8]
    validator: str | None


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

    def read(self, photo: WorkPhoto, model_version_id: int, *, urgent: bool = False) -> Read | Outcome:
        """The photo's bytes where the model version has not seen them. Raises HostBusy: try again when it is not."""
        try:
            fetched = self._fetcher.refetch(photo.source, photo.validator, urgent=urgent) if photo.refetch else None
            if photo.recognised and fetched is None:
                return Outcome(photo_id=photo.id, recognised=True)
            data, validator = (fetched.data, fetched.validator) if fetched else self._bytes_of(photo, urgent=urgent)
        except FetchError as error:
            return after_fetch_error(photo, error)
        except HostResting as rest:
            return when_rested(photo, rest)
        except NotInStore as error:
            return Outcome(photo_id=photo.id, reason=Reason.NOT_FOUND, detail=str(error))
        if not data:
            return Outcome(photo_id=photo.id, reason=Reason.EMPTY, detail="the file has no bytes")
        fresh = validator is not None
        digest = hashlib.sha256(data).digest() if fresh or photo.sha256 is None else photo.sha256
        content = ContentRef(sha256=digest, size_bytes=len(data))
        if fresh and self._is_known(digest, model_version_id):
            return Outcome(photo_id=photo.id, content=content, recognised=True, validator=validator)
        return Read(photo_id=photo.id, content=content, data=data, validator=validator)

    def prepare(self, read: Read, rule: PixelRule) -> Prepared | Outcome:
        """The pixels as `rule` of the model version wants them."""
        try:
            return self._decode(read, rule)
        except PhotoError as error:
            return Outcome(
                photo_id=read.photo_id,
                content=read.content,
                reason=Reason(error.fault),
                detail=error.detail,
                validator=read.validator,
            )

    def _bytes_of(self, photo: WorkPhoto, *, urgent: bool) -> tuple[bytes, str | None]:
        """The photo's bytes: the store's, or where it has nothing the URL's, with what its server said of them."""
        if photo.sha256 is not None:
            name = photo.sha256.hex()
            kept = next((area for area in (Area.PHOTOS, Area.COPIES) if self._store.exists(area, name)), None)
            if kept is not None or not is_url(photo.source):
                return self._store.read(kept or Area.PHOTOS, name), None
        fetched = self._fetcher.fetch(photo.source, urgent=urgent)
        return fetched.data, fetched.validator

    def _decode(self, read: Read, rule: PixelRule) -> Prepared:
        with self._decoding:
            width, height = original_size(read.data)
            image = open_photo(read.data, at_least_px=max(rule.size_px, STORED_SIDE_PX))
            pixels = to_pixels(image, rule)
            copy = None if read.validator is None else stored_copy(image)
        if copy is not None:
            self._store.write(Area.COPIES, read.content.sha256.hex(), copy)
        content = replace(read.content, width_px=width, height_px=height, fingerprint=fingerprint(image))
        return Prepared(photo_id=read.photo_id, content=content, pixels=pixels, validator=read.validator)


def after_fetch_error(photo: WorkPhoto, error: FetchError) -> Outcome:
    """Another try later if the fault may pass, the last one being the quarantine.

    A known photo that could not be asked for again stays what it was, unless its server says that it is gone.
    """
    policy = POLICIES[error.fault]
    retry_in_s = None if isinstance(error, HostGivenUp) else policy.retry_in_s(photo.attempts, error.retry_after_s)
    if retry_in_s is not None:
        return Outcome(photo_id=photo.id, retry_in_s=retry_in_s)
    if photo.recognised and policy.tries > 1:
        return Outcome(photo_id=photo.id, recognised=True)
    return Outcome(photo_id=photo.id, reason=policy.reason, detail=error.detail)


def when_rested(photo: WorkPhoto, rest: HostResting) -> Outcome:
    """The photo did nothing wrong, and nothing was asked for it: due when its host is, and no attempt the poorer."""
    return Outcome(photo_id=photo.id, retry_in_s=rest.due_in_s, attempt=False)
