"""Feeds handed in over HTTP, planned by a worker: once, to the end, whoever plans them."""

import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from sqlalchemy import Engine, text

from api.forecasts import Forecast
from broker import PLANNING, Delivery, dispatch, make_app, queue_length
from db.catalogues import ensure_catalogue
from db.control import begin_cancelling, finish_cancelling, pause_import, resume_import
from db.engine import transaction
from db.errors import ImportFinished, LeaseLost
from db.imports import ImportStatus, begin_import, import_status
from db.plans import ATTEMPTS, HandedIn, claim_plan, forecast_of, hand_in, keep_plans_alive, take_plan_fence
from db.states import ImportState, Lane
from store import Area, Store
from worker import batches, handed_in
from worker.handed_in import PlanningDesk, plan_handed_in
from worker.heartbeat import Heartbeat
from worker.sweep import sweep

One = Callable[..., object]
HandIn = Callable[..., int]
NOW = Delivery(lease_s=2.0, sweep_s=0.0)


@pytest.fixture
def app(broker_url: str) -> Celery:
    return make_app(broker_url)


@pytest.fixture
def desk(engine: Engine, app: Celery, store: Store, tmp_path: Path) -> Iterator[PlanningDesk]:
    heartbeat = Heartbeat(engine, NOW, keep_plans_alive)
    yield PlanningDesk(
        engine=engine,
        app=app,
        store=store,
        heartbeat=heartbeat,
        stopping=threading.Event(),
        lease_s=2.0,
        allow_hosts=("127.0.0.1",),
        scratch=tmp_path / "scratch",
    )
    heartbeat.close()


@pytest.fixture
def give(engine: Engine, store: Store, version_id: int, tmp_path: Path) -> HandIn:
    """Hands in a feed of this text; returns the import's id."""

    def hand(
        feed: str | bytes | None = None,
        *,
        url: str | None = None,
        photos: Path | None = None,
        preview: bool = False,
        **how: Any,
    ) -> int:
        if feed is not None:
            store.write(Area.FEEDS, "given", feed if isinstance(feed, bytes) else feed.encode())
        if photos is not None:
            store.write_file(Area.FEEDS, "given-photos", photos)
        with transaction(engine) as connection:
            ensure_catalogue(connection, "shop")
            import_id = begin_import(
                connection, catalogue="shop", feed="feed.csv", lane=Lane.BULK, model_version_id=version_id, **how
            )
            given = HandedIn(
                feed_file=None if feed is None else "given",
                feed_url=url,
                photos_file=photos and "given-photos",
                columns={"title": "what"},
            )
            hand_in(connection, import_id, given, preview=preview)
        return import_id

    return hand


def status(engine: Engine, import_id: int) -> ImportStatus:
    with transaction(engine) as connection:
        return import_status(connection, import_id)


def rows(count: int, first: int = 0) -> str:
    lines = "\n".join(f"{n},T {n},https://127.0.0.1:1/{n}.jpg" for n in range(first, first + count))
    return f"id,what,image\n{lines}\n"


def test_a_feed_that_was_handed_in_is_planned_and_its_file_goes(
    desk: PlanningDesk, give: HandIn, store: Store, one: One
) -> None:
    import_id = give(rows(3))
    plan_handed_in(desk, import_id)
    planned = status(desk.engine, import_id)
    assert (planned.rows_new, planned.photos_total, planned.state) == (3, 3, ImportState.RUNNING)
    assert one("SELECT title FROM modiste.listing WHERE external_id = '2'") == "T 2"
    assert list(store.names(Area.FEEDS)) == []
    assert one("SELECT count(*) FROM modiste.plan") == 0
    assert queue_length(desk.app, "bulk") == 1


