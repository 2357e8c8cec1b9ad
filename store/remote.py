"""The store on object storage through fsspec: `s3://bucket/prefix`, or any URL fsspec has a driver for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec

from store.errors import BadStoreUrl, NoBucket, StoreUnreachable, store_error

YOUNG_S = 24 * 3600.0
# A store that hangs is given up after half a minute: botocore asks twice, and s3fs has it do so twice. How long nothing
# may come is no limit of how long a file may take: one that comes slowly comes.
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 8
ATTEMPTS = 2


class RemoteFiles:
    """Files below one prefix. An object is there whole or not at all: object storage gives that."""

    def __init__(self, url: str) -> None:
        self.where = url
        self._fs, root = _file_system(url)
        self._root = root.rstrip("/")

    def size(self, relative: str) -> int | None:
        """Bytes of the object, None where there is none; raises StoreUnreachable."""
        try:
            with self._errors():
                return int(self._fs.info(self._at(relative))["size"] or 0)
        except FileNotFoundError:
            return None

    def keep_young(self, relative: str, size: int) -> bool:
        """Whether an object of this size is there and young; one that is a day old is to be written again."""
        try:
            with self._errors():
                info = self._fs.info(self._at(relative))
        except FileNotFoundError:
            return False
        age_s = _age_s(info)
        return info["size"] == size and (age_s is None or age_s < YOUNG_S)

    def read(self, relative: str) -> bytes:
        """The object's bytes; raises FileNotFoundError, StoreUnreachable."""
        with self._errors():
            return bytes(self._fs.cat_file(self._at(relative)))

    def write(self, relative: str, data: bytes, *, durable: bool) -> None:  # noqa: ARG002 - an object is durable
        """Write or replace the object; raises NoBucket, StoreFull, StoreUnreachable."""
        try:
            with self._errors():
                self._fs.pipe_file(self._at(relative), data)
        except FileNotFoundError as error:  # of a driver that says no more: what else would be missing?
            raise NoBucket(where=self.where) from error

    def copy_in(self, relative: str, source: Path, *, durable: bool) -> None:  # noqa: ARG002
        """Upload a file of this machine in parts; raises FileNotFoundError (the source), StoreUnreachable."""
        with self._errors():
            self._fs.put_file(str(source), self._at(relative))

    def copy_out(self, relative: str, target: Path) -> None:
        """Download the object to `target`; raises FileNotFoundError, StoreUnreachable."""
        with self._errors():
            self._fs.get_file(self._at(relative), str(target))

    def remove(self, relative: str) -> None:
        """Remove the object; one that is not there is no error."""
        try:
            with self._errors():
                self._fs.rm_file(self._at(relative))
        except FileNotFoundError:
            return

    def remove_folder(self, relative: str) -> None:
        """Remove every object below `relative`; none there is no error."""
        try:
            with self._errors():
                self._fs.rm(self._at(relative), recursive=True)
        except FileNotFoundError:
            return

    def walk(self, relative: str) -> Iterator[str]:
        """Paths below `relative`, relative to it, of all objects."""
        top = self._fs._strip_protocol(self._at(relative))
        with self._errors():
            found = self._fs.find(top)
        for path in found:
            yield str(path)[len(top) :].lstrip("/")

    def walk_old(self, relative: str, older_than_s: float) -> Iterator[tuple[str, int]]:
        """Path and bytes of objects that were not written for so long; none whose age the driver does not tell."""
        top = self._fs._strip_protocol(self._at(relative))
        with self._errors():
            found = self._fs.find(top, detail=True)
        for path, info in found.items():
            age_s = _age_s(info)
            if age_s is not None and age_s > older_than_s:
                yield str(path)[len(top) :].lstrip("/"), int(info["size"] or 0)

    def _at(self, relative: str) -> str:
        return f"{self._root}/{relative}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if _of_bucket(error):
                raise NoBucket(where=self.where) from error
            raise
        except OSError as error:
            raise store_error(error, self.where) from error
        except Exception as error:  # drivers raise their own kinds (botocore's are no OSError)
            raise StoreUnreachable(where=self.where, reason=f"{type(error).__name__}: {error}") from error


def _of_bucket(error: BaseException | None) -> bool:
    """Whether the bucket is missing and not an object in it: only what the driver translated tells."""
    while error is not None:
        answer = getattr(error, "response", None)
        if isinstance(answer, Mapping) and answer.get("Error", {}).get("Code") == "NoSuchBucket":
            return True
        error = error.__cause__
    return False


def _age_s(info: Mapping[str, Any]) -> float | None:
    """Of an object, as its driver tells it; None where it does not."""
    names = ("LastModified", "last_modified", "updated", "created")
    written = next((info[name] for name in names if isinstance(info.get(name), datetime | float)), None)
    if written is None:
        return None
    if isinstance(written, float):
        written = datetime.fromtimestamp(written, UTC)
    age = datetime.now(UTC) - (written if written.tzinfo else written.replace(tzinfo=UTC))
    return float(age.total_seconds())


def _file_system(url: str) -> tuple[Any, str]:
    """fsspec's driver and the path it gives to `url`; raises BadStoreUrl."""
    protocol = url.partition("://")[0]
    # Another process writes too: a listing remembered from before would be wrong.
    options = {"use_listings_cache": False} if protocol in ("s3", "s3a", "gs", "abfs", "az") else {}
    try:
        patience = _patience() if protocol in ("s3", "s3a") else {}
        fs, root = fsspec.core.url_to_fs(url, **options, **patience)
    except ImportError as error:
        raise BadStoreUrl(url=url, reason=f"{error} (for s3:// install modiste with the extra 's3')") from error
    except (ValueError, TypeError) as error:
        raise BadStoreUrl(url=url, reason=error) from error
    if patience:
        fs.retries = ATTEMPTS
    return fs, root


def _patience() -> dict[str, Any]:
    """What has s3fs give up a store that hangs. The instance is then our own: it is told more."""
    from aiobotocore.session import AioSession
    from botocore.handlers import add_expect_header

    session = AioSession()
    # A write would ask whether it may come and wait for the answer without end; aiohttp's times do not count there.
    session.unregister("before-call.s3", add_expect_header)
    retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
    config = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S, "retries": retries}
    return {"session": session, "config_kwargs": config, "skip_instance_cache": True}
