"""JSON Lines: one object a line."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.columns import ColumnMapping
from worker.feed.content import Content
from worker.feed.lines import Lines
from worker.feed.objects import SAMPLE_ROWS, ObjectRows
from worker.feed.prices import Mark
from worker.feed.rows import MAX_LINE_CHARS, rejected


class JsonLinesFeed:
    """A feed of a JSON object a line."""

    def __init__(self, content: Content, encoding: str, explicit: Mapping[str, str]) -> None:
        self._content = content
        self._encoding = encoding
        self._objects = ObjectRows(content.name, self._first_objects(), explicit, mark=Mark.POINT)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys seen so far."""
        return self._objects.columns

    @property
    def mapping(self) -> ColumnMapping:
        """What they are taken for."""
        return self._objects.mapping

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every object, in the file's order; blank lines are no rows."""
        lines = Lines(self._content.blocks(), self._encoding)
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            if lines.overlong_to >= number:
                yield rejected(number, RejectionReason.TOO_LONG, f"more than {MAX_LINE_CHARS} characters")
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield rejected(number, RejectionReason.NOT_AN_OBJECT, str(error)[:200])
                continue
            # "\u0000" and lone surrogates hide behind escapes.
            yield self._objects.row(number, found, suspect=lines.suspect_to >= number or "\\u" in line)

    def _first_objects(self) -> Iterator[dict[str, Any]]:
        for line in islice(Lines([self._content.sample], self._encoding), SAMPLE_ROWS):
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found
