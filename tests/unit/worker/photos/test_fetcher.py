"""Fetching from a real server in this process, which stands on a private address as an attacker's target would."""

import gzip
import ipaddress
import logging
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worker.photos import FetchError, FetchFault, PhotoFetcher
from worker.photos.addresses import is_public

PHOTO = b"\xff\xd8" + b"photo" * 1000
MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.lstrip("/").split("?")[0]
        if name.isdecimal():
            self._answer(int(name), b"no", {"Retry-After": "7"})
        else:
            getattr(self, f"_{name}", self._missing)()

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _missing(self) -> None:
        self._answer(404, b"")

    def _photo(self) -> None:
        if self.headers["If-None-Match"] == '"v1"':
            self._answer(304, b"", {"ETag": '"v1"'})
        else:
            self._answer(200, PHOTO, {"ETag": '"v1"', "Last-Modified": MODIFIED})

    def _dated(self) -> None:
        if self.headers["If-Modified-Since"] == MODIFIED:
            self._answer(304, b"")
        else:
            self._answer(200, PHOTO, {"ETag": "x" * 600, "Last-Modified": MODIFIED})

    def _unasked_304(self) -> None:
        self._answer(304, b"")

    def _host(self) -> None:
        self._answer(200, self.headers["Host"].encode())

    def _empty(self) -> None:
        self._answer(200, b"")

    def _moved(self) -> None:
        self._answer(302, b"", {"Location": "photo"})

    def _loop(self) -> None:
        self._answer(302, b"", {"Location": "/loop"})

    def _to_file(self) -> None:
        self._answer(302, b"", {"Location": "file:///etc/passwd"})

    def _inward(self) -> None:
        self._answer(302, b"", {"Location": f"http://127.0.0.1:{self.server.server_address[1]}/photo"})

    def _to_credentials(self) -> None:
        self._answer(302, b"", {"Location": f"http://me:secret@localhost:{self.server.server_address[1]}/photo"})

    def _to_metadata(self) -> None:
        self._answer(302, b"", {"Location": "http://169.254.169.254/latest/meta-data"})

    def _page(self) -> None:
        self._answer(200, b"\n<!DOCTYPE html><title>Slow down</title>", {"Content-Type": "image/jpeg"})

    def _photo_called_page(self) -> None:
        self._answer(200, PHOTO, {"Content-Type": "text/html"})

    def _promised_beyond_numbers(self) -> None:
        self._answer(200, b"", {"Content-Length": "9" * 19})

    def _hung_up(self) -> None:
        self.close_connection = True

    def _promised(self) -> None:
        self._answer(200, b"", {"Content-Length": str(5 * 1024**3)})

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x" * 10_000)

    def _cut(self) -> None:
        self._answer(200, b"half", {"Content-Length": "100"})
        self.close_connection = True

    def _drip(self) -> None:
        self._answer(200, b"", {"Content-Length": "1000"})
        for _ in range(40):
            time.sleep(0.05)
            self.wfile.write(b".")

    def _zipped(self) -> None:
        self._answer(200, gzip.compress(PHOTO), {"Content-Encoding": "gzip"})

    def _zip_bomb(self) -> None:
        self._answer(200, gzip.compress(bytes(3_000_000)), {"Content-Encoding": "gzip"})

    def _half_zipped(self) -> None:
        self._answer(200, gzip.compress(PHOTO)[:20], {"Content-Encoding": "gzip"})

    def _nothing_zipped(self) -> None:
        """Compressed blocks without content, more of them than a photo may have bytes."""
        deflate = zlib.compressobj(wbits=31)
        head = deflate.compress(b"") + deflate.flush(zlib.Z_SYNC_FLUSH)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(head + b"\x00\x00\x00\xff\xff" * 300_000)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return  # the client hung up, as it should


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetcher(port: int) -> Iterator[PhotoFetcher]:
    with PhotoFetcher(allow_hosts=[f"localhost:{port}"], max_bytes=1_000_000, deadline_s=0.6) as fetcher:
        yield fetcher


def _fault(fetcher: PhotoFetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url)
    return caught.value


