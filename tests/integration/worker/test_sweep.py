import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from celery import Celery
from sqlalchemy import Engine, text

from broker import Delivery, dispatch, living_workers, make_app, queue_length
from cli.logs import formatter_of
from db.coverage import Coverage, coverage
from db.engine import transaction
from db.models import activate_model, register_model
from db.states import Lane
from store import Store
from worker.enrich import Workshop, enrich_shard
from worker.process import celery_lanes
from worker.settings import WorkerSettings
from worker.sweep import Sweeper, sweep

Import = Callable[..., int]
NOW = Delivery(lease_s=2.0, sweep_s=0.0)


@pytest.fixture
def app(broker_url: str) -> Celery:
    return make_app(broker_url)


@pytest.fixture
def planned(import_rows: Import, photo_folder: Path, make_jpeg: Callable[..., bytes]) -> None:
    for number in range(3):
        (photo_folder / f"{number}.jpg").write_bytes(make_jpeg((number * 20, 100, 50)))
        import_rows({str(number): (f"{number}.jpg",)}, lane=Lane.INTERACTIVE if number == 2 else Lane.BULK)


def lengths(app: Celery) -> dict[str, int]:
    return {lane.value: queue_length(app, lane.value) for lane in Lane}


@pytest.mark.usefixtures("planned")
def test_every_due_shard_gets_one_message_in_its_lane(engine: Engine, app: Celery, store: Store) -> None:
    dispatch(engine, app)
    dispatch(engine, app)
    assert lengths(app) == {"interactive": 1, "bulk": 2, "backfill": 0}


def test_a_worker_takes_what_is_backfilled_behind_all_bulk_work(app: Celery) -> None:
    settings = WorkerSettings(database_url="", broker_url="", store_url="", cache=Path(), lanes=tuple(reversed(Lane)))
    lanes = [lane.value for lane in celery_lanes(settings)]
    for lane in reversed(lanes * 3):
        app.send_task("any", queue=lane)
    taken: list[str] = []
    app.amqp.queues.select(lanes)  # as the Celery worker does with its --queues
    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(
            connection, on_message=lambda message: (taken.append(message.delivery_info["routing_key"]), message.ack())
        )
        consumer.qos(prefetch_count=1)
        with consumer:
            while len(taken) < 6:
                connection.drain_events(timeout=5)
    assert taken == ["bulk"] * 3 + ["backfill"] * 3


@pytest.mark.usefixtures("planned")
def test_a_wiped_broker_gets_its_messages_back(engine: Engine, app: Celery, store: Store, broker_url: str) -> None:
    dispatch(engine, app)
    redis.Redis(unix_socket_path=broker_url.removeprefix("redis+socket://")).flushall()
    sweep(engine, app, store, NOW)
    assert lengths(app) == {"interactive": 1, "bulk": 2, "backfill": 0}


@pytest.mark.usefixtures("planned")
def test_messages_that_still_wait_are_not_sent_again(engine: Engine, app: Celery, store: Store) -> None:
    dispatch(engine, app)
    sweep(engine, app, store, NOW)
    assert lengths(app) == {"interactive": 1, "bulk": 2, "backfill": 0}


@pytest.mark.usefixtures("planned")
def test_the_shard_of_a_vanished_worker_is_sent_again_and_the_log_tells_which(
    engine: Engine, app: Celery, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction(engine) as connection:
        ids = connection.scalars(
            text("""
                UPDATE modiste.shard SET state = 'leased', sent_at = now(), token = 1, attempt = 1,
                    lease_until = clock_timestamp() - interval '1 second' RETURNING id
            """)
        ).all()
    sweep(engine, app, store, NOW)
    (record,) = [record for record in caplog.records if "came back from lost workers" in record.message]
    assert json.loads(formatter_of("json").format(record))["shard_ids"] == sorted(ids)
    assert sum(lengths(app).values()) == 3


@pytest.mark.usefixtures("planned")
def test_shards_wait_in_the_table_while_the_broker_is_away(
    engine: Engine, app: Celery, store: Store, tmp_path: Path
) -> None:
    away = make_app(f"redis+socket://{tmp_path}/nothing.sock")
    sweep(engine, away, store, NOW)
    with transaction(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM modiste.shard WHERE sent_at IS NULL")) == 3
    sweep(engine, app, store, NOW)
    assert sum(lengths(app).values()) == 3


def test_without_a_worker_nobody_answers(app: Celery) -> None:
    assert living_workers(app, timeout_s=0.2) == []


def test_an_import_whose_planner_was_killed_is_marked_as_failed(
    engine: Engine, app: Celery, store: Store, import_rows: Import, photo_folder: Path
) -> None:
    import_id = import_rows({"1": ()})
    with transaction(engine) as connection:
        connection.execute(
            text("""
                UPDATE modiste.import SET state = 'planning', finished_at = NULL, planned_at = NULL,
                    planner_seen_at = now() - interval '1 hour' WHERE id = :id
            """),
            {"id": import_id},
        )
    sweep(engine, app, store, NOW)
    with transaction(engine) as connection:
        state, error = connection.execute(text("SELECT state, error FROM modiste.import")).one()
    assert state == "failed"
    assert "run the import again" in error


@pytest.mark.usefixtures("planned")
def test_what_imports_under_way_saw_for_the_version_before_the_active_one_sees_too(
    engine: Engine, app: Celery, store: Store, workshop: Workshop, due_shards: Callable[[], list[int]]
) -> None:
    with transaction(engine) as connection:
        second = register_model(connection, name="colour-2", embedding_dim=3, exclusive_groups=[], manifest={})
        activate_model(connection, "colour-2")
    for shard in due_shards():
        enrich_shard(workshop, shard)
    sweeper = Sweeper(engine, app, store, Delivery(lease_s=2.0, sweep_s=0.05))
    until = time.monotonic() + 20
    while queue_length(app, "backfill") == 0:
        assert time.monotonic() < until, "no message came"
        time.sleep(0.02)
    sweeper.close()
    with transaction(engine) as connection:
        waiting = connection.scalars(text("SELECT id FROM modiste.shard WHERE state = 'queued'")).all()
    for shard in waiting:
        enrich_shard(workshop, shard)
    with transaction(engine) as connection:
        assert coverage(connection, second) == Coverage(shown=3, covered=3, given_up=0, late=0)
