import pytest
from sqlalchemy.exc import OperationalError

from db.engine import first_line, open_engine, transaction
from db.errors import BadDatabaseUrl, NotReachable


@pytest.mark.parametrize(
    "url",
    [
        "postgres://ann:secret@db.example:5433/shop",
        "postgresql://ann:secret@db.example:5433/shop",
        "postgresql+psycopg://ann:secret@db.example:5433/shop",
        "  postgresql+psycopg2://ann:secret@db.example:5433/shop\n",
    ],
)
def test_every_way_to_write_a_postgres_url_means_psycopg2(url: str) -> None:
    opened = open_engine(url).url
    assert opened.drivername == "postgresql+psycopg2"
    assert (opened.host, opened.port, opened.database) == ("db.example", 5433, "shop")
    assert (opened.username, opened.password) == ("ann", "secret")


def test_a_password_may_hold_any_character() -> None:
    opened = open_engine("postgres://ann:p%40ss%3A%2Fw%25rd%20postgres%3A%2F%2F@db/shop").url
    assert (opened.password, opened.host) == ("p@ss:/w%rd postgres://", "db")


def test_a_socket_and_options_of_the_driver_are_passed_on() -> None:
    opened = open_engine("postgresql:///shop?host=/run/postgresql&sslmode=require").url
    assert (opened.host, opened.database) == (None, "shop")
    assert dict(opened.query) == {"host": "/run/postgresql", "sslmode": "require"}


@pytest.mark.parametrize(
    "url", ["", "shop", "mysql://ann:secret@db/shop", "redis://db:6379/0", "postgres://db:secret/"]
)
def test_what_is_no_postgres_url_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(BadDatabaseUrl, match="postgresql://user:password@host") as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_so() -> None:
    with (
        pytest.raises(NotReachable, match="check DATABASE_URL"),
        transaction(open_engine("postgresql://127.0.0.1:9/x")),
    ):
        pass


def test_the_first_line_of_an_error_is_the_servers_and_never_missing() -> None:
    wrapped = OperationalError("SELECT 'secret'", {}, ValueError("too many connections\nDETAIL: more"))
    assert first_line(wrapped) == "too many connections"
    assert first_line(MemoryError()) == "MemoryError"
