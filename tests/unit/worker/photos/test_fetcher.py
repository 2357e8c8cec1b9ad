"""Fetching from a real server in this process, which stands on a private address as an attacker's target would."""

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worker.photos import FetchError, FetchFault, PhotoFetcher
from worker.photos.addresses import is_public

PHOTO = b"\xff\xd8" + b"photo" * 1000


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
        self._answer(200, PHOTO, {"ETag": '"v1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"})

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

    def _promised(self) -> None:
        self._answer(200, b"", {"Content-Length": str(5 * 1024**3)})

    def _endless(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x" * 9999)

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
    assert (photo.etag, photo.last_modified) == ('"v1"', "Mon, 01 Jan 2024 00:00:00 GMT")


def test_redirects_are_followed_and_named(fetcher: PhotoFetcher, port: int) -> None:
    photo = fetcher.fetch(f"http://localhost:{port}/moved")
    assert (photo.data, photo.final_url) == (PHOTO, f"http://localhost:{port}/photo")


def test_the_server_sees_the_name_not_the_checked_address(fetcher: PhotoFetcher, port: int) -> None:
    assert fetcher.fetch(f"http://localhost:{port}/host").data == f"localhost:{port}".encode()


def test_an_insisted_gzip_is_undone(fetcher: PhotoFetcher, port: int) -> None:
    assert fetcher.fetch(f"http://localhost:{port}/zipped").data == PHOTO


@pytest.mark.parametrize(
    ("path", "fault", "retryable"),
    [
        ("404", FetchFault.NOT_FOUND, False),
        ("410", FetchFault.GONE, False),
        ("403", FetchFault.FORBIDDEN, False),
        ("418", FetchFault.HTTP_ERROR, False),
        ("429", FetchFault.RATE_LIMITED, True),
        ("503", FetchFault.SERVER_ERROR, True),
        ("empty", FetchFault.EMPTY, False),
        ("loop", FetchFault.TOO_MANY_REDIRECTS, False),
        ("to_file", FetchFault.BAD_URL, False),
        ("inward", FetchFault.REFUSED_HOST, False),
        ("promised", FetchFault.TOO_LARGE, False),
        ("zip_bomb", FetchFault.TOO_LARGE, False),
        ("cut", FetchFault.BAD_RESPONSE, True),
        ("drip", FetchFault.TIMEOUT, True),
    ],
)
def test_each_fault_has_its_kind(
    fetcher: PhotoFetcher, port: int, path: str, fault: FetchFault, retryable: bool
) -> None:
    error = _fault(fetcher, f"http://localhost:{port}/{path}")
    assert (error.fault, error.retryable) == (fault, retryable)


def test_an_endless_body_stops_at_the_limit(port: int) -> None:
    with PhotoFetcher(allow_hosts=["localhost"], max_bytes=50_000) as fetcher:
        start = time.monotonic()
        assert _fault(fetcher, f"http://localhost:{port}/endless").fault is FetchFault.TOO_LARGE
        assert time.monotonic() - start < 5


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


def test_a_name_nobody_knows_is_a_dns_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with PhotoFetcher() as fetcher:
        assert _fault(fetcher, "http://nowhere.example/x").fault is FetchFault.DNS


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


def test_credentials_are_refused_and_not_repeated(fetcher: PhotoFetcher, port: int) -> None:
    error = _fault(fetcher, f"http://user:secret@localhost:{port}/photo?signature=secret")
    assert error.fault is FetchFault.BAD_URL
    assert "secret" not in str(error)


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
