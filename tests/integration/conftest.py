"""Real servers for every test below: one embedded pair a session, one database a test, copied from a migrated one.

MODISTE_TEST_DATABASE_URL names another PostgreSQL, which tests/compat has the tests of `db` run on, and
MODISTE_TESTED_DATABASE_URL the way to it that is tested.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, make_url, text

from cli.stack.embedded import EmbeddedPair
from db.engine import open_engine
from db.migrate import migrate
from store import Store

numbers = itertools.count()
TEMPLATE = "template_modiste"


@dataclass(frozen=True, kw_only=True)
class Given:
    """In place of the embedded pair. Databases are made over `database_url` and tested over `tested_url`."""

    database_url: str
    tested_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedPair | Given]:
    if given := os.environ.get("MODISTE_TEST_DATABASE_URL"):
        yield Given(database_url=given, tested_url=os.environ.get("MODISTE_TESTED_DATABASE_URL", given))
        return
    home = Path(tempfile.mkdtemp(prefix="modiste-it-"))
    with EmbeddedPair.start(home) as pair:
        yield pair
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def template(servers: EmbeddedPair) -> str:
    """The name of a database that the migrations have built."""
    create_database(servers, TEMPLATE, "CREATE EXTENSION vector")
    engine = open_engine(url_of(servers, TEMPLATE))
    migrate(engine)
    engine.dispose()
    return TEMPLATE


@pytest.fixture
def database_url(servers: EmbeddedPair, template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{next(numbers)}"
    create_database(servers, name, template=template)
    yield url_of(servers, name)
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(servers: EmbeddedPair) -> Iterator[str]:
    """A database with the vector extension and nothing of modiste's."""
    name = f"test_{next(numbers)}"
    create_database(servers, name, "CREATE EXTENSION vector")
    yield url_of(servers, name)
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def broker_url(servers: EmbeddedPair) -> str:
    """An empty broker."""
    redis.Redis(unix_socket_path=servers.broker_url.removeprefix("redis+socket://")).flushall()
    return servers.broker_url


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "store"))


def url_of(servers: EmbeddedPair, database: str) -> str:
    # Nobody may be connected to what is copied, and a pool stays so.
    url = servers.database_url if database == TEMPLATE else getattr(servers, "tested_url", servers.database_url)
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def create_database(servers: EmbeddedPair, name: str, *statements: str, template: str = "template1") -> None:
    administer(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = open_engine(url_of(servers, name))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def administer(servers: EmbeddedPair, statement: str) -> None:
    engine = open_engine(servers.database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()
