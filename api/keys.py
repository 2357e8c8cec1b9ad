"""The keys that open this API: the environment's, and those of the table `api_key`, which are looked up in memory.

All standing keys are read at once and believed for `BELIEVED_S`; a key that was revoked is refused within that. So a
guessed token costs no query either. Where the table cannot be read, no key of it is taken, but for what tells of the
outage itself (`of_token_lately`).
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from anyio.to_thread import run_sync
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.engine import single_question, transaction
from db.errors import DbError, NotReachable
from db.keys import StandingKey, hash_of, note_use, standing_keys
from db.states import KeyScope

BELIEVED_S = 10.0
REMEMBERED_S = 15 * 60.0
OF_ENVIRONMENT = 0
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Whose key a request came with. `id` 0: the environment's. `secret` signs its sessions and is never sent."""

    id: int
    name: str
    scope: KeyScope
    secret: bytes = field(repr=False)


# Who asks now; None where no key is needed. For pages, which show what one may do.
ASKING: ContextVar[Asker | None] = ContextVar("asking", default=None)


class KeyTable(Protocol):
    """Where standing keys are read, and where their use is noted."""

    def read(self) -> Sequence[StandingKey]: ...

    def note(self, key_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class KeysOfDatabase:
    """The table `api_key`. `engine` is asked for late: nothing is open before the application starts."""

    engine: Callable[[], Engine]

    def read(self) -> Sequence[StandingKey]:
        """Raises `NotReachable` and `NotMigrated`."""
        try:
            with single_question(self.engine()) as connection:
                return standing_keys(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise NotReachable from error

    def note(self, key_id: int) -> None:
        with transaction(self.engine()) as connection:
            note_use(connection, key_id)


class KeyRing:
    """Says whose a token or a session is. Methods raise `DbError` where the table has to be read and cannot be."""

    def __init__(
        self, environment: str | None, table: KeyTable, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environment = environment.encode() if environment is not None else None
        self._table = table
        self._clock = clock
        self._reading = asyncio.Lock()
        self._read_at = -float("inf")
        self._by_id: dict[int, StandingKey] = {}
        self._by_hash: dict[bytes, StandingKey] = {}
        self._use_due: set[int] = set()

    @property
    def asked_for(self) -> bool:
        """Whether a key is needed, as far as is known; expired keys ask too, or the last one's end would open all."""
        return self._environment is not None or bool(self._by_id)

    async def is_open(self) -> bool:
        """Whether no key is needed."""
        if self._environment is None:
            await self._refresh()
        return not self.asked_for

    async def of_token(self, token: str) -> Asker | None:
        """Whose token it is: None for nobody's, and for one that has expired."""
        given = token.strip().encode("utf-8", "replace")
        if self._environment is not None and hmac.compare_digest(given, self._environment):
            return self._of_environment()
        await self._refresh()
        return await self._of_row(self._by_hash.get(hash_of(token.strip())))

    def of_token_lately(self, token: str) -> Asker | None:
        """Whose token it was when the table was last read, if that is no longer ago than `REMEMBERED_S`.

        For a server that does not answer, and what must not fall silent with it: it may have been revoked since.
        """
        if self._clock() - self._read_at >= REMEMBERED_S:
            return None
        return self._standing(self._by_hash.get(hash_of(token.strip())))

    async def of_id(self, key_id: int) -> Asker | None:
        """Whose session it would be, if its signature fits `secret`."""
        if key_id == OF_ENVIRONMENT:
            return self._of_environment()
        await self._refresh()
        return await self._of_row(self._by_id.get(key_id))

    def _of_environment(self) -> Asker | None:
        if self._environment is None:
            return None
        return Asker(id=OF_ENVIRONMENT, name="MODISTE_API_KEY", scope=KeyScope.ADMIN, secret=self._environment)

    async def _of_row(self, row: StandingKey | None) -> Asker | None:
        asker = self._standing(row)
        if row is not None and asker is not None:
            await self._note(row)
        return asker

    def _standing(self, row: StandingKey | None) -> Asker | None:
        if row is None or (row.expires_at is not None and row.expires_at <= datetime.now(UTC)):
            return None
        # The environment's key goes in too, so that who reads the table alone can sign no session.
        secret = hmac.digest(self._environment or b"", row.hash, "sha256")
        return Asker(id=row.id, name=row.name, scope=row.scope, secret=secret)

    async def _refresh(self) -> None:
        if self._is_fresh():
            return
        async with self._reading:
            if self._is_fresh():
                return
            rows = await run_sync(self._table.read)
            self._by_id = {row.id: row for row in rows}
            self._by_hash = {row.hash: row for row in rows}
            self._use_due = {row.id for row in rows if row.use_due}
            self._read_at = self._clock()

    def _is_fresh(self) -> bool:
        return self._clock() - self._read_at < BELIEVED_S

    async def _note(self, row: StandingKey) -> None:
        """That a key was used, about once an hour. Where this cannot be written, the key opens all the same."""
        if row.id not in self._use_due:
            return
        self._use_due.discard(row.id)
        try:
            await run_sync(self._table.note, row.id)
        except (DbError, DBAPIError, PoolTimeout) as error:
            log.warning("The use of key %d could not be noted: %s", row.id, type(error).__name__)
