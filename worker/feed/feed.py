"""Opening a feed: where it lies, which format it has, and the one shape all formats are read in."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from db.rows import FeedRow, RowRejection
from worker.feed.bundle import feed_within
from worker.feed.columns import ColumnMapping
from worker.feed.content import Content
from worker.feed.errors import BrokenOff, DamagedFeed, UnreadableFeed
from worker.feed.exported import ExportedFeed, is_exported
from worker.feed.photolist import PhotoListFeed
from worker.feed.recognise import FeedFormat, Reader, is_zip, recognise
from worker.feed.source import feed_name, on_disk
from worker.feed.workbook import WorkbookFeed, is_workbook, unfolded

_WORDS = {
    FeedFormat.TABLE: "a table of delimited text",
    FeedFormat.SHOPIFY: "a Shopify product CSV",
    FeedFormat.JSON_LINES: "JSON Lines",
    FeedFormat.JSON: "one JSON document",
    FeedFormat.MERCHANT_XML: "Google Merchant XML",
    FeedFormat.PARQUET: "Parquet",
    FeedFormat.WORKBOOK: "a spreadsheet",
    FeedFormat.PHOTOS: "photos, each of them a listing",
}
_GUARDED = frozenset((FeedFormat.TABLE, FeedFormat.WORKBOOK))
_COUNTED_IN_LINES = frozenset((FeedFormat.TABLE, FeedFormat.SHOPIFY, FeedFormat.JSON_LINES))


class Feed:
    """An open feed. Close it when done, or use it as a context: what was downloaded for it goes then."""

    def __init__(self, *, name: str, opened: "_Opened", cleanup: ExitStack) -> None:
        self.name = name
        self.format = opened.format
        self.described = opened.described
        """What the feed was recognised as, in words for a person."""
        self.photos_path = opened.photos_path
        """The folder or zip of the photos that came with the feed, until it is closed; None where none did."""
        self._reader = opened.reader
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

        Raises UnreadableFeed, UnpacksTooLarge, and DamagedFeed, after all good rows, where it cannot be read on.
        """
        line = 0
        try:
            for row in self._reader.rows():
                line = row.line
                yield row
        except BrokenOff as error:
            unit = "line" if self.format in _COUNTED_IN_LINES else "row"
            raise DamagedFeed(feed=self.name, where=f"{unit} {line}", reason=error) from error
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
            opened = _opened(name, path, mapping or {}, scratch=scratch, cleanup=cleanup)
        except BrokenOff as error:
            raise DamagedFeed(feed=name, where="its beginning", reason=error) from error
        except OSError as error:
            raise UnreadableFeed(feed=name, reason=error.strerror or error) from error
        return Feed(name=name, opened=opened, cleanup=cleanup.pop_all())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """What a feed turned out to be."""

    format: FeedFormat
    described: str
    reader: Reader
    photos_path: Path | None = None


def _opened(name: str, path: Path, mapping: Mapping[str, str], *, scratch: Path | None, cleanup: ExitStack) -> _Opened:
    if not path.is_dir() and (not is_zip(path) or is_workbook(name, path)):
        return _opened_file(name, path, mapping, scratch=scratch, cleanup=cleanup)
    within = None if path.is_dir() else feed_within(name, path, scratch=scratch, cleanup=cleanup)
    if within is None:
        words = _WORDS[FeedFormat.PHOTOS]
        return _Opened(format=FeedFormat.PHOTOS, described=words, reader=PhotoListFeed(name, path), photos_path=path)
    opened = _opened_file(f"{within.member} in {name}", within.path, mapping, scratch=scratch, cleanup=cleanup)
    beside = ", with photos beside it" if within.has_photos else ""
    described = f"{opened.described} ({within.member} in the zip{beside})"
    return replace(opened, described=described, photos_path=path if within.has_photos else None)


def _opened_file(
    name: str, path: Path, mapping: Mapping[str, str], *, scratch: Path | None, cleanup: ExitStack
) -> _Opened:
    reader: Reader
    if is_workbook(name, path):
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(dir=scratch, prefix="modiste-feed-"))
        book = WorkbookFeed(name, unfolded(name, path, Path(folder)), mapping)
        found, reader, more = FeedFormat.WORKBOOK, book, f", its sheet {book.sheet}"
    else:
        content = Content.of(name, path)
        found, reader = recognise(content, mapping)
        more = f", packed with {content.packing}" if content.packing else ""
    if is_exported(reader.columns):
        reader = ExportedFeed(reader, is_guarded=found in _GUARDED)
        more += ", written by modiste export"
    return _Opened(format=found, described=f"{_WORDS[found]}{more}", reader=reader)