def test_a_feed_may_be_looked_at_first_and_is_then_started(
    desk: PlanningDesk, give: HandIn, store: Store, one: One
) -> None:
    import_id = give(rows(3) + "9,,https://127.0.0.1:1/9.jpg\n,T,https://127.0.0.1:1/8.jpg\n", preview=True)
    plan_handed_in(desk, import_id)
    looked_at = status(desk.engine, import_id)
    assert (looked_at.state, looked_at.rows, looked_at.photos_total) == (ImportState.PREVIEWED, 0, 0)
    assert one("SELECT count(*) FROM modiste.listing") == 0
    with transaction(desk.engine) as connection:
        found = Forecast.model_validate(forecast_of(connection, import_id))
    assert (found.rows.new, found.rows.rejected, found.photos_to_fetch) == (4, 1, 4)
    assert found.hosts == {"127.0.0.1": 4}
    assert found.rejected[0].line == 6
    assert found.columns["external_id"] == "id"
    assert found.columns["photos"] == "image"

    plan_handed_in(desk, import_id)  # a message that comes twice
    dispatch(desk.engine, desk.app)
    sweep(desk.engine, desk.app, store, NOW)
    assert queue_length(desk.app, PLANNING) == 0, "it waits for a person"
    assert status(desk.engine, import_id).state is ImportState.PREVIEWED

    with transaction(desk.engine) as connection:
        resume_import(connection, import_id)
    dispatch(desk.engine, desk.app)
    assert queue_length(desk.app, PLANNING) == 1
    plan_handed_in(desk, import_id)
    planned = status(desk.engine, import_id)
    assert (planned.rows_new, planned.rows_rejected, planned.state) == (4, 1, ImportState.RUNNING)
    assert list(store.names(Area.FEEDS)) == []


def test_what_a_whole_feed_would_withdraw_is_told_first(desk: PlanningDesk, give: HandIn) -> None:
    plan_handed_in(desk, give(rows(6)))
    import_id = give(rows(4), whole=True, preview=True)
    plan_handed_in(desk, import_id)
    with transaction(desk.engine) as connection:
        found = Forecast.model_validate(forecast_of(connection, import_id))
    assert (found.withdrawn, found.available, found.rows.unchanged) == (2, 6, 4)
    assert "2 of 6" in str(found.refusal)


def test_a_preview_that_is_discarded_leaves_nothing(desk: PlanningDesk, give: HandIn, store: Store, one: One) -> None:
    import_id = give(rows(3), preview=True)
    plan_handed_in(desk, import_id)
    with transaction(desk.engine) as connection:
        with pytest.raises(ImportFinished, match="only looked at"):
            pause_import(connection, import_id)
        files = begin_cancelling(connection, import_id)
    finish_cancelling(desk.engine, import_id)
    discarded = status(desk.engine, import_id)
    assert (discarded.state, discarded.finished, discarded.error) == (
        ImportState.CANCELLED, True, "discarded after its preview",
    )  # fmt: skip
    assert files == list(store.names(Area.FEEDS))
    assert one("SELECT count(*) FROM modiste.plan") == 0


def test_a_feed_at_fault_fails_as_it_is_looked_at(desk: PlanningDesk, give: HandIn, store: Store) -> None:
    import_id = give("colour,size\nred,S\n", preview=True)
    plan_handed_in(desk, import_id)
    failed = status(desk.engine, import_id)
    assert failed.state is ImportState.FAILED
    assert "planning stopped" in str(failed.error)
    assert list(store.names(Area.FEEDS)) == []


def test_a_worker_that_stops_while_it_looks_gives_the_feed_back(desk: PlanningDesk, give: HandIn, one: One) -> None:
    import_id = give(rows(3), preview=True)
    desk.stopping.set()
    plan_handed_in(desk, import_id)
    assert status(desk.engine, import_id).state is ImportState.PLANNING
    assert one("SELECT attempt FROM modiste.plan") == 0
    desk.stopping.clear()
    plan_handed_in(desk, import_id)
    assert status(desk.engine, import_id).state is ImportState.PREVIEWED


