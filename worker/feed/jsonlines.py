"""JSON Lines: one object a line. Keys may come and go; a key first seen late is mapped when it comes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.build import RowBuilder
from worker.feed.cells import cell_text, photo_text
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.errors import TooManyColumns
from worker.feed.lines import Lines
from worker.feed.rows import MAX_COLUMNS, MAX_LINE_CHARS

_SAMPLE_ROWS = 200


class JsonLinesFeed:
    """A feed of JSON objects. `columns` and `mapping` grow while rows are read."""

    def __init__(self, name: str, path: Path, encoding: str, explicit: Mapping[str, str]) -> None:
        self._path = path
        self._encoding = encoding
        self.columns = self._sampled_keys()
        if len(self.columns) > MAX_COLUMNS:
            raise TooManyColumns(feed=name, count=len(self.columns), limit=MAX_COLUMNS)
        self.mapping: ColumnMapping = match_columns(name, self.columns, explicit)
        self._take_shape()

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every object, in the file's order; blank lines are no rows."""
        lines = Lines(self._path, self._encoding)
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            if lines.overlong_to >= number:
                yield _rejected(number, RejectionReason.TOO_LONG, f"more than {MAX_LINE_CHARS} characters")
                continue
            # "\u0000" and lone surrogates hide behind escapes.
            yield self._row(number, line, suspect=lines.suspect_to >= number or "\\u" in line)

    def _row(self, number: int, line: str, *, suspect: bool) -> FeedRow | RowRejection:
        try:
            found = json.loads(line)
            if not isinstance(found, dict):
                return _rejected(number, RejectionReason.NOT_AN_OBJECT, f"a JSON {type(found).__name__}")
            if not found.keys() <= self._known and not self._grow(found):
                detail = f"it brings the number of columns over {MAX_COLUMNS}"
                return _rejected(number, RejectionReason.WRONG_NUMBER_OF_COLUMNS, detail)
            cells = self._cells(found)
        except (ValueError, RecursionError) as error:
            return _rejected(number, RejectionReason.NOT_AN_OBJECT, str(error)[:200])
        return self._builder.build(number, cells, suspect=suspect)

    def _cells(self, found: dict[str, Any]) -> list[str]:
        cells: list[Any] = list(map(found.get, self.columns))
        for index, value in enumerate(cells):
            if type(value) is not str:
                text = photo_text if self.columns[index] in self._photos else cell_text
                cells[index] = text(value)
        return cells

    def _grow(self, found: dict[str, Any]) -> bool:
        """Take in keys not seen before; False where that were too many."""
        fresh = [name for name in found if name not in self._known]
        if len(self.columns) + len(fresh) > MAX_COLUMNS:
            return False
        for name in fresh:
            self.mapping = self.mapping.with_column(name)
        self.columns = (*self.columns, *fresh)
        self._take_shape()
        return True

    def _take_shape(self) -> None:
        self._known = frozenset(self.columns)
        self._photos = frozenset(self.mapping.photos)
        self._builder = RowBuilder(self.columns, self.mapping)

    def _sampled_keys(self) -> tuple[str, ...]:
        keys: dict[str, None] = {}
        for number, line in enumerate(Lines(self._path, self._encoding)):
            if number >= _SAMPLE_ROWS or len(keys) > MAX_COLUMNS:
                break
            keys.update(dict.fromkeys(_keys(line)))
        return tuple(keys)


def _keys(line: str) -> list[str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return list(found) if isinstance(found, dict) else []


def _rejected(line: int, reason: RejectionReason, detail: str) -> RowRejection:
    return RowRejection(line=line, column="", reason=reason, detail=detail, external_id=None)
