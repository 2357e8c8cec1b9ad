"""One JSON document that holds the rows: an array of objects, or an object in which one array of objects stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.columns import ColumnMapping, is_photo_column
from worker.feed.content import Content
from worker.feed.errors import BrokenOff, EmptyFeed, UnknownFeedFormat
from worker.feed.jsonvalues import JsonValues, KeyPath
from worker.feed.lines import decoded
from worker.feed.objects import SAMPLE_ROWS, ObjectRows
from worker.feed.prices import Mark
from worker.feed.rows import rejected


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundArray:
    """The array that holds the rows: the keys that lead to it (none: it is the document) and its first objects."""

    path: KeyPath
    first: tuple[dict[str, Any], ...]


class JsonDocumentFeed:
    """A feed of objects in one JSON array, numbered from 1."""

    def __init__(self, content: Content, encoding: str, array: FoundArray, explicit: Mapping[str, str]) -> None:
        if not array.first:
            raise EmptyFeed(f"{content.name} has no object in it. A JSON feed has an object for each listing.")
        self._content = content
        self._encoding = encoding
        self._path = array.path
        self._objects = ObjectRows(content.name, array.first, explicit, mark=Mark.POINT)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys seen so far."""
        return self._objects.columns

    @property
    def mapping(self) -> ColumnMapping:
        """What they are taken for."""
        return self._objects.mapping

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every element of the array; of the first other array of objects that it meets, that it is not read."""
        values = JsonValues(decoded(self._content.blocks(), self._encoding))
        number, another_told = 0, False
        for path, element in values.arrays():
            if path == self._path:
                number += 1
                yield self._objects.row(number, element, suspect=True)
            elif not another_told and _is_row(path, element):
                number, another_told = number + 1, True
                detail = f"the first object of another array, {_called(path)}, which is not read"
                yield rejected(number, RejectionReason.NOT_AN_OBJECT, detail)
        values.end()


def find_array(content: Content, encoding: str, *, is_array: bool) -> FoundArray | None:
    """The array of rows in what a document begins with; raises UnknownFeedFormat where there are several.

    `is_array`: the document is one.
    """
    found: dict[KeyPath, list[dict[str, Any]]] = {(): []} if is_array else {}
    try:
        for path, element in JsonValues(decoded([content.sample], encoding)).arrays():
            if path in found or _is_row(path, element):
                rows = found.setdefault(path, [])
                if isinstance(element, dict) and len(rows) < SAMPLE_ROWS:
                    rows.append(element)
    except BrokenOff:
        pass  # the sample ends here, or the rows break off: told when they are read
    if len(found) > 1:
        what = f"JSON with several arrays of objects ({', '.join(map(_called, found))}): leave the one of the listings"
        raise UnknownFeedFormat(feed=content.name, what=what)
    return next((FoundArray(path=path, first=tuple(rows)) for path, rows in found.items()), None)


def _is_row(path: KeyPath, element: object) -> bool:
    """Whether an array that begins so may be the feed's; objects about photos belong to one listing."""
    return isinstance(element, dict) and not (path and is_photo_column(path[-1]))


def _called(path: KeyPath) -> str:
    return repr(".".join(path)[:60])
