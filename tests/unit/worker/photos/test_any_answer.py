"""Whatever bytes a server sends, a fetch gives bytes or a FetchError that can be written down."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from worker.photos import FetchError, PhotoFetcher


class RawServer:
    """Answers each connection's first request with `says`, and hangs up."""

    def __init__(self) -> None:
        self.says = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(self.says)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def fetcher(server: RawServer) -> Iterator[PhotoFetcher]:
    """No redirect leads out of this machine: there are no other names."""
    look_up = socket.getaddrinfo

    def only_here(host: str, *rest: object, **named: object) -> object:
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *rest, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", only_here)
        with PhotoFetcher(allow_hosts=["127.0.0.1"], max_bytes=10_000, deadline_s=1.0) as fetcher:
            yield fetcher


names = st.sampled_from(
    ["Content-Length", "Transfer-Encoding", "Content-Encoding", "Location", "Retry-After", "Connection", "X"]
)
values = st.one_of(
    st.sampled_from(["chunked", "gzip", "deflate", "br", "5", "-1", "99999999999", "keep-alive", "upgrade"]),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=40),
    st.text(max_size=20).map(lambda text: f"http://{text.encode('utf-8', 'replace').decode('latin-1')}/"),
)
answers = st.builds(
    lambda status, headers, body: (
        f"HTTP/1.1 {status} Word\r\n".encode()
        + b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers)
        + b"\r\n"
        + body
    ),
    st.one_of(st.sampled_from([200, 204, 206, 301, 302, 308, 304, 429, 503]), st.integers(0, 999)),
    st.lists(st.tuples(names, values), max_size=4),
    st.binary(max_size=200),
)


@settings(max_examples=60, deadline=None)
@given(says=st.one_of(answers, st.binary(max_size=200)))
@example(says=b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
@example(says=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n")
@example(says=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000)
@example(says=b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nwhat follows")
@example(says=b"HTTP/1.1 100 Continue\r\n\r\n" * 3)
@example(says=b"HTTP/1.1 429 No\r\nRetry-After: " + b"9" * 4000 + b"\r\n\r\n")
@example(says=b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 99999 23:59:59 GMT\r\n\r\n")
@example(says=b"HTTP/1.1 302 Found\r\nLocation: http://\xed\xa0\x80.\xff/\r\n\r\n")
@example(says=b"HTTP/1.1 302 Found\r\nLocation: http://[::1%25/\r\n\r\n")
def test_any_answer_ends_in_bytes_or_in_a_fetch_error(server: RawServer, fetcher: PhotoFetcher, says: bytes) -> None:
    server.says = says
    try:
        ends_in = fetcher.fetch(f"http://127.0.0.1:{server.port}/photo").data
    except FetchError as error:
        ends_in = error.detail.encode()  # as PostgreSQL wants it: no half of a surrogate pair, and no NUL
        assert b"\0" not in ends_in
    assert ends_in
