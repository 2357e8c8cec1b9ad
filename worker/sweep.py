"""Keeps work moving without a person: whatever the broker or a worker lost is found in the tables and sent again.

Any process may run it, several may at once: an advisory lock lets one pass in at a time.
"""

import logging
import threading
from collections.abc import Callable

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from db.engine import first_line, transaction
from db.errors import DbError
from db.imports import fail_abandoned_plans
from db.models import build_index, wants_index
from db.shards import forget_lost_messages, isolate_poison, requeue_abandoned, sweeps_alone, take_unsent
from db.states import Lane
from worker.queue import queue_length, send_shards
from worker.settings import Delivery

logger = logging.getLogger(__name__)

PAGE = 500


def sweep(engine: Engine, app: Celery, delivery: Delivery) -> None:
    """One pass: leases that ran out, shards that kill workers, plans that stopped, messages that got lost."""
    idle = empty_lanes(app)
    with transaction(engine) as connection:
        if not sweeps_alone(connection):
            return
        returned = requeue_abandoned(connection)
        split = isolate_poison(connection)
        fail_abandoned_plans(connection)
        lost = sum(forget_lost_messages(connection, lane, older_than_s=delivery.lost_message_s) for lane in idle)
    if returned or split or lost:
        logger.warning("%d shards came back from lost workers, %d split, %d messages were lost", returned, split, lost)
    dispatch(engine, app)


def empty_lanes(app: Celery) -> list[Lane]:
    """Lanes without a waiting message; none while the broker does not answer."""
    try:
        return [lane for lane in Lane if queue_length(app, lane) == 0]
    except (BrokerError, OSError) as error:
        logger.warning("the broker does not answer: %s", error)
        return []


def dispatch(engine: Engine, app: Celery) -> None:
    """Sends a message for every shard that is due and has none."""
    while True:
        with transaction(engine) as connection:
            due = take_unsent(connection, PAGE)
        unsent = send_shards(app, due)
        if unsent:
            lanes = dict(due)
            with transaction(engine) as connection:
                for lane in Lane:
                    mine = [shard_id for shard_id in unsent if lanes[shard_id] is lane]
                    forget_lost_messages(connection, lane, older_than_s=0, only=mine)
        if unsent or len(due) < PAGE:
            return


class Sweeper:
    """Sweeps every few seconds in a thread of its own, and builds a missing index when the work is done."""

    def __init__(self, engine: Engine, app: Celery, delivery: Delivery) -> None:
        self._engine = engine
        self._app = app
        self._delivery = delivery
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(self._sweep, delivery.sweep_s), name="sweep", daemon=True),
            threading.Thread(target=self._run, args=(self._index, 4 * delivery.sweep_s), name="index", daemon=True),
        ]
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
            except SQLAlchemyError:
                logger.exception("this step failed, trying again")

    def _sweep(self) -> None:
        sweep(self._engine, self._app, self._delivery)

    def _index(self) -> None:
        with transaction(self._engine) as connection:
            version_id = wants_index(connection)
        if version_id is not None:
            logger.info("building the index of model version %d", version_id)
            build_index(self._engine, version_id)
