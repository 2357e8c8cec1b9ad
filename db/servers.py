"""The server at the other end: its versions, those that modiste needs, and whether a pool stands before it."""

import re

from sqlalchemy import Connection, text

from db.errors import ServerTooOld

OLDEST_POSTGRES = 15
# The first with iterative scans: without, a filtered walk of an index ends with too few, and says nothing of it.
OLDEST_PGVECTOR = (0, 8, 0)
# Before it, VACUUM can damage an HNSW index.
SOUND_PGVECTOR = (0, 8, 4)


def server_version(connection: Connection) -> str:
    """PostgreSQL's, as it says it: `18.4`."""
    return str(connection.scalar(text("SHOW server_version")))


def pgvector_version(connection: Connection) -> str | None:
    """The extension's in this database; None where it is not installed."""
    version: str | None = connection.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
    return version


def numbers(version: str) -> tuple[int, ...]:
    """`18.4 (Debian 18.4-1)` is (18, 4), `19beta1` is (19,)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def require_new_enough(connection: Connection) -> None:
    """Raises `ServerTooOld`, also where pgvector is not there at all."""
    postgres = server_version(connection)
    if numbers(postgres) < (OLDEST_POSTGRES,):
        raise ServerTooOld(f"PostgreSQL {postgres} is too old; {OLDEST_POSTGRES} or newer is needed")
    wanted = ".".join(map(str, OLDEST_PGVECTOR))
    installed = pgvector_version(connection)
    if installed is not None and numbers(installed) >= OLDEST_PGVECTOR:
        return
    offered: str | None = connection.scalar(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
    )
    if offered is None and installed is None:
        raise ServerTooOld(f"PostgreSQL has no pgvector; install {wanted} or newer on its machine")
    if offered is None or numbers(offered) < OLDEST_PGVECTOR:
        raise ServerTooOld(
            f"pgvector {installed or offered} is too old; install {wanted} or newer on PostgreSQL's machine"
            + (", then run ALTER EXTENSION vector UPDATE" if installed else "")
        )
    if installed is not None:
        raise ServerTooOld(
            f"pgvector {installed} is too old, and its files are of {offered}: run ALTER EXTENSION vector UPDATE"
        )


def behind_a_pool(connection: Connection) -> bool:
    """Whether the server process that answers is another than the one that this connection was promised.

    Then what is set for a session is set for whoever is given that process next, and may be missing for us.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    return bool(driver.get_backend_pid() != connection.scalar(text("SELECT pg_backend_pid()")))
