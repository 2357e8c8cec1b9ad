"""The `modiste` command in this process, on real servers and a store of the test's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cli.errors import message_of
from cli.main import app
from cli.settings import SHIPPED_MODELS
from db.engine import open_engine, transaction
from store import Store


@dataclass(frozen=True, kw_only=True)
class Command:
    """`modiste` with an environment."""

    database_url: str
    environment: dict[str, str] = field(repr=False)
    store: Store

    def run(self, *arguments: str | Path) -> str:
        """What it says when all goes well."""
        done = CliRunner().invoke(app, [*map(str, arguments)], env=self.environment)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    def refuse(self, *arguments: str | Path) -> str:
        """The one message of a command that fails as expected; a traceback is no message."""
        done = CliRunner().invoke(app, [*map(str, arguments)], env=self.environment)
        assert done.exception is not None, done.output
        said = message_of(done.exception)
        assert said is not None, repr(done.exception)
        return " ".join(said.split())

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        engine = open_engine(self.database_url)
        with transaction(engine) as connection:
            found = connection.execute(text(statement), values)
            rows = found.all() if found.returns_rows else []
        engine.dispose()
        return rows


@pytest.fixture
def command(database_url: str, broker_url: str, tmp_path: Path) -> Command:
    """On a migrated database with nothing in it and an empty store."""
    store = tmp_path / "store"
    environment = {
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        "MODISTE_HOME": str(tmp_path / "home"),
        "MODISTE_STORE": str(store),
        "COLUMNS": "200",
    }
    return Command(database_url=database_url, environment=environment, store=Store.open(str(store)))


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The model that ships; not to be changed."""
    return sorted(path.parent for path in SHIPPED_MODELS.glob("*/manifest.json"))[-1]
