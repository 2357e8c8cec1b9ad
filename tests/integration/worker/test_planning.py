import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.batches import Batch
from db.control import begin_cancelling
from db.engine import transaction
from db.errors import ImportCancelled
from db.forecasts import BYTES_OF_LINKS
from db.imports import ImportStatus, import_status, rejected_rows
from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import ImportState, PhotoState, RejectionReason, RowOutcome
from store import Area, Store
from worker import batches, planning
from worker.dry_run import STORED_COPY_BYTES, dry_run
from worker.photos import open_photos
from worker.planning import Order, plan_import

Import = Callable[..., int]
One = Callable[..., object]


@pytest.fixture(autouse=True)
def _photos(photo_folder: Path, make_jpeg: Callable[..., bytes]) -> None:
    for number in range(12):
        (photo_folder / f"{number}.jpg").write_bytes(make_jpeg((number * 20, 100, 50)))


@pytest.fixture
def status(engine: Engine) -> Callable[[int], ImportStatus]:
    def read(import_id: int) -> ImportStatus:
        with transaction(engine) as connection:
            return import_status(connection, import_id)

    return read


TWELVE = {str(number): (f"{number}.jpg",) for number in range(12)}


def test_planning_writes_listings_photos_and_shards_and_counts_them(
    import_rows: Import, status: Callable[[int], ImportStatus], one: One, store: Store
) -> None:
    planned = status(import_rows(TWELVE))
    assert (planned.rows_new, planned.photos_total, planned.photos_pending) == (12, 12, 12)
    assert planned.state is ImportState.RUNNING
    assert one("SELECT sum(cardinality(photo_ids)) FROM modiste.shard") == 12
    assert len(list(store.names(Area.PHOTOS))) == 12


def test_a_refetch_puts_files_back_that_the_store_has_lost_and_has_no_photo_looked_at_again(
    import_rows: Import, status: Callable[[int], ImportStatus], engine: Engine, store: Store, version_id: int
) -> None:
    import_rows(TWELVE)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE modiste.photo SET state = 'enriched'"))
        connection.execute(text("UPDATE modiste.shard SET state = 'done'"))
        connection.execute(
            text("""
                INSERT INTO modiste.enrichment (content_id, model_version_id, categories, category_scores, abstained,
                                                attributes, attribute_scores)
                SELECT id, :version, '{Dress}', '{1}', false, '{}', '{}' FROM modiste.content
            """),
            {"version": version_id},
        )
    lost = sorted(store.names(Area.PHOTOS))[:5]
    for name in lost:
        store.remove(Area.PHOTOS, name)
    assert status(import_rows(TWELVE)).photos_total == 0
    assert not store.has_photo(lost[0])
    mended = status(import_rows(TWELVE, refetch=True))
    assert all(store.has_photo(name) for name in lost)
    assert (mended.rows_unchanged, mended.photos_enriched, mended.photos_pending) == (12, 12, 0)
    assert mended.state is ImportState.DONE


def test_planning_the_same_feed_again_is_all_unchanged_done_at_once_and_writes_no_listing(
    import_rows: Import, status: Callable[[int], ImportStatus], one: One
) -> None:
    import_rows(TWELVE)
    written = one("SELECT max(xmin::text) || min(xmin::text) FROM modiste.listing")
    again = status(import_rows(TWELVE))
    assert (again.rows_unchanged, again.photos_total, again.state) == (12, 0, ImportState.DONE)
    assert one("SELECT max(xmin::text) || min(xmin::text) FROM modiste.listing") == written


def test_a_batch_boundary_changes_nothing(
    import_rows: Import, status: Callable[[int], ImportStatus], monkeypatch: pytest.MonkeyPatch, one: One
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 5)
    planned = status(import_rows(TWELVE))
    assert (planned.rows_new, planned.photos_total) == (12, 12)
    assert status(import_rows(TWELVE)).rows_unchanged == 12


def test_two_imports_of_one_feed_at_once_put_each_photo_to_work_once(
    import_rows: Import, status: Callable[[int], ImportStatus], monkeypatch: pytest.MonkeyPatch, one: One
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 3)
    with ThreadPoolExecutor(2) as pool:
        first, second = (status(i) for i in pool.map(lambda _: import_rows(TWELVE), range(2)))
    assert first.rows_new + second.rows_new == 12
    assert first.rows_unchanged + second.rows_unchanged == 12
    assert first.photos_total + second.photos_total == 12
    assert one("SELECT count(DISTINCT photo) FROM modiste.shard, unnest(photo_ids) AS photo") == 12


def test_a_file_replaced_before_it_was_done_is_cancelled_there_and_counted_here(
    import_rows: Import, status: Callable[[int], ImportStatus], photo_folder: Path, make_jpeg: Callable[..., bytes]
) -> None:
    first = import_rows({"0": ("0.jpg",), "1": ("1.jpg",)})
    (photo_folder / "0.jpg").write_bytes(make_jpeg((1, 1, 1), (70, 70)))
    second = import_rows({"0": ("0.jpg",), "1": ("1.jpg",)})
    assert (status(first).photos_total, status(first).photos_cancelled, status(first).photos_pending) == (2, 1, 1)
    assert (status(second).rows_changed, status(second).photos_total, status(second).photos_pending) == (1, 1, 1)


