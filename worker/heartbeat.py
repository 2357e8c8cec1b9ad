"""Keeps the leases of a process alive while their work is done, and tells the work when its lease was lost."""

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from broker import Delivery
from db.engine import first_line, transaction
from db.errors import DbError

logger = logging.getLogger(__name__)


class KeepAlive(Protocol):
    """Prolongs leases given as (id, token) and returns the ids of those that were lost: of shards, or of plans."""

    def __call__(self, connection: Connection, leases: Collection[tuple[int, int]], *, lease_s: float) -> set[int]: ...


class Heartbeat:
    """One thread and one connection for all leases, so that a busy pool of connections cannot starve it."""

    def __init__(self, engine: Engine, delivery: Delivery, keep_alive: KeepAlive) -> None:
        self._engine = engine
        self._delivery = delivery
        self._keep_alive = keep_alive
        self._held: dict[tuple[int, int], threading.Event] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def keeping(self, key: tuple[int, int]) -> Iterator[threading.Event]:
        """Keeps a lease, given as (id, token), alive inside the block; the event says that it was lost all the same."""
        lost = threading.Event()
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
                    lost = self._keep_alive(connection, held, lease_s=self._delivery.lease_s)
            except (SQLAlchemyError, DbError) as error:
                logger.warning("no heartbeat, the database does not answer: %s", first_line(error))
                continue
            for (held_id, _), event in held.items():
                if held_id in lost:
                    event.set()
