"""Image servers on loopback that do what image servers on the internet do: for benchmarks/fetching.py and the tests.

A URL's first folder says how it is answered (`Host.url`); what a server is told to do `always` goes before.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

HUGE_BYTES = 5 * 1024**3


def jpeg(size_px: int) -> bytes:
    """A photo with something to see in it."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((size_px, size_px)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


class Host(ThreadingHTTPServer):
    """One server. `asked` counts its requests; `stall_s` is how long it says nothing where it stalls."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, address: str = "127.0.0.1", always: str | None = None, size_px: int = 64) -> None:
        super().__init__((address, 0), _Answer)
        self.address = address
        self.always = always
        self.stall_s = 30.0
        self.retry_after_s = 1
        self.photo = jpeg(size_px)
        self.asked = 0

    @property
    def name(self) -> str:
        """As MODISTE_ALLOW_HOSTS names it."""
        return f"{self.address}:{self.server_port}"

    def url(self, how: str, name: object) -> str:
        """`how` is a status or one of good, cut, page, called_page, inward, metadata, file, stall, huge, endless."""
        return f"http://{self.name}/{how}/{name}.jpg"


class _Answer(BaseHTTPRequestHandler):
    server: Host
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked += 1
        how = self.server.always or self.path.split("/")[1]
        if how.isdecimal():
            self._say(int(how), b"no", {"Retry-After": str(self.server.retry_after_s)} if how == "429" else {})
        else:
            _ANSWERS[how](self)

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _photo(self) -> bytes:
        """The photo with its URL behind the image's end: each URL has a content of its own."""
        return self.server.photo + self.path.encode()

    def _good(self) -> None:
        self._say(200, self._photo(), {"Content-Type": "image/jpeg"})

    def _called_page(self) -> None:
        self._say(200, self._photo(), {"Content-Type": "text/html"})

    def _page(self) -> None:
        self._say(200, b"<!doctype html><title>One moment, please</title>", {"Content-Type": "image/jpeg"})

    def _cut(self) -> None:
        self._say(200, self._photo()[:200], {"Content-Length": str(len(self._photo()))})
        self.close_connection = True

    def _inward(self) -> None:
        self._say(302, b"", {"Location": f"http://127.0.0.1:{self.server.server_port + 1}/good/inside.jpg"})

    def _metadata(self) -> None:
        self._say(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})

    def _file(self) -> None:
        self._say(302, b"", {"Location": "file:///etc/passwd"})

    def _stall(self) -> None:
        time.sleep(self.server.stall_s)
        self.close_connection = True

    def _huge(self) -> None:
        self._pour({"Content-Length": str(HUGE_BYTES)})

    def _endless(self) -> None:
        self._pour({"Connection": "close"})

    def _pour(self, headers: dict[str, str]) -> None:
        """5 GB, or as much as is taken."""
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        block = bytes(1 << 20)
        for _ in range(HUGE_BYTES // len(block)):
            self.wfile.write(block)

    def log_message(self, *_: object) -> None: ...

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return  # the client hung up, as it may


_ANSWERS: dict[str, Callable[[_Answer], None]] = {
    "good": _Answer._good,
    "called_page": _Answer._called_page,
    "page": _Answer._page,
    "cut": _Answer._cut,
    "inward": _Answer._inward,
    "metadata": _Answer._metadata,
    "file": _Answer._file,
    "stall": _Answer._stall,
    "huge": _Answer._huge,
    "endless": _Answer._endless,
}


@contextmanager
def serving(*hosts: Host) -> Iterator[None]:
    """Serves until the block ends."""
    with ExitStack() as stack:
        for host in hosts:
            stack.callback(host.server_close)
            threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(host.shutdown)
        yield
