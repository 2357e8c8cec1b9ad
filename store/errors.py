"""What can go wrong with the store. The docstring is the message.

StoreError
├── BadStoreUrl
├── InvalidName
├── NotInStore
├── DamagedFolder
├── DifferentFolderInStore
└── StoreUnavailable
    ├── NoBucket
    ├── StoreFull
    └── StoreUnreachable

A `StoreUnavailable` may pass by itself: the same call is worth repeating. The others are not.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class StoreError(Exception):
    """The store failed."""

    def __init__(self, message: str | None = None, /, **details: object) -> None:
        super().__init__(message if message is not None else (self.__doc__ or "").format(**details))


class BadStoreUrl(StoreError):
    """{url!r} is no place for a store: {reason}. Give MODISTE_STORE a folder or s3://bucket/prefix."""


class InvalidName(StoreError):
    """{name!r} cannot name a file of the store: use at most 200 of letters, digits, '.', '_', '-'."""


class NotInStore(StoreError):
    """{area}/{name} is not in the store at {where}."""


class DamagedFolder(StoreError):
    """{area}/{name} at {where} is not what was put there: {reason}. Remove it and put it again."""


class DifferentFolderInStore(StoreError):
    """{area}/{name} is in the store at {where} with other content. Choose another name, or remove it."""


class StoreUnavailable(StoreError):
    """The store cannot be used at the moment."""


class NoBucket(StoreUnavailable):
    """There is no bucket for the store {where}. Create it, or check its name in MODISTE_STORE."""


class StoreFull(StoreUnavailable):
    """No space is left in the store at {where}. Free some space or point MODISTE_STORE elsewhere."""


class StoreUnreachable(StoreUnavailable):
    """The store at {where} cannot be read or written: {reason}. Check that this user may use it."""


@contextmanager
def os_errors_as_store_errors(where: str) -> Iterator[None]:
    """Turn an `OSError` of the block into StoreFull or StoreUnreachable; FileNotFoundError passes through."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise store_error(error, where) from error


def store_error(error: OSError, where: str) -> StoreError:
    """The typed error for an `OSError` met at the store `where`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(where=where)
    return StoreUnreachable(where=where, reason=error.strerror or error)