def test_a_photo_comes_with_what_caching_needs(fetcher: PhotoFetcher, port: int) -> None:
    photo = fetcher.fetch(f"http://localhost:{port}/photo?size=big")
    assert photo.data == PHOTO
    assert (photo.etag, photo.last_modified) == ('"v1"', MODIFIED)


@pytest.mark.parametrize("path", ["photo", "moved", "dated"])
def test_a_photo_that_is_the_same_is_not_sent_again(fetcher: PhotoFetcher, port: int, path: str) -> None:
    url = f"http://localhost:{port}/{path}"
    validator = fetcher.fetch(url).validator
    assert validator == (f"modified:{MODIFIED}" if path == "dated" else 'etag:"v1"')
    assert fetcher.refetch(url, validator) is None


@pytest.mark.parametrize("validator", [None, "", 'etag:"v0"', "of a file"])
def test_a_photo_that_may_be_another_is_sent_again(fetcher: PhotoFetcher, port: int, validator: str | None) -> None:
    photo = fetcher.refetch(f"http://localhost:{port}/photo", validator)
    assert photo is not None
    assert photo.data == PHOTO


def test_a_server_that_says_not_modified_unasked_gave_nothing(fetcher: PhotoFetcher, port: int) -> None:
    assert _fault(fetcher, f"http://localhost:{port}/unasked_304").fault is FetchFault.HTTP_ERROR


def test_redirects_are_followed_and_named(fetcher: PhotoFetcher, port: int) -> None:
    photo = fetcher.fetch(f"http://localhost:{port}/moved")
    assert (photo.data, photo.final_url) == (PHOTO, f"http://localhost:{port}/photo")


def test_the_server_sees_the_name_not_the_checked_address(fetcher: PhotoFetcher, port: int) -> None:
    assert fetcher.fetch(f"http://localhost:{port}/host").data == f"localhost:{port}".encode()


def test_an_insisted_gzip_is_undone(fetcher: PhotoFetcher, port: int) -> None:
    assert fetcher.fetch(f"http://localhost:{port}/zipped").data == PHOTO


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("404", FetchFault.NOT_FOUND),
        ("410", FetchFault.GONE),
        ("403", FetchFault.FORBIDDEN),
        ("418", FetchFault.HTTP_ERROR),
        ("429", FetchFault.RATE_LIMITED),
        ("503", FetchFault.SERVER_ERROR),
        ("empty", FetchFault.EMPTY),
        ("page", FetchFault.WEB_PAGE),
        ("loop", FetchFault.TOO_MANY_REDIRECTS),
        ("to_file", FetchFault.BAD_URL),
        ("to_credentials", FetchFault.BAD_URL),
        ("inward", FetchFault.REFUSED_HOST),
        ("to_metadata", FetchFault.REFUSED_HOST),
        ("promised", FetchFault.TOO_LARGE),
        ("promised_beyond_numbers", FetchFault.TOO_LARGE),
        ("zip_bomb", FetchFault.TOO_LARGE),
        ("nothing_zipped", FetchFault.TOO_LARGE),
        ("half_zipped", FetchFault.CUT_SHORT),
        ("cut", FetchFault.CUT_SHORT),
        ("hung_up", FetchFault.CONNECTION),
        ("drip", FetchFault.TIMEOUT),
    ],
)
def test_each_fault_has_its_kind(fetcher: PhotoFetcher, port: int, path: str, fault: FetchFault) -> None:
    assert _fault(fetcher, f"http://localhost:{port}/{path}").fault is fault


def test_a_photo_is_told_by_its_bytes_and_not_by_what_the_server_calls_it(fetcher: PhotoFetcher, port: int) -> None:
    assert fetcher.fetch(f"http://localhost:{port}/photo_called_page").data == PHOTO


def test_a_large_body_is_cut_without_being_held(port: int) -> None:
    limit = 2_000_000
    with PhotoFetcher(allow_hosts=["localhost"], max_bytes=limit) as fetcher:
        fetcher.fetch(f"http://localhost:{port}/photo")
        tracemalloc.start()
        assert _fault(fetcher, f"http://localhost:{port}/endless").fault is FetchFault.TOO_LARGE
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2 * limit  # the server sends five times as much


