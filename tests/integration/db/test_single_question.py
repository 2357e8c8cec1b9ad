from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from db.engine import open_engine, single_question, transaction
from db.errors import NotReachable


def test_a_single_question_leaves_the_next_transaction_as_it_was(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=1)
    for _ in range(2):
        with single_question(engine) as connection:
            assert connection.scalar(text("SELECT count(*) FROM modiste.listing")) == 0
        with suppress(RuntimeError), transaction(engine) as connection:
            connection.execute(text("INSERT INTO modiste.catalogue (name) VALUES ('gone')"))
            raise RuntimeError
        with transaction(engine) as connection:
            assert connection.scalar(text("SELECT count(*) FROM modiste.catalogue")) == 0
    engine.dispose()


def test_a_question_that_fails_or_loses_its_server_is_told_as_such_and_the_next_one_is_answered(
    database_url: str,
) -> None:
    engine = open_engine(database_url, pool_size=1)
    with pytest.raises(ProgrammingError), single_question(engine) as connection:
        connection.execute(text("SELECT FROM modiste.nothing"))
    with pytest.raises(OperationalError), single_question(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with single_question(engine) as connection:
        assert connection.scalar(text("SELECT 7")) == 7
    engine.dispose()


def test_a_server_that_is_away_is_said_so() -> None:
    with pytest.raises(NotReachable), single_question(open_engine("postgresql://x@127.0.0.1:1/x")):
        pass
