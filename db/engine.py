"""Opening the database: one engine a process, `psycopg2` always, safe behind a transaction-pooling proxy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, ProgrammingError

from db.errors import BadDatabaseUrl, NotMigrated, NotReachable
from db.servers import require_new_enough

# A server that no longer answers, as behind a network that went away, is given up after half a minute and not after
# the hours or quarters of an hour that systems wait by default. A query may take as long as it takes.
GIVES_UP: Mapping[str, int] = {
    "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

# Connections beyond the pool's size that a rush may open.
MAX_OVERFLOW = 10


def open_engine(url: str, *, application_name: str = "modiste", pool_size: int = 5) -> Engine:
    """An engine for `url`, which may say `postgresql://` or `postgres://`: psycopg2 is used in any case.

    Connections are checked before use, so a restarted server costs one reconnect, not one failed job.
    """
    return create_engine(
        parse_url(url),
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=MAX_OVERFLOW,
        connect_args={"application_name": application_name, "connect_timeout": 5, **GIVES_UP},
    )


def parse_url(url: str) -> URL:
    """`url` for psycopg2. Raises `BadDatabaseUrl`, which does not repeat the URL: it may hold a password."""
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError) as error:  # ValueError: the port is not a number
        raise BadDatabaseUrl from error
    if parsed.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise BadDatabaseUrl(f"{BadDatabaseUrl.__doc__} (This one begins with {parsed.drivername}://.)")
    return parsed.set(drivername="postgresql+psycopg2")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed at the end; a server that does not answer is a `NotReachable`."""
    with connected(engine) as connection, connection.begin():
        yield connection


def end_if_left_alone(connection: Connection, after_s: float) -> None:
    """Has the server end this transaction once nothing has come for `after_s`.

    Else the locks of a host that was cut off in the middle of it would stay until the server notices, hours later.
    """
    connection.execute(
        text("SELECT set_config('idle_in_transaction_session_timeout', :ms, true)"), {"ms": str(int(after_s * 1000))}
    )


@contextmanager
def single_question(engine: Engine) -> Iterator[Connection]:
    """For one statement that reads: it is its own transaction, without two further round trips to begin and end one.

    psycopg2's own switch costs nothing; SQLAlchemy's, an isolation level, costs a round trip to set it back.
    """
    with connected(engine) as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.autocommit = True
        try:
            yield connection
        finally:
            if not raw.closed:
                raw.autocommit = False


def connected(engine: Engine) -> Connection:
    """Raises `NotReachable`."""
    try:
        return engine.connect()
    except OperationalError as error:
        raise NotReachable(f"{NotReachable.__doc__} ({first_line(error)})") from error


def is_lost(error: BaseException) -> bool:
    """Whether the server went away or was never there, rather than refused what was asked."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, NotReachable)
    # What a server says has a code. Without one, the driver found nobody at the other end.
    silent = isinstance(error, (OperationalError, InterfaceError)) and getattr(error.orig, "pgcode", None) is None
    return error.connection_invalidated or silent


def first_line(error: BaseException) -> str:
    """The server's own words, without SQLAlchemy's frame or a statement with people's data."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def is_connected(connection: Connection, application_name: str) -> bool:
    """Whether any process is connected to this database under that name."""
    return bool(
        connection.scalar(
            text("""
                SELECT EXISTS (SELECT FROM pg_stat_activity
                               WHERE application_name = :name AND datname = current_database())
            """),
            {"name": application_name},
        )
    )


def schema_revision(connection: Connection) -> str | None:
    """The migration that this database stands at; None on an empty one."""
    if connection.scalar(text("SELECT to_regclass('modiste.alembic_version') IS NULL")):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM modiste.alembic_version"))
    return revision


def require_migrated(engine: Engine, head: str) -> None:
    """Raises `NotMigrated` unless the schema stands at `head`, and `ServerTooOld`."""
    with transaction(engine) as connection:
        require_new_enough(connection)
        try:
            revision = schema_revision(connection)
        except ProgrammingError as error:
            raise NotMigrated(f"modiste's tables cannot be read: {first_line(error)}") from error
    if revision != head:
        raise NotMigrated(f"{NotMigrated.__doc__} (it stands at {revision or 'nothing'}, this program needs {head})")
