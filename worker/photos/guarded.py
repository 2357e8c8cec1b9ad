"""HTTP(S) for URLs that strangers wrote: the address checked is the one connected to, one deadline for all.

Stands on httpcore2's connection pool rather than on a client: no cookies, no proxies, no netrc, nothing kept
between two requests but open connections.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLCertVerificationError, SSLContext
from typing import Any

import httpcore2

from worker.photos.addresses import AllowedHosts, resolve
from worker.photos.errors import FetchError, FetchFault

# At DEBUG it writes down every header: a Location may hold credentials, and often a signature.
logging.getLogger("httpcore2").setLevel(logging.INFO)

_deadline: ContextVar[float] = ContextVar("deadline")


def _left_s(timeout_s: float | None) -> float:
    """Seconds left of the request's deadline, at most `timeout_s`; raises ReadTimeout when none are left."""
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the deadline of the whole request passed")
    return left if timeout_s is None else min(left, timeout_s)


class _DeadlineStream(httpcore2.NetworkStream):
    """A connection whose every operation ends at the request's deadline: a server that drips wins nothing."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _left_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore2.NetworkBackend):
    """Connects to addresses it checked itself; TLS and the Host header keep the name."""

    def __init__(self, allowed: AllowedHosts) -> None:
        self._allowed = allowed
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = resolve(host, port, self._allowed, _left_s(timeout))
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, _left_s(timeout) / 2, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, _left_s(timeout), local_address, socket_options)

    def _connect(
        self, address: str, port: int, timeout_s: float, local: str | None, options: Iterable[Any] | None
    ) -> httpcore2.NetworkStream:
        return _DeadlineStream(self._inner.connect_tcp(address, port, timeout_s, local, options))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A response whose body has not been read; header names in lower case, latin-1."""

    status: int
    headers: dict[str, str]
    body: Iterator[bytes]


class GuardedPool:
    """Connections to image and feed servers. Thread-safe; close it when done."""

    def __init__(self, *, allowed: AllowedHosts, max_connections: int, step_timeout_s: float) -> None:
        self._step_timeout_s = step_timeout_s
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=15,
            network_backend=_GuardedBackend(allowed),
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    @contextmanager
    def get(
        self, url: httpcore2.URL, headers: Mapping[bytes | str, bytes | str], *, deadline: float
    ) -> Iterator[Answer]:
        """One GET, redirects not followed; `deadline` on the monotonic clock ends the body too.

        Raises FetchError: dns, unknown_host, refused_host, timeout, connection, certificate, cut_short, bad_response.
        """
        token = _deadline.set(deadline)
        try:
            with (
                _typed_errors(),
                self._pool.stream("GET", url, headers=headers, extensions=self._timeouts()) as got,
            ):
                names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in got.headers}
                yield Answer(status=got.status, headers=names, body=got.iter_stream())
        finally:
            _deadline.reset(token)

    def _timeouts(self) -> dict[str, dict[str, float]]:
        return {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _left_s(self._step_timeout_s))}


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise FetchError(FetchFault.TIMEOUT, str(error) or "the server took too long") from error
    except httpcore2.ProtocolError as error:
        raise FetchError(_fault_of_protocol(str(error)), str(error) or "the answer is not HTTP") from error
    except httpcore2.UnsupportedProtocol as error:
        raise FetchError(FetchFault.BAD_URL, str(error)) from error
    except httpcore2.NetworkError as error:
        distrusted = isinstance(error.__cause__, SSLCertVerificationError)
        fault = FetchFault.CERTIFICATE if distrusted else FetchFault.CONNECTION
        raise FetchError(fault, str(error) or "the connection broke") from error


def _fault_of_protocol(says: str) -> FetchFault:
    """h11 and httpcore2 have one class for all that is wrong with an answer, and words for what ended too early."""
    if says.startswith("Server disconnected"):
        return FetchFault.CONNECTION
    return FetchFault.CUT_SHORT if says.startswith("peer closed connection") else FetchFault.BAD_RESPONSE
