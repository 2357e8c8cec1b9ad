"""One shard from claim to commit: fetch and decode ∥ infer ∥ write, several shards sharing one engine."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from broker import Delivery
from db.engine import first_line, transaction
from db.enrichments import Outcome, write_shard
from db.errors import DbError, LeaseLost, NotReachable
from db.shards import Lease, claim, give_back, has_failed
from db.states import Lane
from metrics.enriching import PHOTOS, SHARDS, WRITE
from store import StoreError
from vision.errors import ArtifactError
from worker.company import Company
from worker.heartbeat import Heartbeat
from worker.inference import EngineBroken, EngineFails
from worker.logged import at_work_on
from worker.looking import Interrupted, Looks, Patience
from worker.networks import Networks
from worker.preparation import Preparation
from worker.readers import Readers

logger = logging.getLogger(__name__)

WRITE_WAITS_S = (0.2, 1.0, 2.0, 4.0, 8.0)
ERROR_WAIT_S = 5.0
# Faults of the surroundings: however often they happen, no photo is to be suspected of them.
NOT_A_PHOTOS = (StoreError, DbError, OperationalError, ArtifactError, EngineFails)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """What a worker process holds open for its shards."""

    name: str
    engine: Engine
    networks: Networks
    preparation: Preparation
    readers: dict[Lane, Readers]
    heartbeat: Heartbeat
    delivery: Delivery
    stopping: threading.Event
    company: Company = field(default_factory=Company)


def enrich_shard(workshop: Workshop, shard_id: int) -> None:
    """Claims a shard and does it. A shard that is done, not due or taken is left alone.

    One that failed before is done with nothing beside it, and claimed only then: what waits is not to be blamed.
    Raises what made the shard fail, after giving it back to the queue with the attempt counted.
    """
    with transaction(workshop.engine) as connection:
        suspect = has_failed(connection, shard_id)
    with workshop.company.alone() if suspect else workshop.company.beside_others():
        with transaction(workshop.engine) as connection:
            lease = claim(connection, shard_id, worker=workshop.name, lease_s=workshop.delivery.lease_s)
        if lease is not None:
            with at_work_on(import_id=lease.import_id, shard_id=lease.shard_id):
                work_on(workshop, lease)


def work_on(workshop: Workshop, lease: Lease) -> None:
    started = time.monotonic()
    try:
        with workshop.heartbeat.keeping((lease.shard_id, lease.token)) as lost:
            outcomes = list(look_at_photos(workshop, lease, lost))
            write(workshop.engine, lease, outcomes, work_s=work_s_of(outcomes, time.monotonic() - started))
        count(lease, outcomes)
        say_quarantined(lease, outcomes)
    except LeaseLost as error:
        SHARDS.labels(lease.lane, "lost").inc()
        logger.warning("%s", error)
    except Interrupted:
        SHARDS.labels(lease.lane, "given back").inc()
        with transaction(workshop.engine) as connection:
            give_back(connection, lease)
    except Exception as error:
        SHARDS.labels(lease.lane, "failed").inc()
        says = f"{type(error).__name__}: {first_line(error)}"
        with transaction(workshop.engine) as connection:
            give_back(connection, lease, error=says, delay_s=ERROR_WAIT_S, counts=may_be_a_photos(error))
        raise


def count(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """For operators, once it is written: what went wrong on the way will come again."""
    SHARDS.labels(lease.lane, "done").inc()
    for (outcome, reason), photos in Counter(map(told, outcomes)).items():
        PHOTOS.labels(outcome, reason).inc(photos)


def told(outcome: Outcome) -> tuple[str, str]:
    """A photo's outcome and its reason, as they are counted."""
    if outcome.retry_in_s is not None:
        return "put off", ""
    if outcome.reason:
        return "quarantined", outcome.reason
    return ("enriched" if outcome.seen else "recognised"), ""


def say_quarantined(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """A line a photo, with its id; its detail, which may name an address, stands in the tables.

    What a backfill could not have is told at once: its photos stay what they are, so that no table tells why.
    """
    lost = [outcome for outcome in outcomes if outcome.reason]
    if lease.lane is not Lane.BACKFILL:
        for outcome in lost:
            with at_work_on(photo_id=outcome.photo_id):
                logger.info("photo %d is in quarantine: %s", outcome.photo_id, outcome.reason)
    elif lost:
        first = lost[0]
        counts = ", ".join(f"{photos} {reason}" for reason, photos in Counter(o.reason for o in lost).items())
        logger.warning(
            "backfill %d could not have %s; the first is photo %d: %s",
            lease.import_id, counts, first.photo_id, first.detail,
        )  # fmt: skip


def may_be_a_photos(error: Exception) -> bool:
    """Whether a photo may be at fault, so that the shard's tries are counted."""
    return isinstance(error, EngineBroken) or not isinstance(error, NOT_A_PHOTOS)


def look_at_photos(workshop: Workshop, lease: Lease, lost: threading.Event) -> Iterator[Outcome]:
    """The outcome of each photo of the shard. Raises `Interrupted`, or the engine's error."""
    inference, manifest = workshop.networks.network_of(lease.model_version_id)
    looks = Looks(
        lease,
        readers=workshop.readers[lease.lane],
        preparation=workshop.preparation,
        inference=inference,
        rule=manifest.pixels,
    )
    return looks.outcomes(Patience(stopping=workshop.stopping, lost=lost, drain_s=workshop.delivery.drain_s))


def work_s_of(outcomes: Sequence[Outcome], took_s: float) -> float:
    """0, for unknown, where photos were put off: a shard that waited for hosts says nothing of how fast work goes."""
    return 0.0 if any(outcome.retry_in_s is not None for outcome in outcomes) else took_s


def write(engine: Engine, lease: Lease, outcomes: Sequence[Outcome], *, work_s: float) -> None:
    """One transaction; tried again after a deadlock or a restart of the server, which the fencing token makes safe."""
    for wait_s in (*WRITE_WAITS_S, None):
        try:
            with WRITE.time(), transaction(engine) as connection:
                write_shard(connection, lease, outcomes, work_s=work_s)
            return
        except (OperationalError, NotReachable) as error:
            if wait_s is None:
                raise
            logger.warning("shard %d could not be written, trying again: %s", lease.shard_id, first_line(error))
            time.sleep(wait_s)
