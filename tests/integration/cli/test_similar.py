"""Similar listings on the command line: what is missing from an answer, and what cannot be asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from db.engine import open_engine
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # tests/integration/cli/conftest.py


@pytest.fixture
def shop(command: Command) -> Iterator[Shop]:
    """Two listings that are alike."""
    engine = open_engine(command.database_url)
    shop = open_shop(engine)
    shop.stock(shop.item("a", [1, 0, 0]), shop.item("b:x:c", [1, 0.1, 0], title="[red]B[/red] :heart:"))
    yield shop
    engine.dispose()


def ask(command: Command, *arguments: str) -> Any:
    done = CliRunner().invoke(app, ["similar", *arguments], env=command.environment)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def test_photos_that_nobody_looked_at_yet_are_told_beside_an_answer_that_lacks_them(
    command: Command, shop: Shop
) -> None:
    assert "looked at" not in ask(command, "a").stderr
    shop.stock(shop.item("other", [1, 0, 0]), catalogue="other")
    _, (shard,) = shop.plan("c", "d")
    assert "2 photos of this catalogue have not been looked at yet." in ask(command, "a").stderr
    assert "looked at" not in ask(command, "other").stderr
    assert "2 photos of these catalogues" in ask(command, "--attribute", "colour:Blue").stderr
    shop.finish(shop.take(shard))
    assert "looked at" not in ask(command, "a").stderr


def test_ids_and_titles_are_shown_as_they_stand(command: Command, shop: Shop) -> None:
    said = ask(command, "a").stdout
    assert "b:x:c" in said
    assert "[red]B[/red] :heart:" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a", "--catalogue", "nosuch"], "there is no catalogue nosuch; there are shop"),
        (["a", "--filters", '{"attributes": "Blue"}'], 'filter "attributes" takes group:value, not "Blue"'),
    ],
)
def test_what_cannot_be_asked_is_said(command: Command, shop: Shop, arguments: list[str], says: str) -> None:
    assert says in command.refuse("similar", *arguments)
