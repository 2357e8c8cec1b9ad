"""Which format a feed has, by what it begins with and never by its name, and the reader for it."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Protocol

from db.rows import FeedRow, RowRejection
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.content import Content, Packing
from worker.feed.errors import EmptyFeed, FeedError, UnknownFeedFormat
from worker.feed.jsondocument import JsonDocumentFeed, find_array
from worker.feed.jsonlines import JsonLinesFeed
from worker.feed.lines import Lines, detect_encoding
from worker.feed.merchant import MerchantFeed
from worker.feed.records import Table
from worker.feed.shopify import ShopifyFeed, is_shopify
from worker.feed.tables import TableFeed

_HEAD_BYTES = 1 << 16
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_NOT_READ = (
    (b"BZh", "bzip2: unpack it first"),
    (b"\xfd7zXZ", "xz: unpack it first"),
    (b"\xff\xd8\xff", "a JPEG photo, not a feed"),
    (b"\x89PNG", "a PNG picture, not a feed"),
    (b"%PDF", "a PDF"),
)
_NOT_PACKED = (b"PAR1", *_ZIP, b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")


class FeedFormat(StrEnum):
    """The formats that are read."""

    TABLE = "table"
    SHOPIFY = "shopify"
    JSON_LINES = "json_lines"
    JSON = "json"
    MERCHANT_XML = "merchant_xml"
    PARQUET = "parquet"
    WORKBOOK = "workbook"
    PHOTOS = "photos"


class Reader(Protocol):
    """What every format is read as."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def mapping(self) -> ColumnMapping: ...
    def rows(self) -> Iterator[FeedRow | RowRejection]: ...


def is_zip(path: Path) -> bool:
    """Whether a file is a zip."""
    with path.open("rb") as file:
        return file.read(4).startswith(_ZIP)


def recognise(content: Content, mapping: Mapping[str, str]) -> tuple[FeedFormat, Reader]:
    """The format of a file that is neither zip nor spreadsheet, and its reader.

    Raises FeedError, and BrokenOff where nothing is whole.
    """
    sample = content.sample
    if content.packing is not Packing.NONE:
        _refuse_nested(content)
    elif sample.startswith(b"PAR1"):
        from worker.feed.columnar import ParquetFeed  # pyarrow takes a quarter of a second to load

        return FeedFormat.PARQUET, ParquetFeed(content.name, content.path, mapping)
    elif sample.startswith(_ZIP):
        raise UnknownFeedFormat(feed=content.name, what="a zip in a zip: unpack it first")
    for magic, what in _NOT_READ:
        if sample.startswith(magic):
            raise UnknownFeedFormat(feed=content.name, what=what)
    return _text(content, mapping)


def _refuse_nested(content: Content) -> None:
    if content.sample.startswith(_NOT_PACKED):
        what = f"{content.packing} around something that is packed itself: unpack it first"
        raise UnknownFeedFormat(feed=content.name, what=what)


def _text(content: Content, mapping: Mapping[str, str]) -> tuple[FeedFormat, Reader]:
    encoding = detect_encoding(content.sample)
    start = content.sample[:_HEAD_BYTES].decode(encoding, errors="ignore").lstrip()
    if not start and len(content.sample) < _HEAD_BYTES:
        next(content.blocks(), None)  # raises BrokenOff where not even the beginning could be unpacked
        raise EmptyFeed(feed=content.name)
    if start.startswith("<"):
        return FeedFormat.MERCHANT_XML, MerchantFeed(content, mapping)
    if start.startswith("["):
        return _json_document(content, encoding, mapping, is_array=True)
    if start.startswith("{"):
        return _json(content, encoding, mapping)
    table = Table(content, encoding)
    if is_shopify(table.columns, mapping):
        return FeedFormat.SHOPIFY, ShopifyFeed(table, mapping)
    return FeedFormat.TABLE, TableFeed(table, mapping)


def _json(content: Content, encoding: str, mapping: Mapping[str, str]) -> tuple[FeedFormat, Reader]:
    """JSON Lines where the first line is an object, unless it is all there is and no listing by itself."""
    lines = list(islice((line for line in Lines([content.sample], encoding) if not line.isspace()), 2))
    if _is_object(lines[0]) and (len(lines) == 2 or _has_id(content.name, json.loads(lines[0]), mapping)):
        return FeedFormat.JSON_LINES, JsonLinesFeed(content, encoding, mapping)
    return _json_document(content, encoding, mapping, is_array=False)


def _json_document(
    content: Content, encoding: str, mapping: Mapping[str, str], *, is_array: bool
) -> tuple[FeedFormat, Reader]:
    array = find_array(content, encoding, is_array=is_array)
    if array is None:
        return FeedFormat.JSON_LINES, JsonLinesFeed(content, encoding, mapping)
    return FeedFormat.JSON, JsonDocumentFeed(content, encoding, array, mapping)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _has_id(name: str, listing: Mapping[str, object], mapping: Mapping[str, str]) -> bool:
    try:
        match_columns(name, tuple(listing), mapping)
    except FeedError:
        return False
    return True
