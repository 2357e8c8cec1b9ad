"""Opening a feed: where it lies, which format it has, and the one shape all formats are read in."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol

from db.rows import FeedRow, RowRejection
from worker.feed.columns import ColumnMapping
from worker.feed.errors import EmptyFeed, UnknownFeedFormat, UnreadableFeed
from worker.feed.jsonlines import JsonLinesFeed
from worker.feed.lines import detect_encoding, read_sample
from worker.feed.photolist import PhotoListFeed
from worker.feed.source import feed_name, on_disk
from worker.feed.tables import TableFeed


class FeedFormat(StrEnum):
    """The formats that are read."""

    TABLE = "table"
    JSON_LINES = "json_lines"
    PARQUET = "parquet"
    PHOTOS = "photos"


_NOT_READ = (
    (b"\x1f\x8b", "gzip: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "zstd: unpack it first"),
    (b"BZh", "bzip2: unpack it first"),
    (b"\xff\xd8\xff", "a JPEG photo, not a feed"),
    (b"\x89PNG", "a PNG picture, not a feed"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file: save it as CSV"),
    (b"%PDF", "a PDF"),
)


class _Reader(Protocol):
    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def mapping(self) -> ColumnMapping: ...
    def rows(self) -> Iterator[FeedRow | RowRejection]: ...


class Feed:
    """An open feed. Close it when done, or use it as a context: what was downloaded for it goes then."""

    def __init__(self, *, name: str, format: FeedFormat, reader: _Reader, cleanup: ExitStack) -> None:  # noqa: A002
        self.name = name
        self.format = format
        self._reader = reader
        self._cleanup = cleanup

    @property
    def columns(self) -> tuple[str, ...]:
        """The feed's columns as it spells them."""
        return self._reader.columns

    @property
    def mapping(self) -> ColumnMapping:
        """Which column became which field, which name photos, which are metadata."""
        return self._reader.mapping

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row, good or rejected, in the feed's order, from the start at each call; memory stays bounded.

        Raises UnreadableFeed, and DamagedFeed where a Parquet file cannot be read on.
        """
        try:
            yield from self._reader.rows()
        except OSError as error:
            raise UnreadableFeed(feed=self.name, reason=error.strerror or error) from error

    def close(self) -> None:
        """Remove what was downloaded."""
        self._cleanup.close()

    def __enter__(self) -> "Feed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_feed(
    source: str | Path,
    *,
    name: str | None = None,
    mapping: Mapping[str, str] | None = None,
    allow_hosts: Iterable[str] = (),
    scratch: Path | None = None,
) -> Feed:
    """Open the feed at a path, an http(s):// URL or an object store's; raises FeedError.

    `mapping` is field → column (`photos` may name several, with commas) and wins over what names suggest.
    `allow_hosts` names hosts that may have private addresses. `scratch` is where downloads go.
    `name` is what messages call the feed, where its path would say nothing to whoever reads them.
    """
    name = name or feed_name(source)
    with ExitStack() as cleanup:
        path = on_disk(source, allow_hosts=allow_hosts, scratch=scratch, cleanup=cleanup)
        try:
            found, reader = _reader(name, path, mapping or {})
        except OSError as error:
            raise UnreadableFeed(feed=name, reason=error.strerror or error) from error
        return Feed(name=name, format=found, reader=reader, cleanup=cleanup.pop_all())


def _reader(name: str, path: Path, mapping: Mapping[str, str]) -> tuple[FeedFormat, _Reader]:
    if path.is_dir():
        return FeedFormat.PHOTOS, PhotoListFeed(name, path)
    sample = read_sample(path)
    if sample.startswith(b"PAR1"):
        from worker.feed.columnar import ParquetFeed  # pyarrow takes a quarter of a second to load

        return FeedFormat.PARQUET, ParquetFeed(name, path, mapping)
    if sample.startswith(b"PK\x03\x04") and b"[Content_Types].xml" in sample[:4096]:
        raise UnknownFeedFormat(feed=name, what="an Excel file: save it as CSV")
    if sample.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return FeedFormat.PHOTOS, PhotoListFeed(name, path)
    _refuse_known(name, sample)
    return _text_reader(name, path, sample, mapping)


def _text_reader(name: str, path: Path, sample: bytes, mapping: Mapping[str, str]) -> tuple[FeedFormat, _Reader]:
    encoding = detect_encoding(sample)
    start = sample[:65_536].decode(encoding, errors="ignore").lstrip()
    if not start and len(sample) < 65_536:
        raise EmptyFeed(feed=name)
    if start.startswith("{"):
        return FeedFormat.JSON_LINES, JsonLinesFeed(name, path, encoding, mapping)
    if start.startswith("["):
        raise UnknownFeedFormat(feed=name, what="a JSON array: write one object a line (JSON Lines)")
    if start.startswith("<"):
        raise UnknownFeedFormat(feed=name, what="XML or HTML: export it as CSV")
    return FeedFormat.TABLE, TableFeed(name, path, encoding, mapping)


def _refuse_known(name: str, sample: bytes) -> None:
    for magic, what in _NOT_READ:
        if sample.startswith(magic):
            raise UnknownFeedFormat(feed=name, what=what)
