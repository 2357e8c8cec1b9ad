"""An import that is paused, let go on and cancelled while PostgreSQL and Valkey stop and start between."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from broker import Delivery, dispatch, make_app, queue_length
from cli.stack.embedded import EmbeddedPair
from db.control import begin_cancelling, half_cancelled, pause_import, resume_import
from db.engine import open_engine, transaction
from db.enrichments import Outcome
from db.migrate import migrate
from db.states import ImportState, Reason
from store import Store
from tests.integration.db.conftest import Shop, open_shop
from worker.sweep import sweep

AT_ONCE = Delivery(lease_s=0.1, sweep_s=0.0)


@contextmanager
def started(home: Path) -> Iterator[tuple[Shop, Celery]]:
    """Both servers, started, and stopped at the end; the shop that is in them, or a new one."""
    with EmbeddedPair.start(home) as pair:
        engine = open_engine(pair.database_url)
        migrate(engine)
        with transaction(engine) as connection:
            known = connection.exec_driver_sql("SELECT id FROM modiste.model_version").scalar()
        yield (Shop(engine=engine, version=known, dim=3) if known else open_shop(engine)), make_app(pair.broker_url)
        engine.dispose()


def test_a_decision_outlives_every_process_and_the_counts_add_up(home: Path, tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "store"))
    with started(home) as (shop, app):
        import_id, shards = shop.plan(*(f"n{number}" for number in range(12)), photos_per_shard=2)
        dispatch(shop.engine, app)
        shop.finish(shop.take(shards[0]))
        shop.take(shards[1], lease_s=0)  # its worker goes down with everything else
        with transaction(shop.engine) as connection:
            pause_import(connection, import_id)

    with started(home) as (shop, app):
        sweep(shop.engine, app, store, AT_ONCE)
        assert shop.status(import_id).shown_state == "paused"
        assert {row["state"] for row in shop.rows("SELECT state FROM modiste.shard")} == {"done", "paused"}
        with app.connection_for_write() as connection:
            connection.default_channel.queue_purge("bulk")
        sweep(shop.engine, app, store, AT_ONCE)
        assert queue_length(app, "bulk") == 0
        with transaction(shop.engine) as connection:
            resume_import(connection, import_id)
        sweep(shop.engine, app, store, AT_ONCE)
        assert queue_length(app, "bulk") == len(shards) - 1
        lease = shop.take(shards[1])
        shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, reason=Reason.EMPTY), *shop.dresses(lease)[1:]])
        shop.take(shards[2])
        with transaction(shop.engine) as connection:
            begin_cancelling(connection, import_id)  # and whoever does it is gone

    with started(home) as (shop, app):
        with transaction(shop.engine) as connection:
            assert half_cancelled(connection) == [import_id]
        sweep(shop.engine, app, store, AT_ONCE)
        status = shop.status(import_id)
        assert (status.state, status.finished, status.photos_total) == (ImportState.CANCELLED, True, 12)
        assert (status.photos_enriched, status.photos_quarantined, status.photos_cancelled) == (3, 1, 8)
        assert {row["state"]: row["n"] for row in shop.rows(
            "SELECT state, count(*) AS n FROM modiste.photo GROUP BY state"
        )} == {"enriched": 3, "quarantined": 1, "cancelled": 8}  # fmt: skip
        shop.rows("DROP SCHEMA modiste CASCADE")