def test_a_planner_that_fails_keeps_what_it_planned_and_says_why(
    engine: Engine,
    store: Store,
    version_id: int,
    photo_folder: Path,
    status: Callable[[int], ImportStatus],
    one: One,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 1)

    class Breaks:
        def rows(self) -> Iterator[FeedRow]:
            yield FeedRow(line=2, listing=ListingData(external_id="1"), photos=("1.jpg",))
            yield FeedRow(line=3, listing=ListingData(external_id="2"), photos=("2.jpg",))
            raise OSError("the disk is gone")

    order = Order(catalogue="shop", feed_name="f", feed=Breaks(), photos=open_photos(photo_folder))
    with pytest.raises(OSError, match="the disk is gone"):
        plan_import(engine, store, order)
    failed = status(int(str(one("SELECT max(id) FROM modiste.import"))))
    assert failed.state is ImportState.FAILED
    assert "the disk is gone" in str(failed.error)
    assert failed.photos_pending == failed.rows_new >= 1


def test_rejected_rows_are_kept_with_line_column_and_reason(
    engine: Engine, store: Store, version_id: int, photo_folder: Path, status: Callable[[int], ImportStatus]
) -> None:
    class Rows:
        def rows(self) -> Iterator[FeedRow | RowRejection]:
            yield FeedRow(line=2, listing=ListingData(external_id="1", price=Decimal(5)), photos=())
            yield RowRejection(
                line=3, column="price", reason=RejectionReason.BAD_PRICE, detail="'ten\t\\N'", external_id="2"
            )

    order = Order(catalogue="shop", feed_name="f", feed=Rows(), photos=open_photos(photo_folder))
    import_id = plan_import(engine, store, order)
    with transaction(engine) as connection:
        (rejected,) = rejected_rows(connection, import_id)
    assert (rejected.line, rejected.column, rejected.reason, rejected.detail) == (3, "price", "bad_price", "'ten\t\\N'")
    assert (status(import_id).rows_new, status(import_id).rows_rejected) == (1, 1)


def test_a_dry_run_says_what_an_import_would_do_and_changes_nothing(
    engine: Engine, version_id: int, import_rows: Import, photo_folder: Path, one: One
) -> None:
    import_rows({"0": ("0.jpg",)})

    class Rows:
        def rows(self) -> Iterator[FeedRow]:
            yield FeedRow(line=2, listing=ListingData(external_id="0", title="0"), photos=("0.jpg",))
            yield FeedRow(line=3, listing=ListingData(external_id="1"), photos=("1.jpg",))

    tally = dry_run(engine, Order(catalogue="shop", feed_name="f", feed=Rows(), photos=open_photos(photo_folder))).tally
    assert (tally.rows[RowOutcome.UNCHANGED], tally.rows[RowOutcome.NEW], tally.photos) == (1, 1, 1)
    assert one("SELECT count(*) FROM modiste.listing") == 1
    assert one("SELECT count(*) FROM modiste.import") == 1


def test_a_broken_file_among_the_photos_stops_nothing(
    import_rows: Import, status: Callable[[int], ImportStatus], photo_folder: Path, engine: Engine
) -> None:
    (photo_folder / "0.jpg").unlink()
    planned = status(import_rows(TWELVE))
    assert (planned.rows_new, planned.photos_quarantined, planned.photos_pending) == (12, 1, 11)
    with transaction(engine) as connection:
        states = connection.execute(text("SELECT state, reason FROM modiste.photo WHERE source = '0.jpg'")).one()
    assert tuple(states) == (PhotoState.QUARANTINED, "not_found")


