"""How the work stands, for Prometheus: asked of the database and the broker when somebody scrapes."""

import logging
import threading
import time
from collections.abc import Iterator

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from prometheus_client import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from broker.app import PLANNING
from broker.messages import queue_length
from db.engine import first_line, transaction
from db.errors import DbError
from db.states import Lane
from db.vitals import vitals
from metrics import gauges

logger = logging.getLogger(__name__)

AT_MOST_EVERY_S = 10.0


class VitalsCollector(Collector):
    """Thread-safe. Whoever asks within `every_s` of another gets the same answer.

    A server that does not answer is said by a gauge of its own, and its others are missing: never old, never zero.
    """

    def __init__(self, engine: Engine, app: Celery, *, every_s: float = AT_MOST_EVERY_S) -> None:
        self._engine = engine
        self._app = app
        self._every_s = every_s
        self._guard = threading.Lock()
        self._read: list[Metric] = []
        self._read_at = -every_s

    def describe(self) -> list[Metric]:
        """None: so that nothing is asked when it is registered."""
        return []

    def collect(self) -> list[Metric]:
        with self._guard:
            if time.monotonic() - self._read_at >= self._every_s:
                self._read = [*self._of_database(), *self._of_broker()]
                self._read_at = time.monotonic()
            return self._read

    def _of_database(self) -> Iterator[Metric]:
        try:
            with transaction(self._engine) as connection:
                now = vitals(connection)
        except (SQLAlchemyError, DbError) as error:
            logger.warning("the database does not answer how the work stands: %s", first_line(error))
            yield gauges.DATABASE_UP.reads(0)
            return
        yield gauges.DATABASE_UP.reads(1)
        yield gauges.SHARDS_WAITING.reads(now.waiting)
        yield gauges.OLDEST_SHARD_SECONDS.reads(now.oldest_s)
        yield gauges.SHARDS_LEASED.reads(now.leased)
        yield gauges.LEASES_OVERDUE.reads(now.overdue)
        yield gauges.PHOTOS_PENDING.reads(now.pending)
        yield gauges.PHOTOS_QUARANTINED.reads(now.quarantined)
        yield gauges.IMPORTS.reads(now.imports)
        yield gauges.ACTIVE_MODEL.reads({now.active_model: 1} if now.active_model else {})
        yield gauges.RECALL.reads(now.recall)
        yield gauges.RECALL_CHECKED.reads(now.recall_checked_at.timestamp() if now.recall_checked_at else None)
        yield gauges.DEAD_ROWS.reads(now.dead_rows)

    def _of_broker(self) -> Iterator[Metric]:
        try:
            waiting = {name: queue_length(self._app, name) for name in (*(lane.value for lane in Lane), PLANNING)}
        except (BrokerError, OSError) as error:
            logger.warning("the broker does not answer how much waits: %s", error)
            yield gauges.BROKER_UP.reads(0)
            return
        yield gauges.BROKER_UP.reads(1)
        yield gauges.QUEUE_MESSAGES.reads(waiting)
