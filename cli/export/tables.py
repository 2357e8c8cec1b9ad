"""Found listings as CSV and as JSON Lines: the flat table of `db.found_table`."""

from typing import BinaryIO

from cli.export.writer import CsvLines, Writer
from db.found import FoundListing
from db.found_table import FoundTable
from db.found_text import json_line, text_of


class CsvWriter(Writer):
    """A line of column names, then a row a listing."""

    def __init__(self, lines: CsvLines, table: FoundTable) -> None:
        super().__init__()
        self._lines, self._table = lines, table
        lines.write(table.columns)

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        self._lines.write(map(text_of, self._table.row(listing, marketplace_category)))

    def finish(self) -> None:
        self._lines.flush()


class JsonLinesWriter(Writer):
    """An object a listing, with the metadata that it has."""

    def __init__(self, out: BinaryIO, table: FoundTable) -> None:
        super().__init__()
        self._out, self._table = out, table

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        self._out.write(json_line(self._table.record(listing, marketplace_category)))

    def finish(self) -> None:
        """Nothing closes JSON Lines."""
