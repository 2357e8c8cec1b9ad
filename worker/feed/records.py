"""Delimited text, CSV and its relatives, as records. One broken quote costs one row, not the rest of the file."""

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice

from db.rows import RowRejection
from db.states import RejectionReason
from worker.feed.build import SUSPECT
from worker.feed.content import Content
from worker.feed.errors import EmptyFeed, TooManyColumns, UnknownFeedFormat
from worker.feed.lines import Lines
from worker.feed.rows import MAX_COLUMNS, rejected

_DELIMITERS = ",;\t|"
_MAX_REPLAYS = 2_000


class Table:
    """A feed of delimited text whose first line names the columns. Which mean what is not known here."""

    def __init__(self, content: Content, encoding: str) -> None:
        self._content = content
        self._encoding = encoding
        self.name = content.name
        self.delimiter = _sniffed(list(islice(self._first_lines(), 50)))
        self.columns = distinct(self._header())

    def lines(self) -> Lines:
        """Its lines, from the start."""
        return Lines(self._content.blocks(), self._encoding)

    def records(self, lines: Lines) -> Iterator[tuple[int, list[str], RowRejection | None]]:
        """(first line, cells, None) of a record of the right width, or (first line, [], why it is rejected)."""
        return _Records(lines, self.delimiter, len(self.columns)).after_header()

    def _first_lines(self) -> Lines:
        return Lines([self._content.sample], self._encoding)

    def _header(self) -> list[str]:
        header = [cell.strip() for cell in _Records(self._first_lines(), self.delimiter, 0).first()]
        if not any(header):
            raise EmptyFeed(feed=self.name)
        if any(SUSPECT.search(cell) for cell in header):
            raise UnknownFeedFormat(feed=self.name, what="not text")
        while header and not header[-1]:
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise TooManyColumns(feed=self.name, count=len(header), limit=MAX_COLUMNS)
        return header


class _Records:
    """Records of a delimited text with the line each begins on."""

    def __init__(self, lines: Lines, delimiter: str, width: int) -> None:
        self._fresh = iter(lines)
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self._reader = csv.reader(self._handed_out(), delimiter=delimiter)
        self._width = width
        self._line = 1
        self._replays = 0

    def first(self) -> list[str]:
        """The header: the first record that is not blank; empty where there is none."""
        try:
            return next((cells for cells in self._reader if cells), [])
        except csv.Error:
            return []

    def after_header(self) -> Iterator[tuple[int, list[str], RowRejection | None]]:
        """(first line, cells, None) of a record of the right width, or (first line, [], why it is rejected)."""
        self.first()
        self._next_line()
        while True:
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                yield self._flawed(f"{error}; is a quote left open?", RejectionReason.TOO_LONG)
                continue
            if cells is None:
                return
            if len(cells) != self._width and not self._fits(cells):
                if cells:
                    detail = f"{len(cells)} values under {self._width} column names"
                    yield self._flawed(detail, RejectionReason.WRONG_NUMBER_OF_COLUMNS)
                else:
                    self._next_line()
                continue
            yield self._next_line(), cells, None

    def _fits(self, cells: list[str]) -> bool:
        """Whether all that is too much is empty, as trailing delimiters leave it; cuts it off."""
        if len(cells) > self._width and not any(cell.strip() for cell in cells[self._width :]):
            del cells[self._width :]
            return True
        return False

    def _flawed(self, detail: str, reason: RejectionReason) -> tuple[int, list[str], RowRejection]:
        """Reject the record's first line, and read its other lines again: they may be good rows of their own."""
        others = self._record[1:]
        if others and self._replays < _MAX_REPLAYS:
            self._replays += 1
            self._again.extendleft(reversed(others))
            del self._record[1:]
            detail = f"{detail} (a quote that opens in this line and is not closed in it)"
        start = self._next_line()
        return start, [], rejected(start, reason, detail)

    def _next_line(self) -> int:
        """The line on which the record just read began; the next begins behind it."""
        start = self._line
        self._line += len(self._record)
        self._record.clear()
        return start

    def _handed_out(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._fresh, None)
            if line is None:
                return
            self._record.append(line)
            yield line


def _sniffed(lines: list[str]) -> str:
    """The delimiter under which the first lines have the most columns and the same number of them."""
    return max(_DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


def _evenness(lines: list[str], delimiter: str) -> float:
    try:
        rows = [cells for cells in csv.reader(lines, delimiter=delimiter) if cells]
    except csv.Error:
        return 0.0
    if not rows or len(rows[0]) < 2:
        return 0.0
    # The last record may be cut short by the end of the sample.
    whole = rows[:-1] or rows
    return len(rows[0]) * sum(len(cells) == len(rows[0]) for cells in whole) / len(whole)


def distinct(header: list[str]) -> tuple[str, ...]:
    """The header with names for nameless columns and a number behind names that come again."""
    seen: dict[str, None] = {}
    for position, given in enumerate(header, start=1):
        name = base = given or f"column {position}"
        count = 2
        while name in seen:
            name, count = f"{base} ({count})", count + 1
        seen[name] = None
    return tuple(seen)
