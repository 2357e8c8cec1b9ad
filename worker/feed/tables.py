"""A feed of delimited text, a row a record."""

from collections.abc import Iterator, Mapping

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.build import RowBuilder
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.records import Table
from worker.feed.rows import MAX_LINE_CHARS, rejected


class TableFeed:
    """CSV, TSV and their relatives."""

    def __init__(self, table: Table, explicit: Mapping[str, str]) -> None:
        self._table = table
        self.columns = table.columns
        self.mapping: ColumnMapping = match_columns(table.name, table.columns, explicit)

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row after the header, in the file's order; blank lines are no rows."""
        builder = RowBuilder(self.columns, self.mapping)
        lines = self._table.lines()
        for start, cells, flaw in self._table.records(lines):
            if flaw is not None:
                yield flaw
            elif lines.overlong_to >= start:
                yield rejected(start, RejectionReason.TOO_LONG, f"a line of more than {MAX_LINE_CHARS} characters")
            else:
                yield builder.build(start, cells, suspect=lines.suspect_to >= start)
