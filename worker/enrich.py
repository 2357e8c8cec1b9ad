"""One shard from claim to commit: fetch and decode ∥ infer ∥ write, several shards sharing one engine."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from broker import Delivery
from db.engine import first_line, transaction
from db.enrichments import Outcome, Seen, write_shard
from db.errors import DbError, LeaseLost, NotReachable
from db.shards import Lease, WorkPhoto, claim, give_back
from db.states import Lane
from store import StoreError
from vision.errors import ArtifactError
from vision.prediction import Prediction
from worker.heartbeat import Heartbeat
from worker.networks import Networks
from worker.preparation import Preparation, Prepared

logger = logging.getLogger(__name__)

WRITE_WAITS_S = (0.2, 1.0, 2.0, 4.0, 8.0)
ERROR_WAIT_S = 5.0
# Faults of the surroundings: however often they happen, no photo is to be suspected of them.
NOT_A_PHOTOS = (StoreError, DbError, OperationalError, ArtifactError)
LOOK_UP_S = 0.5


class Interrupted(Exception):
    """The process stops, or the lease was lost, before the shard was done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What a worker process holds open for its shards."""

    name: str
    engine: Engine
    networks: Networks
    preparation: Preparation
    readers: dict[Lane, Executor]
    heartbeat: Heartbeat
    delivery: Delivery
    stopping: threading.Event


def enrich_shard(workshop: Workshop, shard_id: int) -> None:
    """Claims a shard and does it. A shard that is done, not due or taken is left alone.

    Raises what made the shard fail, after giving it back to the queue with the attempt counted.
    """
    with transaction(workshop.engine) as connection:
        lease = claim(connection, shard_id, worker=workshop.name, lease_s=workshop.delivery.lease_s)
    if lease is None:
        return
    started = time.monotonic()
    try:
        with workshop.heartbeat.keeping((lease.shard_id, lease.token)) as lost:
            outcomes = list(look_at_photos(workshop, lease, lost))
            write(workshop.engine, lease, outcomes, work_s=time.monotonic() - started)
    except LeaseLost as error:
        logger.warning("%s", error)
    except Interrupted:
        with transaction(workshop.engine) as connection:
            give_back(connection, lease)
    except Exception as error:
        says = f"{type(error).__name__}: {first_line(error)}"
        with transaction(workshop.engine) as connection:
            give_back(connection, lease, error=says, delay_s=ERROR_WAIT_S, counts=not isinstance(error, NOT_A_PHOTOS))
        raise


def look_at_photos(workshop: Workshop, lease: Lease, lost: threading.Event) -> Iterator[Outcome]:
    """The outcome of each photo of the shard. Raises `Interrupted`, or the engine's error."""
    inference, manifest = workshop.networks.network_of(lease.model_version_id)
    abandoned = threading.Event()

    def look(photo: WorkPhoto) -> "Look":
        if abandoned.is_set():
            raise Interrupted
        prepared = workshop.preparation.prepare(photo, manifest.pixels, lease.model_version_id)
        if isinstance(prepared, Outcome):
            return prepared
        return prepared, inference.submit(prepared.pixels, lease.lane)

    groups = alike(lease.photos)
    looks = [workshop.readers[lease.lane].submit(look, twins[0]) for twins in groups]
    patience = Patience(workshop, lost)
    try:
        for pending, twins in zip(looks, groups, strict=True):
            found = patience.wait_for(pending)
            first = found if isinstance(found, Outcome) else outcome(found[0], patience.wait_for(found[1]))
            yield first
            yield from (same_for(photo, first) for photo in twins[1:])
    finally:
        abandoned.set()
        for pending in looks:
            pending.cancel()


def alike(photos: Sequence[WorkPhoto]) -> list[list[WorkPhoto]]:
    """Photos of the same bytes, or of the same URL, together: sellers share photos, and one look is enough."""
    groups: dict[bytes | str, list[WorkPhoto]] = {}
    for photo in photos:
        groups.setdefault(photo.sha256 or photo.source, []).append(photo)
    return list(groups.values())


def same_for(photo: WorkPhoto, first: Outcome) -> Outcome:
    """The outcome of a photo whose twin was looked at in this shard."""
    return replace(first, photo_id=photo.id, seen=None, recognised=first.recognised or first.seen is not None)


Look = Outcome | tuple[Prepared, "Future[Prediction]"]
Result = TypeVar("Result")


class Patience:
    """Waits for a shard's photos until they are there, the lease is lost, or a stopping worker's time is up."""

    def __init__(self, workshop: Workshop, lost: threading.Event) -> None:
        self._workshop = workshop
        self._lost = lost
        self._deadline: float | None = None

    def wait_for(self, future: "Future[Result]") -> Result:
        """The future's result or its error; `Interrupted` where it is not worth waiting for any more."""
        while True:
            try:
                return future.result(timeout=LOOK_UP_S)
            except NotYet:
                if self._lost.is_set() or self._is_over():
                    raise Interrupted from None

    def _is_over(self) -> bool:
        if not self._workshop.stopping.is_set():
            return False
        if self._deadline is None:
            self._deadline = time.monotonic() + self._workshop.delivery.drain_s
        return time.monotonic() > self._deadline


def outcome(prepared: Prepared, prediction: Prediction) -> Outcome:
    """What the network saw, in db's words."""
    return Outcome(
        photo_id=prepared.photo_id,
        content=prepared.content,
        seen=Seen(
            categories=prediction.categories,
            category_scores=prediction.category_scores,
            abstained=prediction.abstained,
            attributes=prediction.attributes,
            attribute_scores=prediction.attribute_scores,
            embedding=prediction.embedding.tolist(),
        ),
    )


def write(engine: Engine, lease: Lease, outcomes: Sequence[Outcome], *, work_s: float) -> None:
    """One transaction; tried again after a deadlock or a restart of the server, which the fencing token makes safe."""
    for wait_s in (*WRITE_WAITS_S, None):
        try:
            with transaction(engine) as connection:
                write_shard(connection, lease, outcomes, work_s=work_s)
            return
        except (OperationalError, NotReachable) as error:
            if wait_s is None:
                raise
            logger.warning("shard %d could not be written, trying again: %s", lease.shard_id, first_line(error))
            time.sleep(wait_s)
