import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from db.engine import transaction
from db.imports import ImportStatus, import_status
from db.models import activate_model, register_model
from db.shards import claim
from db.states import ImportState
from store import Area, Store, StoreUnreachable
from worker.enrich import Workshop, enrich_shard
from worker.inference import EngineBroken

Import = Callable[..., int]
Due = Callable[[], list[int]]
One = Callable[..., object]


def status_of(workshop: Workshop, import_id: int) -> ImportStatus:
    with transaction(workshop.engine) as connection:
        return import_status(connection, import_id)


def work_off(workshop: Workshop, due: Due) -> None:
    while shards := due():
        for shard_id in shards:
            enrich_shard(workshop, shard_id)


def test_photos_of_a_folder_become_enriched_listings(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    (photo_folder / "b.jpg").write_bytes(make_jpeg((10, 10, 200)))
    import_id = import_rows({"1": ("a.jpg",), "2": ("b.jpg",)})
    work_off(workshop, due_shards)
    status = status_of(workshop, import_id)
    assert (status.state, status.photos_enriched, status.photos_inferred) == (ImportState.DONE, 2, 2)
    assert one("SELECT string_agg(category, ' ' ORDER BY external_id) FROM modiste.listing_enrichment") == "red blue"
    assert one("SELECT count(*) FROM modiste.similar_listings((SELECT min(id) FROM modiste.listing))") == 1


def test_the_same_content_goes_through_the_network_once(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    one: One,
) -> None:
    for name in ("a.jpg", "copy.jpg", "other-name.jpg"):
        (photo_folder / name).write_bytes(make_jpeg((200, 10, 10)))
    import_rows({"1": ("a.jpg",)})
    work_off(workshop, due_shards)
    second = import_rows({"1": ("a.jpg",), "2": ("copy.jpg",), "3": ("other-name.jpg",)})
    work_off(workshop, due_shards)
    status = status_of(workshop, second)
    assert (status.photos_total, status.photos_enriched, status.photos_inferred) == (2, 2, 0)
    assert one("SELECT count(*) FROM modiste.enrichment") == 1
    assert one("SELECT count(*) FROM modiste.listing_enrichment") == 3


def test_photos_that_two_sellers_share_are_looked_at_once_also_within_a_shard(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    (photo_folder / "broken.jpg").write_bytes(b"no photo")
    both = ("a.jpg", "broken.jpg")
    import_id = import_rows({"1": both, "2": both, "3": both})
    work_off(workshop, due_shards)
    status = status_of(workshop, import_id)
    assert (status.photos_enriched, status.photos_quarantined, status.photos_inferred) == (3, 3, 1)
    assert one("SELECT count(*) FROM modiste.listing_enrichment") == 3


def broken_photos(good: bytes) -> dict[str, tuple[bytes, str]]:
    """Eight kinds of broken photo, with the reason that each must be given."""
    png_bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(png_bomb, "PNG")
    dot = io.BytesIO()
    Image.new("RGB", (1, 1)).save(dot, "PNG")
    return {
        "text.jpg": (b"this is no photo", "not_an_image"),
        "empty.jpg": (b"", "empty"),
        "half.jpg": (good[: len(good) // 2], "truncated"),
        "header.png": (dot.getvalue()[:20], "truncated"),
        "bomb.png": (png_bomb.getvalue(), "decompression_bomb"),
        "dot.png": (dot.getvalue(), "too_small"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        "page.webp": (b"<!doctype html><html></html>", "not_an_image"),
    }


def test_broken_photos_are_quarantined_each_with_its_reason_and_the_others_enriched(
    workshop: Workshop, import_rows: Import, due_shards: Due, photo_folder: Path, make_jpeg: Callable[..., bytes]
) -> None:
    rows: dict[str, tuple[str, ...]] = {}
    for number in range(40):
        (photo_folder / f"good{number}.jpg").write_bytes(make_jpeg((number * 5, 100, 50)))
        rows[f"good{number}"] = (f"good{number}.jpg",)
    broken = broken_photos(make_jpeg((1, 2, 3), (400, 400)))
    for name, (data, _) in broken.items():
        (photo_folder / name).write_bytes(data)
        rows[name] = (name,)
    import_id = import_rows({**rows, "gone": ("nowhere.jpg",)})
    work_off(workshop, due_shards)
    status = status_of(workshop, import_id)
    assert (status.photos_enriched, status.photos_quarantined, status.photos_pending) == (40, len(broken) + 1, 0)
    with transaction(workshop.engine) as connection:
        reasons = dict(
            connection.execute(text("SELECT source, reason FROM modiste.photo WHERE state = 'quarantined'")).all()
        )
    assert reasons == {name: reason for name, (_, reason) in broken.items()} | {"nowhere.jpg": "not_found"}


def test_a_message_delivered_three_times_has_one_effect(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    network: object,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_id = import_rows({"1": ("a.jpg",)})
    (shard_id,) = due_shards()
    threads = [threading.Thread(target=enrich_shard, args=(workshop, shard_id)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network.seen == 1  # type: ignore[attr-defined]
    assert status_of(workshop, import_id).photos_enriched == 1


def test_a_worker_that_sleeps_past_its_lease_writes_nothing_over_its_successor(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    network: object,
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_id = import_rows({"1": ("a.jpg",)})
    (shard_id,) = due_shards()
    network.may_run.clear()  # type: ignore[attr-defined]
    sleeper = threading.Thread(target=enrich_shard, args=(workshop, shard_id))
    sleeper.start()
    wait_until(lambda: one("SELECT state FROM modiste.shard") == "leased")
    with transaction(workshop.engine) as connection:
        connection.execute(text("UPDATE modiste.shard SET lease_until = clock_timestamp() - interval '1 second'"))
        successor = claim(connection, shard_id, worker="successor", lease_s=60)
    assert successor is not None
    network.may_run.set()  # type: ignore[attr-defined]
    sleeper.join(10)
    assert one("SELECT state || ' ' || worker FROM modiste.shard") == "leased successor"
    assert status_of(workshop, import_id).photos_enriched == 0


def test_a_heartbeat_keeps_the_lease_of_a_slow_shard(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    network: object,
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_rows({"1": ("a.jpg",)})
    (shard_id,) = due_shards()
    network.may_run.clear()  # type: ignore[attr-defined]
    slow = threading.Thread(target=enrich_shard, args=(workshop, shard_id))
    slow.start()
    time.sleep(workshop.delivery.lease_s * 1.5)
    assert one("SELECT lease_until > clock_timestamp() FROM modiste.shard") is True
    network.may_run.set()  # type: ignore[attr-defined]
    slow.join(10)
    assert one("SELECT state FROM modiste.shard") == "done"


def test_an_engine_that_breaks_gives_the_shard_back_with_the_error_and_its_photos_are_suspected(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    network: object,
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_rows({"1": ("a.jpg",)})
    network.fails = True  # type: ignore[attr-defined]
    (shard_id,) = due_shards()
    with pytest.raises(EngineBroken):
        enrich_shard(workshop, shard_id)
    assert one("SELECT state || ' ' || attempt || ' ' || error FROM modiste.shard") == (
        "queued 1 EngineBroken: the engine fails on a blank photo too: the engine is broken"
    )
    assert due_shards() == []  # not before its wait is over


def test_a_stopping_worker_gives_back_what_it_cannot_finish(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    network: object,
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_id = import_rows({"1": ("a.jpg",)})
    (shard_id,) = due_shards()
    network.may_run.clear()  # type: ignore[attr-defined]
    workshop.stopping.set()
    enrich_shard(workshop, shard_id)
    assert one("SELECT state || ' ' || attempt FROM modiste.shard") == "queued 0"
    network.may_run.set()  # type: ignore[attr-defined]
    workshop.stopping.clear()
    work_off(workshop, due_shards)
    assert status_of(workshop, import_id).state is ImportState.DONE


class Shop(ThreadingHTTPServer):
    """A photo server: /good/N.jpg, /missing.jpg (404), /busy.jpg (503 twice, then good)."""

    photo = b""
    busy = 2
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Answer(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        self.server.asked += 1
        busy = "busy" in self.path and self.server.busy > 0
        self.server.busy -= busy
        self.send_response(404 if "missing" in self.path else 503 if busy else 200)
        self.end_headers()
        self.wfile.write(self.server.photo)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def shop(make_jpeg: Callable[..., bytes]) -> Iterator[Shop]:
    with Shop() as server:
        server.photo = make_jpeg((10, 200, 10), (900, 600))
        yield server
        server.shutdown()


def test_photos_by_url_are_fetched_kept_small_and_enriched(
    workshop: Workshop, import_rows: Import, due_shards: Due, shop: Shop, store: Store, one: One
) -> None:
    import_id = import_rows({"1": (shop.url("good/1.jpg"),), "2": (shop.url("missing.jpg"),)})
    work_off(workshop, due_shards)
    status = status_of(workshop, import_id)
    assert (status.photos_enriched, status.photos_quarantined) == (1, 1)
    assert one("SELECT reason FROM modiste.photo WHERE state = 'quarantined'") == "not_found"
    (name,) = store.names(Area.COPIES)
    assert min(Image.open(io.BytesIO(store.read(Area.COPIES, name))).size) == 256
    assert one(
        "SELECT encode(sha256, 'hex') || width_px || 'x' || height_px FROM modiste.content WHERE width_px > 0"
    ) == (f"{name}900x600")


def test_a_busy_photo_server_is_asked_again_later_and_the_rest_does_not_wait(
    workshop: Workshop, import_rows: Import, due_shards: Due, shop: Shop, engine: Engine, one: One
) -> None:
    import_id = import_rows({"1": (shop.url("good/1.jpg"),), "2": (shop.url("busy.jpg"),)})
    work_off(workshop, due_shards)
    first = status_of(workshop, import_id)
    assert (first.photos_enriched, first.photos_pending, first.state) == (1, 1, ImportState.RUNNING)
    for _ in range(2):
        with transaction(engine) as connection:
            waits = connection.scalar(text("SELECT max(not_before) > clock_timestamp() FROM modiste.shard"))
            connection.execute(text("UPDATE modiste.shard SET not_before = now() WHERE state = 'queued'"))
        assert waits is True
        work_off(workshop, due_shards)
    status = status_of(workshop, import_id)
    assert (status.photos_enriched, status.photos_inferred, status.state) == (2, 1, ImportState.DONE)


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_zip_serves_as_photos(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("images/a.jpg", make_jpeg((200, 10, 10)))
    for file in photo_folder.iterdir():
        file.unlink()
    photo_folder.rmdir()
    (tmp_path / "photos.zip").rename(photo_folder)
    import_id = import_rows({"1": ("a.jpg",)})
    work_off(workshop, due_shards)
    assert status_of(workshop, import_id).photos_enriched == 1


def test_a_store_that_is_away_costs_the_photos_no_attempt(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    one: One,
) -> None:
    def away(*_: object) -> bool:
        raise StoreUnreachable(where="the store", reason="no route to host")

    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_rows({"1": ("a.jpg",)})
    (shard_id,) = due_shards()
    monkeypatch.setattr(store, "exists", away)
    with pytest.raises(StoreUnreachable):
        enrich_shard(workshop, shard_id)
    assert one("SELECT state || ' ' || attempt FROM modiste.shard") == "queued 0"
    assert "no route to host" in str(one("SELECT error FROM modiste.shard"))


def test_a_new_active_version_enriches_an_unchanged_feed_from_the_store(
    workshop: Workshop,
    import_rows: Import,
    due_shards: Due,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    one: One,
) -> None:
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 10, 10)))
    import_rows({"1": ("a.jpg",)})
    work_off(workshop, due_shards)
    with transaction(workshop.engine) as connection:
        register_model(connection, name="colour-2", embedding_dim=3, exclusive_groups=[], manifest={"version": "2"})
        activate_model(connection, "colour-2")
    assert one("SELECT count(*) FROM modiste.listing_enrichment") == 0
    again = import_rows({"1": ("a.jpg",)})
    work_off(workshop, due_shards)
    status = status_of(workshop, again)
    assert (status.rows_unchanged, status.photos_enriched, status.photos_inferred) == (1, 1, 1)
    assert one("SELECT model_version FROM modiste.listing_enrichment") == "colour-2"
    assert one("SELECT count(*) FROM modiste.enrichment") == 2


def test_a_fetched_photo_comes_from_its_copy_for_a_new_version_and_from_its_url_where_that_is_gone(
    workshop: Workshop, import_rows: Import, due_shards: Due, shop: Shop, store: Store, one: One
) -> None:
    rows = {"1": (shop.url("good/1.jpg"),)}
    import_rows(rows)
    work_off(workshop, due_shards)
    (name,) = store.names(Area.COPIES)
    for version, lose_copy in (("colour-2", False), ("colour-3", True)):
        with transaction(workshop.engine) as connection:
            register_model(connection, name=version, embedding_dim=3, exclusive_groups=[], manifest={"v": version})
            activate_model(connection, version)
        if lose_copy:
            store.remove(Area.COPIES, name)
        import_rows(rows)
        work_off(workshop, due_shards)
        assert one("SELECT model_version FROM modiste.listing_enrichment") == version
        assert shop.asked == 1 + lose_copy
    assert list(store.names(Area.COPIES)) == [name]
