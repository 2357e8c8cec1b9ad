import json
from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from db.engine import MIGRATIONS, open_engine, require_migrated, schema_revision, transaction
from db.errors import ServerTooOld
from db.migrate import head_revision, migrate
from db.models import register_model


def config(connection: object) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def test_the_migrations_make_exactly_the_schema_that_the_code_describes(engine: Engine) -> None:
    with transaction(engine) as connection:
        command.check(config(connection))


def test_the_head_read_off_the_file_names_is_alembics() -> None:
    assert head_revision() == ScriptDirectory.from_config(config(None)).get_current_head()


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    require_migrated(engine, head_revision())


def test_a_downgrade_leaves_nothing_of_modiste_behind(engine: Engine) -> None:
    with transaction(engine) as connection:
        register_model(connection, name="v1", embedding_dim=3, exclusive_groups=[], manifest={})
        command.downgrade(config(connection), "base")
    with transaction(engine) as connection:
        left = connection.scalars(text("SELECT relname FROM pg_class WHERE relnamespace = 'modiste'::regnamespace"))
        assert set(left) == {"alembic_version", "alembic_version_pkc"}
    migrate(engine)


def test_summaries_of_before_0003_say_after_it_what_a_refresh_would(
    engine: Engine, open_shop: Callable[[Engine], Any]
) -> None:
    shop = open_shop(engine)
    groups = [{"name": "colour", "categories": []}, {"name": "sleeve", "categories": ["Shirt"]}]
    manifest = json.dumps({"labels": {"groups": groups}})
    shop.rows("UPDATE modiste.model_version SET manifest = CAST(:manifest AS jsonb)", manifest=manifest)
    seen = {"colour:Blue": 0.75, "sleeve:Long": 0.5, "style:Casual": 0.25}
    shop.stock(
        shop.item("bag", [1, 0, 0], categories={"Handbag": 0.9}, attributes=seen),
        shop.item("hat", [1, 0, 0], categories={"Hat": 0.9}, attributes={"sleeve:Long": 0.5}),
        shop.item("shirt", [1, 0, 0], categories={"Shirt": 0.9}, attributes=seen),
    )
    summaries = "SELECT attributes, attribute_scores FROM modiste.listing_summary ORDER BY category"
    refresh = "SELECT modiste.refresh_summaries(array_agg(id)) FROM modiste.listing"
    with transaction(engine) as connection:
        command.downgrade(config(connection), "0002")
    shop.rows(refresh)
    assert shop.rows(summaries)[0]["attributes"] == list(seen)
    migrate(engine)
    migrated = shop.rows(summaries)
    assert [row["attributes"] for row in migrated] == [["colour:Blue", "style:Casual"], [], list(seen)]
    assert migrated[0]["attribute_scores"] == [0.75, 0.25]
    shop.rows(refresh)
    assert shop.rows(summaries) == migrated


def test_a_filled_database_goes_to_0003_and_comes_back_with_all_it_had(
    engine: Engine, open_shop: Callable[[Engine], Any]
) -> None:
    shop = open_shop(engine)
    shop.stock(shop.item("shirt", [1, 0, 0], categories={"Shirt": 0.9}), shop.item("hat", [0, 1, 0]))
    shop.rows("UPDATE modiste.shard SET state = 'paused', sent_at = now()")
    kept = "SELECT external_id, title, available, row_hash FROM modiste.listing ORDER BY 1"
    shards = "SELECT DISTINCT state, sent_at FROM modiste.shard"
    before = shop.rows(kept)
    with transaction(engine) as connection:
        command.downgrade(config(connection), "0003")
    assert shop.rows(kept) == before
    assert all((row["state"], row["sent_at"]) == ("queued", None) for row in shop.rows(shards))
    migrate(engine)
    assert shop.rows(kept) == before
    assert shop.rows("SELECT count(*) AS n FROM modiste.listing_summary WHERE changed_at = enriched_at") == [{"n": 2}]
    assert shop.rows("SELECT DISTINCT whole, paused_at, listings_withdrawn FROM modiste.import") in (
        [{"whole": False, "paused_at": None, "listings_withdrawn": 0}],
        [],
    )


def test_an_ordinary_role_may_migrate_and_ask_once_the_extension_is_there(empty_database_url: str) -> None:
    owner = open_engine(empty_database_url)
    with transaction(owner) as connection:
        connection.execute(text("CREATE ROLE ordinary LOGIN"))
        connection.execute(text(f"GRANT CREATE ON DATABASE {owner.url.database} TO ordinary"))
    ordinary = open_engine(owner.url.set(username="ordinary").render_as_string())
    try:
        migrate(ordinary)
        with transaction(ordinary) as connection:
            register_model(connection, name="v1", embedding_dim=3, exclusive_groups=[], manifest={})
            connection.execute(text("UPDATE modiste.model_version SET state = 'active'"))
            assert connection.execute(text("SELECT * FROM modiste.similar_to('{1,0,0}')")).all() == []
            assert schema_revision(connection) == head_revision()
    finally:
        ordinary.dispose()
        with transaction(owner) as connection:
            connection.execute(text("DROP OWNED BY ordinary CASCADE"))
            connection.execute(text("DROP ROLE ordinary"))
        owner.dispose()


def test_a_pgvector_that_was_upgraded_on_disk_alone_is_told_from_one_that_was_not(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'"))
    with pytest.raises(ServerTooOld, match=r"0\.7\.4 is too old, and its files .* ALTER EXTENSION vector UPDATE"):
        require_migrated(engine, head_revision())
