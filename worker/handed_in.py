"""Feeds that were handed in over HTTP: taken under a lease, fetched, looked at or planned, dropped from the store."""

import logging
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, dropwhile
from pathlib import Path
from typing import Any

from celery import Celery
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from broker import dispatch
from db.engine import first_line, transaction
from db.errors import DbError, ImportCancelled, LeaseLost
from db.plans import PlanLease, claim_plan, end_plan, give_back_plan, keep_feed, keep_forecast, take_plan_fence
from store import Area, Store, StoreError
from worker.batches import FeedBatch, read_ahead
from worker.dry_run import dry_run
from worker.feed import ColumnMapping, Feed, FeedError, FeedFormat, fetch_feed, open_feed
from worker.heartbeat import Heartbeat
from worker.photos import Photos, PhotosError, open_photos
from worker.planning import Order, PhotosNotGiven, Planner, require_photos

logger = logging.getLogger(__name__)

ERROR_WAIT_S = 10.0
# Faults of what was handed in: trying again would find the same.
ITS_OWN = (FeedError, PhotosError, PhotosNotGiven)
# Faults of the surroundings: however often they happen, the feed is not to be suspected of them.
PHOTOS = "what was handed in as photos"  # a file of the store's by now, whose path says nothing to anybody
NOT_ITS_OWN = (StoreError, DbError, OperationalError)


