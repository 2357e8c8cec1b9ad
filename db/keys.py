"""API keys: made, listed, revoked and noted as used. Only a token's hash is kept; who may do what is for `api` to say.

A token is 256 random bits, so one plain SHA-256 of it is enough: a slow hash buys time against guessing words that
people choose, and nobody guesses 2**256. It also lets a key be found by its hash in a dictionary.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from db.errors import KeyNameTaken, NotMigrated, UnknownKey
from db.states import KeyScope

TOKEN_PREFIX = "modiste_"  # noqa: S105 (what secret scanners look for, and no secret)
SHOWN_CHARACTERS = len(TOKEN_PREFIX) + 6
USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """One key. `prefix`: the first characters of its token. `last_used_at` is right to the hour."""

    id: int
    name: str
    scope: KeyScope
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingKey:
    """A key that nobody revoked, as the API looks it up; it may have expired. `use_due`: noting its use is due."""

    id: int
    name: str
    scope: KeyScope
    hash: bytes = field(repr=False)
    expires_at: datetime | None
    use_due: bool


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def create_key(connection: Connection, name: str, scope: KeyScope, *, lasts: timedelta | None = None) -> str:
    """Makes a key and gives its token, which cannot be had again. Raises `KeyNameTaken`."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    made = connection.execute(
        text("""
            INSERT INTO modiste.api_key (name, scope, hash, prefix, expires_at)
            VALUES (:name, :scope, :hash, :prefix, now() + CAST(:lasts AS interval))
            ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
            RETURNING id
        """),
        {
            "name": name,
            "scope": scope.value,
            "hash": hash_of(token),
            "prefix": token[:SHOWN_CHARACTERS],
            "lasts": lasts,
        },
    )
    if made.one_or_none() is None:
        raise KeyNameTaken
    return token


def list_keys(connection: Connection, *, revoked: bool = False) -> Sequence[ApiKey]:
    """Oldest first; those that were revoked only with `revoked`."""
    rows = connection.execute(
        text("""
            SELECT id, name, scope, prefix, created_at, last_used_at, expires_at, revoked_at
            FROM modiste.api_key WHERE :revoked OR revoked_at IS NULL ORDER BY id
        """),
        {"revoked": revoked},
    )
    return [ApiKey(**{**row._mapping, "scope": KeyScope(row.scope)}) for row in rows]


def revoke_key(connection: Connection, name_or_id: str) -> str:
    """Ends a standing key; its name. A name counts before an id of the same digits. Raises `UnknownKey`."""
    revoked: str | None = connection.scalar(
        text("""
            UPDATE modiste.api_key SET revoked_at = now()
            WHERE id = (SELECT id FROM modiste.api_key
                        WHERE revoked_at IS NULL AND (name = :given OR CAST(id AS text) = :given)
                        ORDER BY name = :given DESC LIMIT 1)
            RETURNING name
        """),
        {"given": name_or_id},
    )
    if revoked is None:
        raise UnknownKey
    return revoked


def standing_keys(connection: Connection) -> Sequence[StandingKey]:
    """Every key that was not revoked, for the API to look up. Raises `NotMigrated`."""
    try:
        rows = connection.execute(
            text("""
                SELECT id, name, scope, hash, expires_at,
                       last_used_at IS NULL OR last_used_at < now() - CAST(:every AS interval) AS use_due
                FROM modiste.api_key WHERE revoked_at IS NULL
            """),
            {"every": USE_NOTED_EVERY},
        ).all()
    except ProgrammingError as error:
        raise NotMigrated from error
    return [StandingKey(**{**r._mapping, "scope": KeyScope(r.scope), "hash": bytes(r.hash)}) for r in rows]


def note_use(connection: Connection, key_id: int) -> None:
    """Writes at most once in an hour, however many processes do so."""
    connection.execute(
        text("""
            UPDATE modiste.api_key SET last_used_at = now()
            WHERE id = :id AND (last_used_at IS NULL OR last_used_at < now() - CAST(:every AS interval))
        """),
        {"id": key_id, "every": USE_NOTED_EVERY},
    )