def test_what_a_full_feed_does_not_have_is_withdrawn_once_whoever_reads_it_to_its_end(
    desk: PlanningDesk, give: HandIn, monkeypatch: pytest.MonkeyPatch, one: One
) -> None:
    plan_handed_in(desk, give(rows(6)))
    refused = give(rows(4), whole=True)
    plan_handed_in(desk, refused)
    assert status(desk.engine, refused).state is ImportState.FAILED
    assert "2 of 6" in str(status(desk.engine, refused).error)

    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    import_id = give(rows(4), whole=True, withdraw_share_max=0.4)
    monkeypatch.setattr(handed_in, "dispatch", stop_after_the_first(desk))
    plan_handed_in(desk, import_id)
    assert one("SELECT count(*) FROM modiste.listing WHERE NOT available") == 0
    monkeypatch.setattr(handed_in, "dispatch", dispatch)
    desk.stopping.clear()
    plan_handed_in(desk, import_id)
    done = status(desk.engine, import_id)
    assert (done.rows_unchanged, done.listings_withdrawn, done.state) == (4, 2, ImportState.DONE)


@pytest.mark.parametrize("together", [False, True])
def test_photos_come_out_of_the_zip_that_was_given_with_it_or_is_it(
    desk: PlanningDesk, give: HandIn, store: Store, tmp_path: Path, make_jpeg: Callable[..., bytes], together: bool
) -> None:
    path, feed = tmp_path / "p.zip", "id,what,image\n1,T,a.jpg\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", make_jpeg((9, 9, 9)))
        if together:
            archive.writestr("feed.csv", feed)
    import_id = give(path.read_bytes()) if together else give(feed, photos=path)
    plan_handed_in(desk, import_id)
    assert status(desk.engine, import_id).photos_pending == 1
    assert len(list(store.names(Area.PHOTOS))) == 1
    assert list(store.names(Area.FEEDS)) == []


def test_a_feed_at_a_url_is_fetched_behind_the_guard(desk: PlanningDesk, give: HandIn, tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "feed.csv").write_text(rows(2))
    serve = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        good = give(url=f"http://127.0.0.1:{server.server_port}/feed.csv")
        plan_handed_in(desk, good)
        server.shutdown()
    assert status(desk.engine, good).rows_new == 2
    private = give(url="http://169.254.169.254/feed.csv")
    plan_handed_in(desk, private)
    refused = status(desk.engine, private)
    assert refused.state is ImportState.FAILED
    assert "169.254.169.254" in str(refused.error)


@pytest.mark.parametrize(
    ("feed", "says"),
    [
        ("%PDF-1.7", "is a PDF"),
        ("", "is empty"),
        ("what,image\nT,a.jpg\n", "no column that names its listings"),
        ("id,what,image\n1,T,a.jpg\n", "none came with it"),
    ],
)
def test_what_is_wrong_with_a_feed_is_told_by_its_import(
    desk: PlanningDesk, give: HandIn, store: Store, feed: str, says: str
) -> None:
    import_id = give(feed)
    plan_handed_in(desk, import_id)
    failed = status(desk.engine, import_id)
    assert failed.state is ImportState.FAILED
    assert says in str(failed.error)
    assert "feed.csv" in str(failed.error) or "photos" in str(failed.error)
    assert store.where not in str(failed.error)
    assert list(store.names(Area.FEEDS)) == []


def test_photos_that_are_no_zip_are_called_what_they_are_and_not_by_a_path(
    desk: PlanningDesk, give: HandIn, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "doc.pdf").write_bytes(b"%PDF-1.7")
    import_id = give("id,what,image\n1,T,a.jpg\n", photos=tmp_path / "doc.pdf")
    plan_handed_in(desk, import_id)
    error = str(status(desk.engine, import_id).error)
    assert "what was handed in as photos cannot be read as a zip" in error
    assert store.where not in error


