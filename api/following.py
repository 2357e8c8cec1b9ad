"""Progress of imports as a stream of events. The database is asked once a second an import, however many listen.

Nothing runs between the streams: whoever comes first after a second asks, the others take what it found. A client that
is slow misses what lay between; one that is gone, or reads nothing for long, leaves nothing behind.
"""

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from anyio import Event, Lock, move_on_after, to_thread
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from api.errors import TooManyListen
from api.progress import progress_of
from db.engine import transaction
from db.errors import NotReachable
from db.imports import import_status
from db.reports import photos_per_s

logger = logging.getLogger(__name__)

POLL_S = 1.0
PING_S = 15
# Then a stream ends and a client connects again, as EventSource does by itself: no key outlives its change by more.
STREAM_AT_MOST_S = 600.0
READS_NOTHING_S = 30.0
LISTENERS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An import at a moment: `data` is the JSON that GET answers, `id` another one whenever a counter or state is.

    `finished`: also one that waits for a person, as nothing of it moves until then.
    """

    id: str
    data: str
    finished: bool


def look_at(engine: Engine, import_id: int) -> Seen:
    """Raises `UnknownImport`."""
    with transaction(engine) as connection:
        status = import_status(connection, import_id)
        shown = progress_of(status, photos_per_s(connection, import_id))
    timeless = repr(replace(status, running_s=0.0)).encode()
    return Seen(
        id=hashlib.blake2b(timeless, digest_size=8).hexdigest(),
        data=shown.model_dump_json(),
        finished=status.finished or status.waits,
    )


class _Watched:
    """One import that somebody listens to."""

    def __init__(self, look: Callable[[], Seen]) -> None:
        self.listeners = 0
        self._look = look
        self._asking = Lock()
        self._seen: Seen | None = None
        self._asked_s = 0.0

    async def latest(self) -> Seen:
        """At most a second old, or older while the database is away."""
        async with self._asking:
            if self._seen is None or time.monotonic() - self._asked_s >= POLL_S:
                try:
                    self._seen = await to_thread.run_sync(self._look)
                except (SQLAlchemyError, NotReachable):
                    if self._seen is None:
                        raise
                self._asked_s = time.monotonic()
            return self._seen


class Following:
    """The imports that are listened to in this process. Used on its event loop alone, so nothing is locked."""

    def __init__(self, look: Callable[[int], Seen]) -> None:
        self._look = look
        self._watched: dict[int, _Watched] = {}

    @property
    def listeners(self) -> int:
        return sum(watched.listeners for watched in self._watched.values())

    async def now(self, import_id: int) -> Seen:
        """How an import stands. Raises `UnknownImport`."""
        watched = self._watched.get(import_id)
        return await (watched.latest() if watched else to_thread.run_sync(self._look, import_id))

    @contextmanager
    def listening(self, import_id: int) -> Iterator[None]:
        """One listener more while the block runs. Raises `TooManyListen`."""
        if self.listeners >= LISTENERS:
            raise TooManyListen
        watched = self._watched.setdefault(import_id, _Watched(lambda: self._look(import_id)))
        watched.listeners += 1
        try:
            yield
        finally:
            watched.listeners -= 1
            if not watched.listeners:
                del self._watched[import_id]

    async def events(self, import_id: int, known: str | None, leaving: Event) -> AsyncIterator[ServerSentEvent]:
        """What changes, beginning with what is, unless that is `known`.

        `done` is the last of an import that is over, or that waits to be started.

        To be read inside `listening`. Ends soon after `leaving` is set.
        """
        until_s = time.monotonic() + STREAM_AT_MOST_S
        while True:
            seen = await self._watched[import_id].latest()
            if seen.id != known:
                yield ServerSentEvent(seen.data, event="progress", id=seen.id, sep="\n")
                known = seen.id
            if seen.finished:
                yield ServerSentEvent(seen.data, event="done", id=seen.id, sep="\n")
                return
            if leaving.is_set() or time.monotonic() >= until_s:
                return
            with move_on_after(POLL_S):
                await leaving.wait()


class ProgressStream(EventSourceResponse):
    """The answer that streams. Its place is taken when it begins, so that none is lost to a client that never reads."""

    def __init__(self, following: Following, import_id: int, known: str | None) -> None:
        leaving = Event()  # set when the server is told to stop: the answer is ended then, not broken off
        super().__init__(
            following.events(import_id, known, leaving),
            ping=PING_S,
            send_timeout=READS_NOTHING_S,
            shutdown_event=leaving,
            shutdown_grace_period=2 * POLL_S,
        )
        self._following = following
        self._import_id = import_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._following.listening(self._import_id):
            try:
                await super().__call__(scope, receive, send)
            except SendTimeoutError:
                logger.info("a client of import %d's events reads nothing; it is let go", self._import_id)