def test_a_planner_stops_where_its_import_was_cancelled(
    engine: Engine,
    store: Store,
    version_id: int,
    status: Callable[[int], ImportStatus],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    begun: list[int] = []

    class Rows:
        def rows(self) -> Iterator[FeedRow | RowRejection]:
            for line in range(2, 8):
                yield FeedRow(line=line, listing=ListingData(external_id=str(line)), photos=())

    def cancel(import_id: int, _: object) -> None:
        begun.append(import_id)
        with transaction(engine) as connection:
            begin_cancelling(connection, import_id)

    with pytest.raises(ImportCancelled, match="was cancelled"):
        plan_import(engine, store, Order(catalogue="shop", feed_name="feed", feed=Rows()), on_batch=cancel)
    (import_id,) = begun
    assert (status(import_id).state, status(import_id).rows) == (ImportState.CANCELLED, 2)


HALF = dict(list(TWELVE.items())[:6])


def test_half_a_feed_that_is_said_to_be_whole_is_refused_then_done_when_meant_and_the_whole_one_brings_them_back(
    import_rows: Import, status: Callable[[int], ImportStatus], one: One
) -> None:
    available = "SELECT count(*) FROM modiste.listing WHERE available"
    import_rows(TWELVE)
    refused = status(import_rows(HALF, whole=True))
    assert (refused.state, refused.rows_unchanged, refused.listings_withdrawn) == (ImportState.FAILED, 6, 0)
    assert "6 of 12" in str(refused.error)
    assert one(available) == 12

    done = status(import_rows(HALF, whole=True, withdraw_share_max=1.0))
    assert (done.state, done.rows_unchanged, done.listings_withdrawn) == (ImportState.DONE, 6, 6)
    assert one(available) == 6
    assert status(import_rows(HALF, whole=True)).listings_withdrawn == 0

    back = status(import_rows(TWELVE, whole=True))
    assert (back.state, back.rows_changed, back.rows_unchanged, back.photos_total) == (ImportState.DONE, 6, 6, 0)
    assert one(available) == 12
    assert one("SELECT array_agg(DISTINCT changed::text) FROM modiste.import_row WHERE outcome = 'changed'") == [
        "{available}"
    ]


def test_a_feed_that_breaks_off_withdraws_nothing(
    engine: Engine, store: Store, import_rows: Import, photo_folder: Path, one: One
) -> None:
    import_rows(TWELVE)

    class Breaks:
        def rows(self) -> Iterator[FeedRow]:
            yield FeedRow(line=2, listing=ListingData(external_id="0", title="0"), photos=("0.jpg",))
            raise OSError("the disk is gone")

    order = Order(
        catalogue="shop",
        feed_name="f",
        feed=Breaks(),
        photos=open_photos(photo_folder),
        whole=True,
        withdraw_share_max=1.0,
    )
    with pytest.raises(OSError, match="the disk is gone"):
        plan_import(engine, store, order)
    assert one("SELECT count(*) FROM modiste.listing WHERE NOT available") == 0


def test_a_dry_run_foretells_photos_by_host_disk_memory_and_what_would_be_withdrawn(
    engine: Engine, store: Store, import_rows: Import, photo_folder: Path, make_jpeg: Callable[..., bytes]
) -> None:
    import_rows(TWELVE)
    (photo_folder / "new.jpg").write_bytes(make_jpeg((9, 9, 9)))
    (photo_folder / "twin.jpg").write_bytes((photo_folder / "new.jpg").read_bytes())

    class Rows:
        def rows(self) -> Iterator[FeedRow | RowRejection]:
            yield FeedRow(line=2, listing=ListingData(external_id="0", title="0"), photos=("0.jpg",))
            yield FeedRow(line=3, listing=ListingData(external_id="a"), photos=("new.jpg", "missing.jpg"))
            yield FeedRow(line=4, listing=ListingData(external_id="b"), photos=("twin.jpg", "https://a.example/1.jpg"))
            yield FeedRow(
                line=5,
                listing=ListingData(external_id="c"),
                photos=("https://b.example/1.jpg", "https://b.example/2.jpg"),
            )
            yield RowRejection(line=6, column="price", reason=RejectionReason.BAD_PRICE, detail="", external_id="1")

    found = dry_run(
        engine,
        Order(catalogue="shop", feed_name="f", feed=Rows(), photos=open_photos(photo_folder), whole=True),
    )
    photos = found.photos
    assert (photos.to_fetch, photos.at_hand, photos.known, photos.without_file) == (3, 1, 1, 1)
    assert photos.hosts.most_common() == [("b.example", 2), ("a.example", 1)]
    assert found.stored_bytes == (photo_folder / "new.jpg").stat().st_size + 3 * STORED_COPY_BYTES
    assert found.index_bytes == 4 * (2 * 3 + BYTES_OF_LINKS)  # of four new vectors of three numbers
    assert found.seconds is None  # nothing was enriched yet
    assert found.withdrawal is not None
    assert (found.withdrawal.listings, found.withdrawal.available) == (10, 12)
    assert "10 of 12" in found.withdrawal.refusal


def test_a_planner_that_is_busy_with_one_batch_shows_itself(
    engine: Engine,
    import_rows: Import,
    status: Callable[[int], ImportStatus],
    monkeypatch: pytest.MonkeyPatch,
    one: One,
) -> None:
    monkeypatch.setattr(planning, "PLANNER_SILENCE_S", 0.2)

    def slow(self: planning.Planner, rows: object) -> Batch:
        before = one("SELECT planner_seen_at FROM modiste.import")
        deadline = time.monotonic() + 10
        while one("SELECT planner_seen_at FROM modiste.import") == before:
            assert time.monotonic() < deadline, "the planner does not show itself"
            time.sleep(0.02)
        return Batch(rows=[])

    monkeypatch.setattr(planning.Planner, "plan", slow)
    assert status(import_rows(TWELVE)).state is ImportState.DONE