def test_whoever_takes_over_goes_on_behind_the_last_planned_line(
    desk: PlanningDesk, give: HandIn, monkeypatch: pytest.MonkeyPatch, one: One
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    import_id = give(rows(5))
    monkeypatch.setattr(handed_in, "dispatch", stop_after_the_first(desk))
    plan_handed_in(desk, import_id)
    assert status(desk.engine, import_id).rows_new == 2
    monkeypatch.setattr(handed_in, "dispatch", dispatch)
    desk.stopping.clear()
    plan_handed_in(desk, import_id)
    done = status(desk.engine, import_id)
    assert (done.rows_new, done.rows_unchanged, done.photos_total, done.state) == (5, 0, 5, ImportState.RUNNING)


def stop_after_the_first(desk: PlanningDesk) -> Callable[..., None]:
    return lambda *_: desk.stopping.set()


def test_a_planner_stops_where_its_import_was_cancelled(
    desk: PlanningDesk, give: HandIn, monkeypatch: pytest.MonkeyPatch, store: Store, one: One
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    import_id = give(rows(5))
    monkeypatch.setattr(handed_in, "dispatch", lambda *_: cancel(desk.engine, import_id))
    plan_handed_in(desk, import_id)
    cancelled = status(desk.engine, import_id)
    assert (cancelled.state, cancelled.rows_new, cancelled.photos_cancelled) == (ImportState.CANCELLED, 2, 2)
    assert cancelled.finished_at is not None
    assert one("SELECT count(*) FROM modiste.plan") == 0


def test_a_feed_that_is_fetched_for_nobody_is_not_kept(
    desk: PlanningDesk, give: HandIn, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    import_id = give(url="https://shop.example/feed.csv")

    def fetch(_: str, into: Path, **__: object) -> None:
        into.write_text(rows(1))
        cancel(desk.engine, import_id)

    monkeypatch.setattr(handed_in, "fetch_feed", fetch)
    plan_handed_in(desk, import_id)
    assert list(store.names(Area.FEEDS)) == []


def cancel(engine: Engine, import_id: int) -> None:
    with transaction(engine) as connection:
        begin_cancelling(connection, import_id)
    finish_cancelling(engine, import_id)


def test_a_planner_that_was_replaced_writes_nothing_more(desk: PlanningDesk, give: HandIn) -> None:
    import_id = give(rows(1))
    with transaction(desk.engine) as connection:
        first = claim_plan(connection, import_id, lease_s=-1)
        second = claim_plan(connection, import_id, lease_s=60)
    assert first is not None
    assert second is not None
    with transaction(desk.engine) as connection:
        take_plan_fence(connection, second)
        with pytest.raises(LeaseLost):
            take_plan_fence(connection, first)


def test_a_message_delivered_twice_plans_once(desk: PlanningDesk, give: HandIn) -> None:
    import_id = give(rows(2))
    plan_handed_in(desk, import_id)
    plan_handed_in(desk, import_id)
    assert status(desk.engine, import_id).rows == 2


def test_a_lost_message_and_a_lost_planner_are_found_by_the_sweep(
    desk: PlanningDesk, give: HandIn, store: Store, one: One
) -> None:
    import_id = give(rows(1))
    dispatch(desk.engine, desk.app)
    assert queue_length(desk.app, PLANNING) == 1
    with desk.app.connection_for_write() as connection:
        connection.default_channel.queue_purge(PLANNING)
    sweep(desk.engine, desk.app, store, NOW)
    assert queue_length(desk.app, PLANNING) == 1
    with transaction(desk.engine) as connection:
        assert claim_plan(connection, import_id, lease_s=-1) is not None
    sweep(desk.engine, desk.app, store, NOW)
    assert queue_length(desk.app, PLANNING) == 2
    assert status(desk.engine, import_id).state is ImportState.PLANNING


def test_a_feed_that_kills_its_planners_ends_as_failed(
    desk: PlanningDesk, give: HandIn, store: Store, one: One
) -> None:
    import_id = give(rows(1))
    for _ in range(ATTEMPTS):
        with transaction(desk.engine) as connection:
            assert claim_plan(connection, import_id, lease_s=-1) is not None
    sweep(desk.engine, desk.app, store, NOW)
    assert status(desk.engine, import_id).state is ImportState.FAILED
    assert one("SELECT count(*) FROM modiste.plan") == 0
    assert list(store.names(Area.FEEDS)) == []


def test_a_fault_of_the_surroundings_gives_the_plan_back(
    desk: PlanningDesk, give: HandIn, store: Store, engine: Engine
) -> None:
    import_id = give(rows(1))
    store.remove(Area.FEEDS, "given")
    with pytest.raises(Exception, match="given"):
        plan_handed_in(desk, import_id)
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT attempt, lease_until, sent_at FROM modiste.plan")).one()
    assert tuple(row) == (0, None, None)
