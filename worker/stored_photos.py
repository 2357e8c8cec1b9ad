"""Photo files that came beside a feed: found, and put into the store, where every worker can read them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from db.batches import ContentRef, PhotoToPlan
from db.rows import is_url
from db.states import Reason
from worker.photos.errors import PhotoDamaged, PhotoGone, PhotosError, PhotoTooLarge
from worker.photos.sources import Photos

READERS = 4
FAULTS: tuple[tuple[type[PhotosError], Reason], ...] = (
    (PhotoGone, Reason.GONE),
    (PhotoDamaged, Reason.DAMAGED),
    (PhotoTooLarge, Reason.TOO_LARGE),
)


class StoredPhotos:
    """Keeps the bytes of new and changed files; each once a batch. `keep` gives their SHA-256 in hex."""

    def __init__(self, photos: Photos | None, keep: Callable[[bytes], str]) -> None:
        self._photos = photos
        self._keep = keep
        self._done: dict[tuple[str, str | None], ContentRef | PhotosError] = {}

    def put(self, planned: Sequence[PhotoToPlan]) -> list[PhotoToPlan]:
        """The photos with their content, or with the reason why they have none. URLs are left as they are."""
        missing = {key_of(photo): photo for photo in planned if is_file(photo) and key_of(photo) not in self._done}
        if missing:
            with ThreadPoolExecutor(READERS, thread_name_prefix="store-photos") as readers:
                self._done.update(zip(missing, readers.map(self._keep_one, missing.values()), strict=True))
        return [self._as_stored(photo) if is_file(photo) else photo for photo in planned]

    def _as_stored(self, photo: PhotoToPlan) -> PhotoToPlan:
        found = self._done[key_of(photo)]
        if isinstance(found, ContentRef):
            return replace(photo, content=found)
        reason = next((reason for kind, reason in FAULTS if isinstance(found, kind)), Reason.DAMAGED)
        return replace(photo, reason=reason, detail=str(found))

    def _keep_one(self, photo: PhotoToPlan) -> ContentRef | PhotosError:
        assert self._photos is not None  # whoever found the file had them
        file = self._photos.find(photo.source)
        try:
            if file is None:
                raise PhotoGone(name=photo.source)
            data = self._photos.read(file)
        except PhotosError as error:
            return error
        return ContentRef(sha256=bytes.fromhex(self._keep(data)), size_bytes=len(data))


def is_file(photo: PhotoToPlan) -> bool:
    """Whether its bytes lie beside the feed and are not in the store yet."""
    return photo.content is None and photo.reason is None and not is_url(photo.source)


def key_of(photo: PhotoToPlan) -> tuple[str, str | None]:
    return photo.source, photo.validator
