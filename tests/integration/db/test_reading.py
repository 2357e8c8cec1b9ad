"""The role modiste_reader: what an analyst may ask, what is kept back, and how the role comes and goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from db.engine import MIGRATIONS, open_engine, transaction
from db.migrate import migrate
from db.models import activate_model, register_model
from db.reading import missing_grants

Shop = Any  # the fixture's class, in conftest.py
ROLES = "SELECT count(*) FROM pg_roles WHERE rolname = 'modiste_reader'"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as connection:
        connection.execute(text("SET LOCAL ROLE modiste_reader"))
        connection.execute(text("SET LOCAL search_path = pg_catalog"))
        yield connection


def read(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(text(statement), values).all())


@contextmanager
def without_the_role(engine: Engine) -> Iterator[None]:
    """As on a server that never had it: databases of other tests keep theirs under another name."""
    with transaction(engine) as connection:
        connection.execute(text("ALTER ROLE modiste_reader RENAME TO reader_of_others"))
    try:
        yield
    finally:
        with transaction(engine) as connection:
            connection.execute(text("ALTER ROLE reader_of_others RENAME TO modiste_reader"))


def downgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    shop.stock(
        shop.item("a", [1.0, 0.0, 0.0], attributes={"colour:Blue": 0.8}),
        shop.item("b", [0.9, 0.1, 0.0], colour="Red"),
    )
    return shop


def test_a_reader_asks_for_similar_listings_and_reads_every_view(stocked: Shop) -> None:
    asked = stocked.one("SELECT id FROM modiste.listing WHERE external_id = 'a'")
    found = read(stocked.engine, "SELECT external_id FROM modiste.similar_listings(:id, 5)", id=asked)
    assert found == [("b",)]
    assert len(read(stocked.engine, "SELECT * FROM modiste.similar_to('{1,0,0}', 5, '{\"category\": \"Dress\"}')")) == 2
    assert len(read(stocked.engine, "SELECT * FROM modiste.exact_listings(:id, 5)", id=asked)) == 1
    assert read(stocked.engine, "SELECT attribute_group, value FROM modiste.listing_attribute") == [("colour", "Blue")]
    assert len(read(stocked.engine, "SELECT sha256 FROM modiste.listing_photo WHERE state = 'enriched'")) == 2
    assert read(stocked.engine, "SELECT rows_new, photos_enriched FROM modiste.import_counts") == [(2, 2)]
    assert len(read(stocked.engine, "SELECT * FROM modiste.listing_enrichment")) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT source FROM modiste.photo",
        "SELECT * FROM modiste.photo",
        "SELECT feed FROM modiste.import",
        "SELECT * FROM modiste.plan",
        "SELECT * FROM modiste.shard",
        "UPDATE modiste.listing SET title = 'mine'",
        "DELETE FROM modiste.recall_check",
        "INSERT INTO modiste.catalogue (name) VALUES ('mine')",
        "CREATE TABLE modiste.mine ()",
    ],
)
def test_a_reader_neither_sees_where_photos_come_from_nor_writes_anything(stocked: Shop, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        read(stocked.engine, statement)


def test_rows_that_a_policy_hides_from_readers_are_not_found_for_them(stocked: Shop) -> None:
    """No function runs with its owner's rights."""
    asked = stocked.one("SELECT id FROM modiste.listing WHERE external_id = 'a'")
    stocked.rows("ALTER TABLE modiste.listing ENABLE ROW LEVEL SECURITY")
    stocked.rows("CREATE POLICY own ON modiste.listing FOR SELECT TO modiste_reader USING (external_id = 'a')")
    try:
        assert read(stocked.engine, "SELECT external_id FROM modiste.similar_listings(:id, 5)", id=asked) == []
        assert len(stocked.rows("SELECT * FROM modiste.similar_listings(:id, 5)", id=asked)) == 1
    finally:
        stocked.rows("DROP POLICY own ON modiste.listing")
        stocked.rows("ALTER TABLE modiste.listing DISABLE ROW LEVEL SECURITY")


def test_vectors_of_a_version_that_is_registered_later_are_readable_at_once(stocked: Shop) -> None:
    with transaction(stocked.engine) as connection:
        later = register_model(connection, name="v2", embedding_dim=2, exclusive_groups=[], manifest={})
        activate_model(connection, "v2")
    assert read(stocked.engine, f"SELECT * FROM modiste.embedding_{later}") == []
    assert read(stocked.engine, "SELECT * FROM modiste.similar_to('{1,0}')") == []


def test_what_a_reader_lacks_is_named_and_granted(stocked: Shop) -> None:
    assert stocked.rows("SELECT * FROM modiste.missing_grants()") == []
    stocked.rows("REVOKE SELECT ON modiste.listing FROM modiste_reader")
    assert stocked.one("SELECT * FROM modiste.missing_grants()") == "SELECT ON modiste.listing"
    stocked.rows("SELECT modiste.grant_reading()")
    assert stocked.rows("SELECT * FROM modiste.missing_grants()") == []


def test_a_downgrade_takes_its_rights_and_keeps_the_role_that_another_database_uses(
    stocked: Shop, empty_database_url: str
) -> None:
    engine = open_engine(empty_database_url)
    migrate(engine)
    downgrade(engine)
    with transaction(engine) as connection:
        assert not connection.scalar(text("SELECT has_schema_privilege('modiste_reader', 'modiste', 'USAGE')"))
    engine.dispose()
    assert stocked.one(ROLES) == 1
    assert stocked.rows("SELECT * FROM modiste.missing_grants()") == []


def test_a_downgrade_drops_the_role_that_nobody_else_uses(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with without_the_role(engine):
        migrate(engine)
        with transaction(engine) as connection:
            assert connection.scalar(text(ROLES)) == 1
        downgrade(engine)
        with transaction(engine) as connection:
            assert connection.scalar(text(ROLES)) == 0
    engine.dispose()


def test_who_may_not_make_roles_migrates_all_the_same_and_grants_once_somebody_made_it(
    empty_database_url: str,
) -> None:
    owner = open_engine(empty_database_url)
    with transaction(owner) as connection:
        connection.execute(text("CREATE ROLE plain LOGIN"))
        connection.execute(text(f"GRANT CREATE ON DATABASE {owner.url.database} TO plain"))
    plain = open_engine(owner.url.set(username="plain").render_as_string())
    try:
        with without_the_role(owner):
            migrate(plain)
            with transaction(plain) as connection:
                assert missing_grants(connection) is None
            with transaction(owner) as connection:
                connection.execute(text("CREATE ROLE modiste_reader NOLOGIN"))
            with transaction(plain) as connection:
                assert "SELECT ON modiste.listing" in (missing_grants(connection) or ())
                connection.execute(text("SELECT modiste.grant_reading()"))
                assert missing_grants(connection) == []
            assert read(owner, "SELECT * FROM modiste.listing_photo") == []
            with transaction(owner) as connection:
                connection.execute(text("DROP OWNED BY modiste_reader"))
                connection.execute(text("DROP ROLE modiste_reader"))
    finally:
        plain.dispose()
        with transaction(owner) as connection:
            connection.execute(text("DROP OWNED BY plain CASCADE"))
            connection.execute(text("DROP ROLE plain"))
        owner.dispose()
