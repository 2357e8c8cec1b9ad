"""Plans an import: streams a feed, compares it with what is known, writes what changed and cuts shards of its photos.

Works in batches of bounded size, each one transaction: a planner that is killed leaves complete batches behind, and
running the import again finds them unchanged. A dry run takes the same way and writes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol

from sqlalchemy import Connection, Engine

from db.batches import Batch, ContentRef, PhotoToPlan, RowReport
from db.catalogues import ensure_catalogue, known_listings, lock_catalogue, seen_in_import, write_batch
from db.comparing import FindPhoto, compare
from db.engine import transaction
from db.imports import begin_import, count_batch, end_planning
from db.models import active_model
from db.rows import FeedRow, FoundPhoto, RowRejection, is_url
from db.shards import make_shards, photos_per_shard
from db.states import Lane, Reason, RowOutcome
from store import Area, Store
from worker.photos.errors import PhotoDamaged, PhotoGone, PhotosError, PhotoTooLarge
from worker.photos.sources import Photos

BATCH_ROWS = 2000
READERS = 4
FAULTS: tuple[tuple[type[PhotosError], Reason], ...] = (
    (PhotoGone, Reason.GONE),
    (PhotoDamaged, Reason.DAMAGED),
    (PhotoTooLarge, Reason.TOO_LARGE),
)

Entry = FeedRow | RowRejection


class PhotosNotGiven(Exception):
    """The feed names its photos as files, and none came with it: add --photos FOLDER_OR_ZIP, over HTTP a zip."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{self.__doc__} (The first is {reference!r}.)")


