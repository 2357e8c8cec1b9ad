"""Photos at URLs that are asked again: what an ETag spares, what changed bytes cost, and what a new name costs."""

import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.imports import ImportStatus, import_status
from worker.enrich import Workshop, enrich_shard

Import = Callable[..., int]
Due = Callable[[], list[int]]
One = Callable[..., object]
COLOURS = {"red": (200, 10, 10), "green": (10, 200, 10), "blue": (10, 10, 200)}


class Shop(ThreadingHTTPServer):
    """Photos by path, each with an ETag of its bytes; what was asked and how it was answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.photos: dict[str, bytes] = {}
        self.answered: list[tuple[str, int]] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Answer(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        photo = self.server.photos.get(self.path.removeprefix("/"), b"")
        etag = f'"{sha256(photo).hexdigest()}"'
        status = 404 if not photo else 304 if self.headers["If-None-Match"] == etag else 200
        self.server.answered.append((self.path, status))
        self.send_response(status)
        self.send_header("ETag", etag)
        self.end_headers()
        if status == 200:
            self.wfile.write(photo)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def shop(make_jpeg: Callable[..., bytes]) -> Iterator[Shop]:
    with Shop() as shop:
        shop.photos = {f"{name}.jpg": make_jpeg(colour) for name, colour in COLOURS.items()}
        thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield shop
        shop.shutdown()
        thread.join()


@pytest.fixture
def run(import_rows: Import, workshop: Workshop, due_shards: Due, engine: Engine) -> Callable[..., ImportStatus]:
    """An import from its first row to its last photo."""

    def to_its_end(rows: dict[str, tuple[str, ...]], **how: object) -> ImportStatus:
        import_id = import_rows(rows, **how)
        while shards := due_shards():
            for shard_id in shards:
                enrich_shard(workshop, shard_id)
        with transaction(engine) as connection:
            return import_status(connection, import_id)

    return to_its_end


def seen(engine: Engine) -> dict[str, str]:
    with transaction(engine) as connection:
        rows = connection.execute(text("SELECT external_id, category FROM modiste.listing_enrichment"))
        return {row.external_id: row.category for row in rows}


def test_a_refetch_looks_only_at_photos_that_changed_and_drops_those_that_are_gone(
    run: Callable[..., ImportStatus], shop: Shop, engine: Engine, make_jpeg: Callable[..., bytes], one: One
) -> None:
    rows = {name: (shop.url(f"{name}.jpg"),) for name in COLOURS}
    first = run(rows)
    assert (first.photos_enriched, first.photos_inferred) == (3, 3)
    assert one("SELECT count(*) FROM modiste.photo WHERE validator LIKE 'etag:%'") == 3
    again = run(rows)
    assert (again.rows_unchanged, again.photos_total, len(shop.answered)) == (3, 0, 3)

    shop.photos["red.jpg"] = make_jpeg((10, 10, 250))
    del shop.photos["green.jpg"]
    shop.answered.clear()
    refetched = run(rows, refetch=True)
    assert sorted(shop.answered) == [("/blue.jpg", 304), ("/green.jpg", 404), ("/red.jpg", 200)]
    assert (refetched.rows_unchanged, refetched.photos_total, refetched.photos_inferred) == (3, 3, 1)
    assert (refetched.photos_enriched, refetched.photos_quarantined) == (2, 1)
    assert seen(engine) == {"red": "blue", "blue": "blue"}

    shop.answered.clear()
    assert run(rows, refetch=True).photos_inferred == 0
    assert sorted(shop.answered) == [("/blue.jpg", 304), ("/green.jpg", 404), ("/red.jpg", 304)]


def test_a_photo_shows_what_it_showed_until_it_is_asked(
    run: Callable[..., ImportStatus],
    shop: Shop,
    engine: Engine,
    import_rows: Import,
    one: One,
    make_jpeg: Callable[..., bytes],
) -> None:
    rows = {name: (shop.url(f"{name}.jpg"),) for name in COLOURS}
    run(rows)
    import_rows(rows, refetch=True)
    assert one("SELECT count(*) FROM modiste.photo WHERE state = 'pending'") == 3
    assert one("SELECT count(*) FROM modiste.similar_listings((SELECT min(id) FROM modiste.listing))") == 2
    with transaction(engine) as connection:
        connection.execute(text("SELECT modiste.refresh_summaries(array_agg(id)) FROM modiste.listing"))
    assert seen(engine) == {name: name for name in COLOURS}


def test_a_url_with_a_new_name_costs_a_download_and_no_inference(
    run: Callable[..., ImportStatus], shop: Shop, engine: Engine
) -> None:
    run({"a": (shop.url("red.jpg"),)})
    shop.photos["renamed.jpg"] = shop.photos["red.jpg"]
    shop.answered.clear()
    renamed = run({"a": (shop.url("renamed.jpg"),)})
    assert shop.answered == [("/renamed.jpg", 200)]
    assert (renamed.rows_changed, renamed.photos_total, renamed.photos_enriched) == (1, 1, 1)
    assert renamed.photos_inferred == 0
    assert seen(engine) == {"a": "red"}
