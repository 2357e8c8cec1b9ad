"""Fetching over HTTP(S): redirects, limits and typed faults on top of the guarded connections."""

import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from types import MappingProxyType, TracebackType
from typing import BinaryIO

import httpx2

from worker.photos.addresses import AllowedHosts
from worker.photos.errors import FetchError, FetchFault
from worker.photos.guarded import Answer, GuardedPool
from worker.photos.hosts import Hosts
from worker.photos.urls import as_core_url, host_name, join_url, parse_url, public_name

MAX_REDIRECTS = 5
MAX_VALIDATOR_CHARS = 500
NOT_MODIFIED = 304
_CONDITIONS = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "modiste",
    "Accept": "image/*, */*;q=0.5",
    "Accept-Encoding": "identity",
}
_FAULT_OF_STATUS = {
    401: FetchFault.FORBIDDEN,
    403: FetchFault.FORBIDDEN,
    404: FetchFault.NOT_FOUND,
    408: FetchFault.TIMEOUT,
    410: FetchFault.GONE,
    425: FetchFault.SERVER_ERROR,
    429: FetchFault.RATE_LIMITED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedPhoto:
    """The bytes a URL gave, where they came from in the end, and what HTTP caching needs to ask again."""

    data: bytes
    final_url: str
    etag: str | None
    last_modified: str | None

    @property
    def validator(self) -> str:
        """What to ask with whether the URL still gives these bytes; empty where its server said nothing for that."""
        for kind, said in (("etag", self.etag), ("modified", self.last_modified)):
            if said and said.isprintable() and len(said) <= MAX_VALIDATOR_CHARS:
                return f"{kind}:{said}"
        return ""


class PhotoFetcher:
    """Fetches URLs out of feeds. Thread-safe, connections are kept and shared; close it when done.

    `allow_hosts` names hosts (`host` or `host:port`) that may have private addresses. `deadline_s` bounds one
    `fetch` from the first lookup to the last byte, redirects included; `step_timeout_s` each wait within it. With
    `hosts` each request, redirected ones too, is made only where its host may be asked now.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        max_bytes: int = 32 * 1024 * 1024,
        deadline_s: float = 30.0,
        step_timeout_s: float = 10.0,
        max_connections: int = 64,
        hosts: Hosts | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s
        self._hosts = hosts
        self._pool = GuardedPool(
            allowed=AllowedHosts(allow_hosts), max_connections=max_connections, step_timeout_s=step_timeout_s
        )

    def __enter__(self) -> "PhotoFetcher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def fetch(self, url: str, *, urgent: bool = False) -> FetchedPhoto:
        """The photo at `url`; raises FetchError, and with `hosts` NotNow, less often so where it is `urgent`."""
        with self._follow(url, urgent=urgent) as (answer, final):
            return self._photo(answer, final)

    def refetch(self, url: str, validator: str | None, *, urgent: bool = False) -> FetchedPhoto | None:
        """The photo at `url`; None where it is still the one that had this `validator`. Raises as `fetch` does."""
        kind, _, said = (validator or "").partition(":")
        conditions: dict[bytes | str, bytes | str] = {}
        if kind in _CONDITIONS:
            conditions[_CONDITIONS[kind]] = said.encode("latin-1", "replace")
        with self._follow(url, conditions, urgent=urgent) as (answer, final):
            return None if answer.status == NOT_MODIFIED else self._photo(answer, final)

    def _photo(self, answer: Answer, final: httpx2.URL) -> FetchedPhoto:
        into = BytesIO()
        self._write(answer, into)
        data = into.getvalue()
        if not data:
            raise FetchError(FetchFault.EMPTY, f"{public_name(final)} has no content")
        if _is_web_page(data):
            raise FetchError(FetchFault.WEB_PAGE, f"{public_name(final)} is a web page, not a photo")
        return FetchedPhoto(
            data=data,
            final_url=str(final),
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
        )

    def download(self, url: str, into: BinaryIO) -> int:
        """Write what `url` gives into an open file, in pieces; returns how many bytes. Raises as `fetch` does."""
        with self._follow(url) as (answer, _):
            return self._write(answer, into)

    def _write(self, answer: Answer, into: BinaryIO) -> int:
        return sum(into.write(chunk) for chunk in _decoded(answer, self._max_bytes))

    @contextmanager
    def _follow(
        self, text: str, conditions: Mapping[bytes | str, bytes | str] = MappingProxyType({}), *, urgent: bool = False
    ) -> Iterator[tuple[Answer, httpx2.URL]]:
        """The answer at which redirects end; with `conditions` that may be NOT_MODIFIED, which has no body."""
        url = parse_url(text)
        headers = {**_HEADERS, **conditions}
        deadline = time.monotonic() + self._deadline_s
        for _ in range(MAX_REDIRECTS + 1):
            with (
                self._asking(url, urgent=urgent),
                self._pool.get(as_core_url(url), headers, deadline=deadline) as answer,
            ):
                target = _redirect(answer, url)
                if target is None:
                    if not (conditions and answer.status == NOT_MODIFIED):
                        _check(answer, url, self._max_bytes)
                    yield answer, url
                    return
            url = target
        raise FetchError(FetchFault.TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects, last {public_name(url)}")

    def _asking(self, url: httpx2.URL, *, urgent: bool) -> AbstractContextManager[None]:
        return nullcontext() if self._hosts is None else self._hosts.asking(host_name(url), urgent=urgent)


def _redirect(answer: Answer, url: httpx2.URL) -> httpx2.URL | None:
    if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
        return None
    return join_url(url, answer.headers["location"])


def _check(answer: Answer, url: httpx2.URL, max_bytes: int) -> None:
    """Refuse what is no success or too large by its own word; raises FetchError."""
    if not 200 <= answer.status < 300:
        fallback = FetchFault.SERVER_ERROR if answer.status >= 500 else FetchFault.HTTP_ERROR
        fault = _FAULT_OF_STATUS.get(answer.status, fallback)
        detail = f"{public_name(url)} answered {answer.status}"
        raise FetchError(fault, detail, retry_after_s=_retry_after_s(answer.headers.get("retry-after")))
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and float(length) > max_bytes:
        raise FetchError(FetchFault.TOO_LARGE, f"{public_name(url)} has {length} bytes, more than {max_bytes}")


def _decoded(answer: Answer, max_bytes: int) -> Iterator[bytes]:
    """The body's bytes, gzip undone where a server insists on it; raises FetchError past `max_bytes`."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return _at_most(max_bytes, answer.body)
    if encoding in ("gzip", "x-gzip", "deflate"):
        # Bounded on both sides: a little may become much, and much may become nothing.
        return _at_most(max_bytes, _inflated(_at_most(max_bytes, answer.body)))
    raise FetchError(FetchFault.BAD_RESPONSE, f"the answer is compressed with {encoding[:40]!r}, unasked")


def _at_most(max_bytes: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > max_bytes:
            raise FetchError(FetchFault.TOO_LARGE, f"the answer has more than {max_bytes} bytes")
        yield chunk


def _inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            rest = chunk
            while rest and not inflate.eof:
                yield inflate.decompress(rest, 1 << 20)
                rest = inflate.unconsumed_tail
    except zlib.error as error:
        raise FetchError(FetchFault.BAD_RESPONSE, f"the compressed answer is damaged: {error}") from error
    if not inflate.eof:
        raise FetchError(FetchFault.CUT_SHORT, "the compressed answer ends too early")


def _is_web_page(data: bytes) -> bool:
    """By its bytes: photos are often sent as text/html, and pages as image/jpeg."""
    return data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def _retry_after_s(value: str | None) -> float | None:
    """Seconds a Retry-After header asks for; None where it is absent or unreadable."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
