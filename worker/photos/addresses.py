"""Which addresses a URL out of a feed may lead to: public ones, and what the operator allowed by name."""

import ipaddress
import socket
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from worker.photos.errors import FetchError, FetchFault

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Public by number, yet a cloud's own machinery (Azure's wire server answers only from inside).
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})

# Answers that name servers gave; every other one says that none was to be had.
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


class _Lookups:
    """Lookups under way. A name is looked up once at a time: one that hangs holds one thread, however many ask."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolve")
        self._under_way: dict[tuple[str, int], Future[list[Any]]] = {}
        self._guard = threading.Lock()

    def begin(self, host: str, port: int) -> "Future[list[Any]]":
        """What `socket.getaddrinfo` answers or raises."""
        with self._guard:
            found = self._under_way.get((host, port))
            if found is not None:
                return found
            found = self._threads.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            self._under_way[host, port] = found
        found.add_done_callback(lambda _: self._forget(host, port))  # at once where it is done: not under the guard
        return found

    def _forget(self, host: str, port: int) -> None:
        with self._guard:
            self._under_way.pop((host, port), None)


_lookups = _Lookups()


class AllowedHosts:
    """`host` or `host:port` entries that may be private; everything else must be public."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._entries = frozenset(entry.strip().casefold() for entry in entries if entry.strip())

    def allow(self, host: str, port: int) -> bool:
        """Whether the operator allowed this host, whatever its address."""
        host = host.casefold()
        name = f"[{host}]" if ":" in host else host
        return host in self._entries or name in self._entries or f"{name}:{port}" in self._entries


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address carried inside an IPv6 one, is on the public internet."""
    return all(_is_public(part) for part in (address, *_carried(address)))


def resolve(host: str, port: int, allowed: AllowedHosts, timeout_s: float) -> list[str]:
    """Addresses to connect to, as the resolver ordered them; raises FetchError (dns, unknown_host, refused_host).

    A name with one private address among public ones is refused whole: that is what rebinding looks like.
    """
    addresses = _lookup(host, port, timeout_s)
    if not allowed.allow(host, port):
        for address in addresses:
            if not is_public(ipaddress.ip_address(address.partition("%")[0])):
                detail = f"{host} is at {address}, a private address; MODISTE_ALLOW_HOSTS may name it"
                raise FetchError(FetchFault.REFUSED_HOST, detail)
    return addresses


def _lookup(host: str, port: int, timeout_s: float) -> list[str]:
    # getaddrinfo knows no timeout, so it runs beside and is waited for only as long as there is time.
    try:
        found = _lookups.begin(host, port).result(timeout=timeout_s)
    except FutureTimeout as error:
        raise FetchError(FetchFault.DNS, f"{host} was not resolved in {timeout_s:.1f} s") from error
    except socket.gaierror as error:
        fault = FetchFault.UNKNOWN_HOST if error.errno in _NO_SUCH_NAME else FetchFault.DNS
        raise FetchError(fault, f"{host} cannot be resolved: {error.strerror}") from error
    except (UnicodeError, OverflowError) as error:
        raise FetchError(FetchFault.UNKNOWN_HOST, f"{host} cannot be a host's name: {error}") from error
    except OSError as error:
        raise FetchError(FetchFault.DNS, f"{host} cannot be resolved: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _carried(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inside: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or int(address) >> 32 == 0:
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [part for part in inside if part is not None]


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return True  # judged by the address it carries
    return address.is_global and not address.is_multicast and address not in _METADATA
