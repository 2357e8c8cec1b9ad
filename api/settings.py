"""What an API process is told, once, by whoever starts it."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path


class NoKeyBeyondLoopback(Exception):
    """An API that other machines reach needs a key: set MODISTE_API_KEY, or MODISTE_HOST to 127.0.0.1."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiSettings:
    """`key`, of scope admin, guards what is not open, as the keys of the database do.

    `cache` is this machine's folder for model versions out of the store. `max_upload_bytes`: of an import, feed and
    photos together. `rate_per_minute`: requests a key may make, 0 for as many as it likes.
    Raises `NoKeyBeyondLoopback`.
    """

    database_url: str
    broker_url: str
    store_url: str
    cache: Path
    host: str = "127.0.0.1"
    port: int = 8000
    key: str | None = None
    max_upload_bytes: int = 4 * 2**30
    rate_per_minute: int = 1200

    def __post_init__(self) -> None:
        if self.key is None and not is_loopback(self.host):
            raise NoKeyBeyondLoopback


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
