"""Which addresses a URL out of a feed may lead to: public ones, and what the operator allowed by name."""

import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from worker.photos.errors import FetchError, FetchFault

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Public by number, yet a cloud's own machinery (Azure's wire server answers only from inside).
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})

_resolvers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolve")


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
    """Addresses to connect to, as the resolver ordered them; raises FetchError (dns, timeout, refused_host).

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
    lookup = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = lookup.result(timeout=timeout_s)
    except FutureTimeout as error:
        lookup.cancel()
        raise FetchError(FetchFault.DNS, f"{host} was not resolved in {timeout_s:.1f} s") from error
    except (OSError, UnicodeError, OverflowError) as error:
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
