"""Google Merchant's product feed as XML: an RSS item or Atom entry is a row, an element in it a column."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from db.rows import FeedRow, RowRejection
from worker.feed.columns import ColumnMapping
from worker.feed.content import Content
from worker.feed.errors import BrokenOff, EmptyFeed, UnknownFeedFormat
from worker.feed.objects import SAMPLE_ROWS, ObjectRows
from worker.feed.xmlitems import NotAFeed, XmlItems


class MerchantFeed:
    """A feed of items, numbered from 1."""

    def __init__(self, content: Content, explicit: Mapping[str, str]) -> None:
        self._content = content
        self._objects = ObjectRows(content.name, self._first_items(), explicit)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the elements seen so far."""
        return self._objects.columns

    @property
    def mapping(self) -> ColumnMapping:
        """What they are taken for."""
        return self._objects.mapping

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every item, in the file's order."""
        for number, item in enumerate(self._items(self._content.blocks()), start=1):
            yield self._objects.row(number, item, suspect=True)

    def _items(self, blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        try:
            yield from XmlItems().read(blocks)
        except NotAFeed as error:
            raise UnknownFeedFormat(feed=self._content.name, what=error) from error

    def _first_items(self) -> list[dict[str, Any]]:
        first: list[dict[str, Any]] = []
        try:
            for item in islice(self._items([self._content.sample]), SAMPLE_ROWS):
                first.append(item)  # noqa: PERF402 - what came before the sample breaks off is kept
        except BrokenOff:
            if not first:
                raise
        if not first:
            raise EmptyFeed(
                f"{self._content.name} has no item in it. A product feed has an <item> or <entry> a listing."
            )
        return first
