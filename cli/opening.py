"""Opens what a command works with: the servers that are named in the environment, or the embedded pair."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from celery import Celery
from sqlalchemy import Engine

from broker import make_app
from cli.settings import Settings
from cli.stack.embedded import EmbeddedPair
from db.engine import open_engine, require_migrated, schema_revision, transaction
from db.migrate import head_revision, migrate
from store import Store
from worker.registration import ensure_model


class HalfConfigured(Exception):
    """Set both DATABASE_URL and BROKER_URL to use your own servers, or neither for the embedded pair."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A database, a broker and a store, ready for use. `pair` is None on servers of one's own."""

    settings: Settings
    database_url: str
    broker_url: str
    engine: Engine
    store: Store
    app: Celery
    pair: EmbeddedPair | None

    @property
    def psql_url(self) -> str:
        """For psql: without the driver's name."""
        return self.pair.psql_url if self.pair else self.database_url.replace("postgresql+psycopg2://", "postgresql://")

    def environment(self) -> dict[str, str]:
        """What a child process needs to open the same stack, beside what it inherits."""
        return {
            "DATABASE_URL": self.database_url,
            "BROKER_URL": self.broker_url,
            "MODISTE_STORE": self.settings.store_url,
            "MODISTE_HOME": str(self.settings.home),
            "MODISTE_LEASE_S": str(self.settings.modiste_lease_s),
            "MODISTE_HOST": self.settings.modiste_host,
            "MODISTE_PORT": str(self.settings.modiste_port),
        }


@contextmanager
def open_stack(settings: Settings, *, prepare: bool = True) -> Iterator[Stack]:
    """Servers that answer, a schema that fits and a model that is registered.

    The embedded pair is brought up to date without asking; on servers of one's own that is `modiste migrate`.
    `prepare=False` opens them as they are.
    """
    if (settings.database_url is None) != (settings.broker_url is None):
        raise HalfConfigured
    if settings.database_url and settings.broker_url:
        yield from _opened(settings, settings.database_url, settings.broker_url, None, prepare=prepare)
    else:
        with EmbeddedPair.start(settings.home) as pair:
            yield from _opened(settings, pair.database_url, pair.broker_url, pair, prepare=prepare)


def _opened(
    settings: Settings, database_url: str, broker_url: str, pair: EmbeddedPair | None, *, prepare: bool
) -> Iterator[Stack]:
    engine = open_engine(database_url, application_name="modiste cli")
    try:
        stack = Stack(
            settings=settings,
            database_url=database_url,
            broker_url=broker_url,
            engine=engine,
            store=Store.open(settings.store_url),
            app=make_app(broker_url),
            pair=pair,
        )
        if prepare and pair:
            prepare_stack(stack)
        elif prepare:
            require_migrated(engine, head_revision())
        yield stack
    finally:
        engine.dispose()


def prepare_stack(stack: Stack) -> None:
    """Brings the schema up to date and gives an empty registry its first model."""
    with transaction(stack.engine) as connection:
        revision = schema_revision(connection)
    if revision != head_revision():
        migrate(stack.engine)
    ensure_model(stack.engine, stack.store, stack.settings.first_model)