class Interrupted(Exception):
    """The process stops before the feed was planned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanningDesk:
    """What a worker process holds open for planning feeds."""

    engine: Engine
    app: Celery
    store: Store
    heartbeat: Heartbeat
    stopping: threading.Event
    lease_s: float
    allow_hosts: tuple[str, ...]
    scratch: Path


def plan_handed_in(desk: PlanningDesk, import_id: int) -> None:
    """Plans the feed of an import, going on behind what an earlier planner left. One that is done is left alone.

    One that is to be looked at first is left with its forecast. Raises what made planning fail, after giving the plan
    back.
    """
    with transaction(desk.engine) as connection:
        lease = claim_plan(connection, import_id, lease_s=desk.lease_s)
    if lease is None:
        return
    try:
        with desk.heartbeat.keeping((lease.import_id, lease.token)):
            files = preview(desk, lease) if lease.preview else plan(desk, lease)
    except Interrupted:
        with transaction(desk.engine) as connection:
            give_back_plan(connection, lease, counts=False)
    except (LeaseLost, ImportCancelled) as gone:
        logger.warning("%s", gone)
    except Exception as fault:
        logger.warning("import %d could not be planned now: %s", import_id, first_line(fault))
        with transaction(desk.engine) as connection:
            give_back_plan(connection, lease, delay_s=ERROR_WAIT_S, counts=not isinstance(fault, NOT_ITS_OWN))
        raise
    else:
        drop_files(desk.store, files)
        dispatch(desk.engine, desk.app)


def plan(desk: PlanningDesk, lease: PlanLease) -> list[str]:
    """Plans all of the feed; what is wrong with the feed itself is for the import to tell. Its files, which may go."""
    try:
        with order_of(desk, lease) as order:
            error = plan_all(desk, lease, order)
    except ITS_OWN as fault:
        error = f"planning stopped: {fault}"
    with transaction(desk.engine) as connection:
        return end_plan(connection, lease, error or None).files


def preview(desk: PlanningDesk, lease: PlanLease) -> list[str]:
    """Looks at the feed and leaves its forecast. Its files stay for the import; of a feed at fault they may go."""
    try:
        with order_of(desk, lease) as order:
            forecast = dry_run(desk.engine, order, on_batch=lambda _: stop_if_told(desk)).as_json()
            assert isinstance(order.feed, Feed)
            columns = columns_told(order.feed.mapping)
    except ITS_OWN as fault:
        with transaction(desk.engine) as connection:
            return end_plan(connection, lease, f"planning stopped: {fault}").files
    with transaction(desk.engine) as connection:
        keep_forecast(connection, lease, {**forecast, **columns})
    return []


def columns_told(mapping: ColumnMapping) -> dict[str, Any]:
    """What was taken for what: field → column, or columns of photos; and what is kept as it is."""
    photos = {"photos": ", ".join(mapping.photos)} if mapping.photos else {}
    return {"columns": {**mapping.fields, **photos}, "metadata": list(mapping.metadata)}


def stop_if_told(desk: PlanningDesk) -> None:
    if desk.stopping.is_set():
        raise Interrupted


@contextmanager
def order_of(desk: PlanningDesk, lease: PlanLease) -> Iterator[Order]:
    """What to import, open while the block runs. Raises what `ITS_OWN` names where the feed is at fault."""
    with ExitStack() as exits:
        desk.scratch.mkdir(parents=True, exist_ok=True)
        scratch = Path(exits.enter_context(tempfile.TemporaryDirectory(dir=desk.scratch, prefix="plan-")))
        path = feed_on_disk(desk, lease, scratch)
        columns = lease.handed_in.columns
        feed = exits.enter_context(open_feed(path, name=lease.feed_name, mapping=columns, scratch=scratch))
        photos = photos_beside(desk, lease, feed, scratch)
        if photos is not None:
            exits.callback(photos.close)
        yield Order(
            catalogue=lease.catalogue,
            feed_name=lease.feed_name,
            feed=feed,
            photos=photos,
            lane=lease.lane,
            whole=lease.whole,
            withdraw_share_max=lease.withdraw_share_max,
            refetch=lease.refetch,
        )


def feed_on_disk(desk: PlanningDesk, lease: PlanLease, scratch: Path) -> Path:
    """The feed as a file. One that lies at a URL goes into the store first, so that whoever takes over reads the same.

    Raises FeedError where the URL does not give it, and `LeaseLost` or `ImportCancelled`.
    """
    name = lease.handed_in.feed_file
    if name is None:
        assert lease.handed_in.feed_url is not None
        name = f"import-{lease.import_id}-{lease.token}"
        fetched = scratch / "fetched"
        fetch_feed(lease.handed_in.feed_url, fetched, allow_hosts=desk.allow_hosts)
        desk.store.write_file(Area.FEEDS, name, fetched)
        try:
            with transaction(desk.engine) as connection:
                keep_feed(connection, lease, name)
        except (LeaseLost, ImportCancelled):
            drop_files(desk.store, [name])  # nobody else knows its name
            raise
    return desk.store.fetch_file(Area.FEEDS, name, scratch)


def photos_beside(desk: PlanningDesk, lease: PlanLease, feed: Feed, scratch: Path) -> Photos | None:
    """The zip that was handed in with the feed, or else what came in one zip with it."""
    name = lease.handed_in.photos_file
    if name and feed.format is not FeedFormat.PHOTOS:
        return open_photos(desk.store.fetch_file(Area.FEEDS, name, scratch), name=PHOTOS)
    return open_photos(feed.photos_path) if feed.photos_path else None


def plan_all(desk: PlanningDesk, lease: PlanLease, order: Order) -> str:
    """Plans the lines that no planner has planned yet, batch by batch, while the lease is held.

    Empty, or why what a whole feed does not have was not withdrawn.
    """
    planner = Planner(
        engine=desk.engine,
        store=desk.store,
        order=order,
        import_id=lease.import_id,
        version_id=lease.model_version_id,
        fence=lambda connection: take_plan_fence(connection, lease),
    )
    batches = read_ahead(dropwhile(lambda entry: entry.line <= lease.planned_line, order.feed.rows()))
    first = next(batches, FeedBatch())
    require_photos(first.entries, order)
    for batch in chain([first], batches):
        stop_if_told(desk)
        planner.plan(batch)
        dispatch(desk.engine, desk.app)
    return planner.withdraw()


def drop_files(store: Store, files: Sequence[str]) -> None:
    """Of a feed that is planned or cancelled: nobody needs them. What stays behind by a fault does no harm."""
    for name in files:
        try:
            store.remove(Area.FEEDS, name)
        except StoreError as error:
            logger.warning("%s of a planned feed could not be removed: %s", name, error)
