"""Keeps the leases of a process alive while its shards are worked on, and tells a shard when its lease was lost."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.engine import transaction
from db.errors import DbError
from db.shards import Lease, keep_alive
from worker.settings import Delivery

logger = logging.getLogger(__name__)


class Heartbeat:
    """One thread and one connection for all leases, so that a busy pool of connections cannot starve it."""

    def __init__(self, engine: Engine, delivery: Delivery) -> None:
        self._engine = engine
        self._delivery = delivery
        self._held: dict[tuple[int, int], threading.Event] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[threading.Event]:
        """Keeps `lease` alive inside the block; the event is set when it was lost all the same."""
        key, lost = (lease.shard_id, lease.token), threading.Event()
        with self._guard:
            self._held[key] = lost
        try:
            yield lost
        finally:
            with self._guard:
                del self._held[key]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._delivery.heartbeat_s):
            with self._guard:
                held = dict(self._held)
            try:
                with transaction(self._engine) as connection:
                    lost = keep_alive(connection, held, lease_s=self._delivery.lease_s)
            except (SQLAlchemyError, DbError) as error:
                logger.warning("no heartbeat, the database does not answer: %s", error)
                continue
            for (shard_id, _), event in held.items():
                if shard_id in lost:
                    event.set()
