"""Content-addressed files that every process must see, in a folder or on object storage."""

from store.errors import (
    BadStoreUrl,
    DamagedFolder,
    DifferentFolderInStore,
    InvalidName,
    NotInStore,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from store.names import Area
from store.store import Store

__all__ = [
    "Area",
    "BadStoreUrl",
    "DamagedFolder",
    "DifferentFolderInStore",
    "InvalidName",
    "NotInStore",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnreachable",
]