class Rows(Protocol):
    """What planning needs of a feed."""

    def rows(self) -> Iterator[Entry]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to import, and into which catalogue."""

    catalogue: str
    feed_name: str
    feed: Rows
    photos: Photos | None = None
    lane: Lane = Lane.BULK


@dataclass(kw_only=True, slots=True)
class Tally:
    """What planning found so far. `photos`: those that have to be looked at."""

    rows: dict[RowOutcome, int] = field(default_factory=lambda: dict.fromkeys(RowOutcome, 0))
    photos: int = 0
    rejections: list[RowReport] = field(default_factory=list)

    @property
    def rows_rejected(self) -> int:
        return self.rows[RowOutcome.REJECTED]

    def add(self, batch: Batch) -> None:
        for row in batch.rows:
            self.rows[row.outcome] += 1
        self.photos += len(batch.photos)


def plan_import(
    engine: Engine, store: Store, order: Order, *, on_batch: Callable[[int, Tally], None] = lambda *_: None
) -> int:
    """Plans all of a feed and returns the import's id. `on_batch` is called after each commit with what was found.

    Raises the feed's error, `PhotosNotGiven` or db's errors; what was planned before stays planned.
    """
    batches = in_batches(order.feed.rows(), BATCH_ROWS)
    first = next(batches, [])
    require_photos(first, order)
    with transaction(engine) as connection:
        ensure_catalogue(connection, order.catalogue)
        version_id = active_model(connection).id
        import_id = begin_import(
            connection, catalogue=order.catalogue, feed=order.feed_name, lane=order.lane, model_version_id=version_id
        )
    tally, error = Tally(), "the planner was interrupted"
    try:
        for entries in chain([first], batches):
            tally.add(plan_batch(engine, store, order, entries, import_id=import_id, version_id=version_id))
            on_batch(import_id, tally)
        error = ""
    except Exception as fault:
        error = f"planning stopped: {fault}"
        raise
    finally:
        with transaction(engine) as connection:
            end_planning(connection, import_id, error or None)
    return import_id


def plan_batch(
    engine: Engine,
    store: Store,
    order: Order,
    entries: Sequence[Entry],
    *,
    import_id: int,
    version_id: int,
    fence: Callable[[Connection], None] = lambda _: None,
) -> Batch:
    """One batch in one transaction, which `fence` opens and may refuse.

    Files are put into the store before: the catalogue is locked while rows are written, not while bytes are.
    """
    ids = external_ids(entries)

    def compared(connection: Connection) -> Batch:
        return compare(
            entries,
            known=known_listings(connection, order.catalogue, ids, model_version_id=version_id),
            seen=seen_in_import(connection, import_id, ids),
            find_photo=finder(order),
        )

    stored = StoredPhotos(order.photos, store)
    if order.photos is not None:
        with transaction(engine) as connection:
            ahead = compared(connection)
        stored.put(ahead.photos)
    with transaction(engine) as connection:
        fence(connection)
        lock_catalogue(connection, order.catalogue)
        batch = compared(connection)
        batch = replace(batch, photos=stored.put(batch.photos))
        planned = write_batch(
            connection, import_id=import_id, catalogue=order.catalogue, model_version_id=version_id, batch=batch
        )
        make_shards(
            connection,
            import_id=import_id,
            model_version_id=version_id,
            lane=order.lane,
            photo_ids=planned.pending_photo_ids,
            photos_per_shard=photos_per_shard(connection, version_id),
        )
        count_batch(connection, import_id, batch, planned)
    return batch


def dry_run(engine: Engine, order: Order) -> Tally:
    """What an import would do, having changed nothing."""
    tally, seen = Tally(), set[str]()
    batches = in_batches(order.feed.rows(), BATCH_ROWS)
    first = next(batches, [])
    require_photos(first, order)
    for entries in chain([first], batches):
        ids = external_ids(entries)
        with transaction(engine) as connection:
            version_id = active_model(connection).id
            known = known_listings(connection, order.catalogue, ids, model_version_id=version_id)
        batch = compare(entries, known=known, seen=seen, find_photo=finder(order))
        tally.add(batch)
        refused = [row for row in batch.rows if row.outcome is RowOutcome.REJECTED]
        tally.rejections += refused[: 100 - len(tally.rejections)]
        seen |= ids
    return tally


def in_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """About `size` entries at a time, never parting rows of one listing that stand next to each other."""
    batch: list[Entry] = []
    for entry in entries:
        if len(batch) >= size and not is_continuation(batch[-1], entry):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def is_continuation(previous: Entry, entry: Entry) -> bool:
    return (
        isinstance(previous, FeedRow)
        and isinstance(entry, FeedRow)
        and previous.listing.external_id == entry.listing.external_id
    )


def external_ids(entries: Iterable[Entry]) -> set[str]:
    return {entry.listing.external_id for entry in entries if isinstance(entry, FeedRow)}


def finder(order: Order) -> FindPhoto:
    def find(reference: str) -> FoundPhoto | None:
        file = order.photos.find(reference) if order.photos else None
        return FoundPhoto(name=file.name, validator=file.validator) if file else None

    return find


def require_photos(entries: Iterable[Entry], order: Order) -> None:
    """Stops an import that would quarantine everything because --photos was forgotten."""
    references = (ref for entry in entries if isinstance(entry, FeedRow) for ref in entry.photos)
    if order.photos is None and (name := next((ref for ref in references if not is_url(ref)), None)):
        raise PhotosNotGiven(name)


class StoredPhotos:
    """Puts the bytes of new and changed files into the store, where every worker can read them; each once a batch."""

    def __init__(self, photos: Photos | None, store: Store) -> None:
        self._photos = photos
        self._store = store
        self._done: dict[tuple[str, str | None], ContentRef | PhotosError] = {}

    def put(self, planned: Sequence[PhotoToPlan]) -> list[PhotoToPlan]:
        """The photos with their content, or with the reason why they have none. URLs are left as they are."""
        missing = {key_of(photo): photo for photo in planned if is_file(photo) and key_of(photo) not in self._done}
        if missing:
            with ThreadPoolExecutor(READERS, thread_name_prefix="store-photos") as readers:
                self._done.update(zip(missing, readers.map(self._store_one, missing.values()), strict=True))
        return [self._as_stored(photo) if is_file(photo) else photo for photo in planned]

    def _as_stored(self, photo: PhotoToPlan) -> PhotoToPlan:
        found = self._done[key_of(photo)]
        if isinstance(found, ContentRef):
            return replace(photo, content=found)
        reason = next((reason for kind, reason in FAULTS if isinstance(found, kind)), Reason.DAMAGED)
        return replace(photo, reason=reason, detail=str(found))

    def _store_one(self, photo: PhotoToPlan) -> ContentRef | PhotosError:
        assert self._photos is not None  # whoever found the file had them
        file = self._photos.find(photo.source)
        try:
            if file is None:
                raise PhotoGone(name=photo.source)
            data = self._photos.read(file)
        except PhotosError as error:
            return error
        return ContentRef(sha256=bytes.fromhex(self._store.put(Area.PHOTOS, data)), size_bytes=len(data))


def is_file(photo: PhotoToPlan) -> bool:
    """Whether its bytes lie beside the feed and are not in the store yet."""
    return photo.validator is not None and photo.content is None and photo.reason is None


def key_of(photo: PhotoToPlan) -> tuple[str, str | None]:
    return photo.source, photo.validator
