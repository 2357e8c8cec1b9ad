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

from db.batches import Batch, ContentRef, PhotoToPlan
from db.catalogues import ensure_catalogue, known_listings, lock_catalogue, seen_in_import, write_batch
from db.engine import transaction
from db.imports import begin_import, count_batch, end_planning
from db.models import active_model
from db.shards import make_shards, photos_per_shard
from db.states import Lane, Reason, RowOutcome
from store import Area, Store
from worker.comparing import compare
from worker.feed import FeedRow, RowRejection
from worker.photos.errors import PhotoDamaged, PhotoGone, PhotosError, PhotoTooLarge
from worker.photos.sources import PhotoFile, Photos, is_url

BATCH_ROWS = 2000
READERS = 4
FAULTS: tuple[tuple[type[PhotosError], Reason], ...] = (
    (PhotoGone, Reason.GONE),
    (PhotoDamaged, Reason.DAMAGED),
    (PhotoTooLarge, Reason.TOO_LARGE),
)

Entry = FeedRow | RowRejection


class PhotosNotGiven(Exception):
    """The feed names its photos as files, and no photos were given. Name the folder or zip with --photos."""

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
    rejections: list[RowRejection] = field(default_factory=list)

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
            with transaction(engine) as connection:
                tally.add(plan_batch(connection, store, order, entries, import_id=import_id, version_id=version_id))
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
    connection: Connection, store: Store, order: Order, entries: Sequence[Entry], *, import_id: int, version_id: int
) -> Batch:
    """One batch within the caller's transaction."""
    lock_catalogue(connection, order.catalogue)
    ids = external_ids(entries)
    batch = compare(
        entries,
        known=known_listings(connection, order.catalogue, ids, model_version_id=version_id),
        seen=seen_in_import(connection, import_id, ids),
        find_photo=finder(order),
    )
    batch = replace(batch, photos=store_photos(batch.photos, order.photos, store))
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
        tally.add(compare(entries, known=known, seen=seen, find_photo=finder(order)))
        tally.rejections += [e for e in entries if isinstance(e, RowRejection)][: 100 - len(tally.rejections)]
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


def finder(order: Order) -> Callable[[str], PhotoFile | None]:
    return order.photos.find if order.photos else lambda _: None


def require_photos(entries: Iterable[Entry], order: Order) -> None:
    """Stops an import that would quarantine everything because --photos was forgotten."""
    references = (ref for entry in entries if isinstance(entry, FeedRow) for ref in entry.photos)
    if order.photos is None and (name := next((ref for ref in references if not is_url(ref)), None)):
        raise PhotosNotGiven(name)


def store_photos(planned: Sequence[PhotoToPlan], photos: Photos | None, store: Store) -> list[PhotoToPlan]:
    """Puts the bytes of new and changed files into the store, where every worker can read them."""
    if photos is None:
        return list(planned)

    def stored(photo: PhotoToPlan) -> PhotoToPlan:
        if photo.reason is not None or photo.validator is None or photo.content is not None:
            return photo
        file = photos.find(photo.source)
        try:
            if file is None:
                raise PhotoGone(name=photo.source)
            data = photos.read(file)
        except PhotosError as error:
            reason = next((reason for kind, reason in FAULTS if isinstance(error, kind)), Reason.DAMAGED)
            return replace(photo, reason=reason, detail=str(error))
        digest = bytes.fromhex(store.put(Area.PHOTOS, data))
        return replace(photo, content=ContentRef(sha256=digest, size_bytes=len(data)))

    with ThreadPoolExecutor(READERS, thread_name_prefix="store-photos") as readers:
        return list(readers.map(stored, planned))
