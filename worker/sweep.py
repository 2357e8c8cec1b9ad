"""Keeps work moving without a person: whatever the broker or a worker lost is found in the tables and sent again.

Any process may run it, several may at once: an advisory lock lets one pass in at a time.
"""

import logging
import threading
from collections.abc import Callable

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from broker import PLANNING, Delivery, dispatch, queue_length
from db.backfills import follow_up
from db.control import finish_cancelling, half_cancelled
from db.engine import first_line, is_lost, transaction
from db.erasure import drop_erased
from db.errors import DbError
from db.imports import fail_abandoned_plans
from db.indexes import VectorIndex, build_index, forget_dead_indexes, wants_index
from db.plans import forget_lost_plan_messages, requeue_abandoned_plans
from db.shards import forget_lost_messages, isolate_poison, requeue_abandoned, settle_pauses, sweeps_alone
from db.states import Lane
from metrics.enriching import LEASES_EXPIRED
from store import Store, StoreError
from worker.handed_in import drop_files
from worker.recall import watch_recall

logger = logging.getLogger(__name__)


def sweep(engine: Engine, app: Celery, store: Store, delivery: Delivery) -> None:
    """One pass: leases that ran out, shards that kill workers, plans that stopped, messages that got lost.

    And what a pause or a cancelling left undone, because it came at the wrong moment or whoever did it died.
    """
    idle = empty_queues(app)
    with transaction(engine) as connection:
        if not sweeps_alone(connection):
            return
        settle_pauses(connection)
        returned = requeue_abandoned(connection)
        split = isolate_poison(connection)
        fail_abandoned_plans(connection)
        given_up = requeue_abandoned_plans(connection)
        lost = sum(forget_lost(connection, queue, older_than_s=delivery.lost_message_s) for queue in idle)
        cancelled = half_cancelled(connection)
    LEASES_EXPIRED.inc(len(returned))
    if returned or split or lost:
        logger.warning(
            "%d shards came back from lost workers, %d split, %d messages were lost", len(returned), split, lost,
            extra={"shard_ids": sorted(returned)} if returned else None,
        )  # fmt: skip
    for import_id in cancelled:
        finish_cancelling(engine, import_id)
    for feed in given_up:
        drop_files(store, feed.files)
    clear_store(engine, store)
    dispatch(engine, app)


def empty_queues(app: Celery) -> list[str]:
    """Queues without a waiting message; none while the broker does not answer."""
    try:
        return [queue for queue in (*(lane.value for lane in Lane), PLANNING) if queue_length(app, queue) == 0]
    except (BrokerError, OSError) as error:
        logger.warning("the broker does not answer: %s", error)
        return []


def forget_lost(connection: Connection, queue: str, *, older_than_s: float) -> int:
    """Has the messages sent again that should wait in this empty queue."""
    if queue == PLANNING:
        return forget_lost_plan_messages(connection, older_than_s=older_than_s)
    return forget_lost_messages(connection, Lane(queue), older_than_s=older_than_s)


def clear_store(engine: Engine, store: Store) -> None:
    """Removes from the store what was erased from the tables while whoever erased it could not finish."""
    with transaction(engine) as connection:
        drop_erased(connection, store.remove_content)


def said(index: VectorIndex) -> str:
    return f"of category {index.category} " if index.category else ""


class Sweeper:
    """Sweeps every few seconds in a thread of its own; in another it looks after the versions in service.

    There it has the active one see what imports saw for another since, and builds a missing index when work is done.
    With `recall_every_h` it measures recall so often, in a third. `on_sweep` is told of each sweep's end.
    """

    def __init__(
        self,
        engine: Engine,
        app: Celery,
        store: Store,
        delivery: Delivery,
        *,
        recall_every_h: float = 0,
        on_sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._app = app
        self._store = store
        self._delivery = delivery
        self._recall_every_h = recall_every_h
        self._on_sweep = on_sweep
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(self._sweep, delivery.sweep_s), name="sweep", daemon=True),
            threading.Thread(
                target=self._run, args=(self._versions, 4 * delivery.sweep_s), name="versions", daemon=True
            ),
        ]
        if recall_every_h:
            self._threads.append(
                threading.Thread(
                    target=self._run, args=(self._recall, 12 * delivery.sweep_s), name="recall", daemon=True
                )
            )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stops sweeping; an index that is being built is left to the next process."""
        self._stop.set()
        self._threads[0].join()

    def _run(self, step: Callable[[], None], every_s: float) -> None:
        while not self._stop.wait(every_s):
            try:
                step()
            except (OperationalError, DbError) as error:
                logger.warning("the database does not answer, trying again: %s", first_line(error))
            except StoreError as error:
                logger.warning("the store does not answer, trying again: %s", error)
            except SQLAlchemyError as error:
                if is_lost(error):
                    logger.warning("the database went away, trying again: %s", first_line(error))
                else:
                    logger.exception("this step failed, trying again")

    def _sweep(self) -> None:
        sweep(self._engine, self._app, self._store, self._delivery)
        self._on_sweep()

    def _recall(self) -> None:
        watch_recall(self._engine, every_h=self._recall_every_h)

    def _versions(self) -> None:
        with transaction(self._engine) as connection:
            late = follow_up(connection) if sweeps_alone(connection) else 0
        if late:
            logger.info("the active model version is to see %d photos that were seen for another", late)
            dispatch(self._engine, self._app)
        with transaction(self._engine) as connection:
            for dead in forget_dead_indexes(connection):
                logger.warning("the index %sof model version %d is gone or cannot answer", said(dead), dead.version_id)
            wanted = wants_index(connection)
        if wanted is not None:
            logger.info("building the index %sof model version %d", said(wanted), wanted.version_id)
            build_index(self._engine, wanted)
