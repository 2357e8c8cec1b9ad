"""Content-addressed files that every process must see, in a folder or on object storage."""

from store.errors import (
    BadStoreUrl,
    DamagedFolder,
    DifferentFolderInStore,
    InvalidName,
    NoBucket,
    NotInStore,
    StoreError,
    StoreFull,
    StoreUnreachable,
)
from store.names import THUMBNAIL_SIDES_PX, Area, report_name, thumbnail_name
from store.store import Store

__all__ = [
    "THUMBNAIL_SIDES_PX",
    "Area",
    "BadStoreUrl",
    "DamagedFolder",
    "DifferentFolderInStore",
    "InvalidName",
    "NoBucket",
    "NotInStore",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreUnreachable",
    "report_name",
    "thumbnail_name",
]
