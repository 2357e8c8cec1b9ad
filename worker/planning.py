"""Plans an import: streams a feed, compares it with what is known, writes what changed and cuts shards of its photos.

Works in batches of bounded size, each one transaction: a planner that is killed leaves complete batches behind, and
running the import again finds them unchanged.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Protocol

from sqlalchemy import Connection, Engine

from broker import Delivery
from db.batch_writes import write_batch
from db.batches import Batch
from db.catalogues import ensure_catalogue, known_listings, lock_catalogue, seen_in_import
from db.comparing import Entry, compare
from db.comparing_photos import FindPhoto
from db.engine import transaction
from db.errors import LeaseLost
from db.imports import (
    PLANNER_SILENCE_S,
    WITHDRAW_SHARE_MAX,
    begin_import,
    count_batch,
    end_planning,
    require_wanted,
    show_planners,
)
from db.models import active_model
from db.rows import FeedRow, FoundPhoto, is_url
from db.shards import make_shards, photos_per_shard
from db.states import Lane, RowOutcome
from db.withdrawals import find_missing, withdraw
from store import Area, Store
from worker.batches import FeedBatch, read_ahead
from worker.heartbeat import Heartbeat
from worker.photos.sources import Photos
from worker.stored_photos import StoredPhotos

WITHDRAWN_AT_ONCE = 5000


class PhotosNotGiven(Exception):
    """The feed names its photos as files, and none came with it: add --photos FOLDER_OR_ZIP, over HTTP a zip."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{self.__doc__} (The first is {reference!r}.)")


class Rows(Protocol):
    """What planning needs of a feed."""

    def rows(self) -> Iterator[Entry]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to import, and into which catalogue.

    `whole`: the feed is all there is; what it does not have becomes unavailable, unless that is a larger share of the
    catalogue than `withdraw_share_max`. `refetch`: URLs that are known are asked whether they changed,
    and files are read again, which mends a store that lost some.
    """

    catalogue: str
    feed_name: str
    feed: Rows
    photos: Photos | None = None
    lane: Lane = Lane.BULK
    whole: bool = False
    withdraw_share_max: float = WITHDRAW_SHARE_MAX
    refetch: bool = False


@dataclass(kw_only=True, slots=True)
class Tally:
    """What planning found so far. `photos`: those that have to be looked at."""

    rows: dict[RowOutcome, int] = field(default_factory=lambda: dict.fromkeys(RowOutcome, 0))
    photos: int = 0

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

    Raises the feed's error, `PhotosNotGiven` or db's errors; what was planned before stays planned. A whole feed that
    lacks too much raises nothing: its import says that it failed, and its rows are taken.
    """
    batches = read_ahead(order.feed.rows())
    first = next(batches, FeedBatch())
    require_photos(first.entries, order)
    planner = begin(engine, store, order)
    heartbeat = Heartbeat(engine, Delivery(lease_s=PLANNER_SILENCE_S / 2), show_planners)
    tally, error = Tally(), "the planner was interrupted"
    try:
        with heartbeat.keeping((planner.import_id, 0)) as lost:
            for batch in chain([first], batches):
                if lost.is_set():
                    with transaction(engine) as connection:
                        require_wanted(connection, planner.import_id)
                    raise LeaseLost(f"import {planner.import_id} was ended by another process; run it again")
                tally.add(planner.plan(batch))
                on_batch(planner.import_id, tally)
            error = planner.withdraw()
    except Exception as fault:
        error = f"planning stopped: {fault}"
        raise
    finally:
        heartbeat.close()
        with transaction(engine) as connection:
            end_planning(connection, planner.import_id, error or None)
    return planner.import_id


def begin(engine: Engine, store: Store, order: Order) -> "Planner":
    with transaction(engine) as connection:
        ensure_catalogue(connection, order.catalogue)
        version_id = active_model(connection).id
        import_id = begin_import(
            connection,
            catalogue=order.catalogue,
            feed=order.feed_name,
            lane=order.lane,
            model_version_id=version_id,
            whole=order.whole,
            withdraw_share_max=order.withdraw_share_max,
            refetch=order.refetch,
        )
    return Planner(engine=engine, store=store, order=order, import_id=import_id, version_id=version_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Plans the feed of an import that has begun. `fence` opens each transaction and may refuse it."""

    engine: Engine
    store: Store
    order: Order
    import_id: int
    version_id: int
    fence: Callable[[Connection], None] = lambda _: None

    def plan(self, rows: FeedBatch) -> Batch:
        """One batch in one transaction.

        Files are put into the store before: the catalogue is locked while rows are written, not while bytes are.
        """
        stored = StoredPhotos(self.order.photos, partial(self.store.put, Area.PHOTOS))
        if self.order.photos is not None:
            with transaction(self.engine) as connection:
                ahead = self._compared(connection, rows)
            stored.put(ahead.photos)
        with transaction(self.engine) as connection:
            self.fence(connection)
            lock_catalogue(connection, self.order.catalogue)
            batch = self._compared(connection, rows)
            batch = replace(batch, photos=stored.put(batch.photos))
            self._write(connection, batch)
        return batch

    def _compared(self, connection: Connection, rows: FeedBatch) -> Batch:
        return compare(
            rows.entries,
            hashes=rows.hashes,
            known=known_listings(connection, self.order.catalogue, rows.hashes, model_version_id=self.version_id),
            seen=seen_in_import(connection, self.import_id, rows.hashes),
            find_photo=finder(self.order.photos),
            refetch=self.order.refetch,
        )

    def _write(self, connection: Connection, batch: Batch) -> None:
        planned = write_batch(
            connection,
            import_id=self.import_id,
            catalogue=self.order.catalogue,
            model_version_id=self.version_id,
            batch=batch,
        )
        make_shards(
            connection,
            import_id=self.import_id,
            model_version_id=self.version_id,
            lane=self.order.lane,
            photo_ids=planned.pending_photo_ids,
            photos_per_shard=photos_per_shard(connection, self.version_id),
        )
        count_batch(connection, self.import_id, batch, planned)

    def withdraw(self) -> str:
        """Takes what a whole feed does not have off sale; empty, or why nothing was.

        A few listings at a time, so that workers do not wait; whoever goes on after a fault finds the others.
        """
        with transaction(self.engine) as connection:
            missing = find_missing(connection, self.import_id)
        if missing.refusal:
            return missing.refusal
        for start in range(0, len(missing.listing_ids), WITHDRAWN_AT_ONCE):
            with transaction(self.engine) as connection:
                self.fence(connection)
                lock_catalogue(connection, self.order.catalogue)
                withdraw(connection, self.import_id, missing.listing_ids[start : start + WITHDRAWN_AT_ONCE])
        return ""


def finder(photos: Photos | None) -> FindPhoto:
    def find(reference: str) -> FoundPhoto | None:
        file = photos.find(reference) if photos else None
        return FoundPhoto(name=file.name, validator=file.validator) if file else None

    return find


def require_photos(entries: Iterable[Entry], order: Order) -> None:
    """Stops an import that would quarantine everything because --photos was forgotten."""
    references = (ref for entry in entries if isinstance(entry, FeedRow) for ref in entry.photos)
    if order.photos is None and (name := next((ref for ref in references if not is_url(ref)), None)):
        raise PhotosNotGiven(name)
