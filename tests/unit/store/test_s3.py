"""The store in a bucket, on a real S3 server on this machine; and on servers that hang, or send slowly."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import s3fs

from store import Area, NoBucket, NotInStore, Store, StoreUnreachable, remote


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "example")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer  # takes seconds to load

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Drips(BaseHTTPRequestHandler):
    """An object that comes in pieces, with a pause before each."""

    pieces, pause_s = 10, 0.2

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(self.pieces))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        for _ in range(self.pieces):
            time.sleep(self.pause_s)
            self.wfile.write(b"x")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Sips(Drips):
    """A server that takes what is sent a little at a time, more than sockets hold."""

    size, took_s = 32 * 2**20, 0.0

    def do_PUT(self) -> None:
        began = time.monotonic()
        for _ in range(8):
            time.sleep(0.3)
            self.rfile.read(self.size // 8)
        type(self).took_s = time.monotonic() - began
        self.send_response(200)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", "0")
        self.end_headers()


class Hangs(Drips):
    """A server that takes questions and says nothing."""

    asked = 0

    def handle(self) -> None:
        type(self).asked += 1
        time.sleep(3)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    servers: list[ThreadingHTTPServer] = []

    def started(handler: type[BaseHTTPRequestHandler]) -> None:
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[0].serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{servers[0].server_port}")

    yield started
    for server in servers:
        server.shutdown()


def test_a_bucket_that_is_not_there_is_said_by_whatever_needs_it(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    store = Store.open("s3://no-such-bucket/modiste")
    (tmp_path / "feed.csv").write_bytes(b"x")
    for step in (
        lambda: store.put(Area.PHOTOS, b"x"),
        lambda: store.write(Area.FEEDS, "a", b"x"),
        lambda: store.put_file(Area.FEEDS, tmp_path / "feed.csv"),
        lambda: store.put_folder(Area.MODELS, "m", tmp_path),
        lambda: store.read(Area.FEEDS, "a"),
        lambda: store.has_photo("0" * 64),
        lambda: store.require_folder(Area.MODELS, "m"),
        lambda: store.remove(Area.FEEDS, "a"),
        lambda: store.remove_folder(Area.MODELS, "m"),
    ):
        with pytest.raises(NoBucket, match=r"s3://no-such-bucket/modiste\. Create it, or check its name"):
            step()


def test_a_bucket_that_is_there_keeps_files_and_lacks_others(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir("kept")
    store = Store.open("s3://kept/modiste")
    large = tmp_path / "photos.zip"
    large.write_bytes(bytes(12 * 2**20))  # more than one part
    name = store.put_file(Area.FEEDS, large)
    assert store.fetch_file(Area.FEEDS, name, tmp_path / "cache").read_bytes() == large.read_bytes()
    assert not store.has_photo("0" * 64)
    store.remove(Area.FEEDS, "none")
    with pytest.raises(NotInStore):
        store.read(Area.PHOTOS, "0" * 64)


@pytest.mark.parametrize(
    "step",
    [lambda store: store.read(Area.FEEDS, "a"), lambda store: store.write(Area.FEEDS, "a", b"small")],
    ids=["read", "write"],
)
def test_a_store_that_hangs_is_given_up_soon(
    serve: Any, monkeypatch: pytest.MonkeyPatch, step: Callable[[Store], object]
) -> None:
    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr(Hangs, "asked", 0)
    serve(Hangs)
    began = time.monotonic()
    with pytest.raises(StoreUnreachable, match=r"s3://any/modiste cannot be read or written: "):
        step(Store.open("s3://any/modiste"))
    assert Hangs.asked == remote.ATTEMPTS**2
    assert time.monotonic() - began < Hangs.asked * remote.READ_TIMEOUT_S + 4  # botocore pauses for up to a second


def test_the_times_that_are_set_make_half_a_minute() -> None:
    assert 25 <= remote.ATTEMPTS**2 * remote.READ_TIMEOUT_S <= 35


def test_what_goes_slowly_is_sent_to_its_end(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 1)
    serve(Sips)
    Store.open("s3://any/modiste").write(Area.FEEDS, "a", bytes(Sips.size))
    assert Sips.took_s > remote.READ_TIMEOUT_S


def test_what_comes_slowly_and_comes_is_read_to_its_end(
    serve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(remote, "READ_TIMEOUT_S", 1)
    serve(Drips)
    assert Drips.pieces * Drips.pause_s > remote.READ_TIMEOUT_S
    assert Store.open("s3://any/modiste").fetch_file(Area.FEEDS, "a", tmp_path).read_bytes() == b"x" * Drips.pieces