def test_a_dripping_server_is_left_when_the_deadline_passes(fetcher: PhotoFetcher, port: int) -> None:
    start = time.monotonic()
    assert _fault(fetcher, f"http://localhost:{port}/drip").fault is FetchFault.TIMEOUT
    assert time.monotonic() - start < 1.5  # the server drips for 2 s, never 0.6 s without a byte


def test_retry_after_is_kept(fetcher: PhotoFetcher, port: int) -> None:
    assert _fault(fetcher, f"http://localhost:{port}/503").retry_after_s == 7.0


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_a_private_address_is_refused_however_it_is_written(port: int, host: str) -> None:
    with PhotoFetcher() as fetcher:
        assert _fault(fetcher, f"http://{host}:{port}/photo").fault is FetchFault.REFUSED_HOST


def test_a_name_that_changes_its_address_is_judged_when_connecting(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def rebinding(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert is_public(ipaddress.ip_address(socket.getaddrinfo("shop.example", port)[0][4][0]))
    with PhotoFetcher() as fetcher:
        assert _fault(fetcher, f"http://shop.example:{port}/photo").fault is FetchFault.REFUSED_HOST


def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("10.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with PhotoFetcher() as fetcher:
        assert _fault(fetcher, "http://shop.example/x").fault is FetchFault.REFUSED_HOST


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FetchFault.UNKNOWN_HOST),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), FetchFault.DNS),
        (OSError("no file descriptor is left"), FetchFault.DNS),
    ],
)
def test_a_name_that_is_not_known_differs_from_a_resolver_that_does_not_know(
    monkeypatch: pytest.MonkeyPatch, answer: OSError, fault: FetchFault
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise answer

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with PhotoFetcher() as fetcher:
        assert _fault(fetcher, "http://nowhere.example/x").fault is fault


def test_a_lookup_that_hangs_is_left_and_holds_one_thread_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups, go_on = [], threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        lookups.append(1)
        go_on.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with PhotoFetcher(deadline_s=0.1) as fetcher:
        for _ in range(3):
            assert _fault(fetcher, "http://hangs.example/x").fault is FetchFault.DNS
    go_on.set()
    assert len(lookups) == 1


def test_a_closed_port_is_a_connection_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with PhotoFetcher(allow_hosts=["127.0.0.1"]) as fetcher:
        assert _fault(fetcher, f"http://127.0.0.1:{port}/x").fault is FetchFault.CONNECTION


@pytest.mark.parametrize(
    "url",
    ["", "photo.jpg", "file:///etc/passwd", "ftp://x/y", "http://", "http://a:99999999/", "//x/y", "http://x\0y/"],
)
def test_what_is_no_http_url_is_refused(fetcher: PhotoFetcher, url: str) -> None:
    assert _fault(fetcher, url).fault is FetchFault.BAD_URL


def test_a_refused_redirect_is_named(fetcher: PhotoFetcher, port: int) -> None:
    assert "file:/etc/passwd" in str(_fault(fetcher, f"http://localhost:{port}/to_file"))


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@localhost:{port}/photo",
        "http://localhost:{port}/404?signature=secret#secret",
        "http://localhost:{port}/to_credentials?secret",
        "http://user:secret",
        "user:secret@localhost/photo",
        "http://user:secret@[::1/photo",
        "http://user:secret@localhost:99999/photo?secret",
        "ftp://user:secret@localhost/photo?secret",
    ],
)
def test_credentials_and_queries_stand_in_no_message_and_no_log(
    fetcher: PhotoFetcher, port: int, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        error = _fault(fetcher, url.format(port=port))
    assert "secret" not in str(error) + error.detail + caplog.text


def test_proxies_of_the_environment_are_not_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with PhotoFetcher(allow_hosts=["localhost"]) as fetcher:
        assert fetcher.fetch(f"http://localhost:{port}/photo").data == PHOTO


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
        "fd00:ec2::254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::10.0.0.1",
    ],
)  # fmt: skip
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
