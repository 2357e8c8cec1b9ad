"""What every writer of an export is, and the lines that those of tables write."""

import csv
import io
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from typing import BinaryIO

from db.found import FoundListing
from db.found_text import guarded

PIECE_CHARS = 1 << 18


class Writer(ABC):
    """Writes one listing after the other.

    missing: listings without something that readers of the format ask for, by its name. left_out: listings with
    something that the format has no place for, by its name.
    """

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()

    @abstractmethod
    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        """`marketplace_category`: what the marketplace calls the listing's category, where that is known and sure."""

    @abstractmethod
    def finish(self) -> None:
        """Writes what is not written yet and what stands behind the last listing."""


class CsvLines:
    """Rows of text with a delimiter between them, in UTF-8, written in pieces. guard: no cell is a formula."""

    def __init__(self, out: BinaryIO, *, delimiter: str, guard: bool) -> None:
        self._out, self._guard = out, guard
        self._buffer = io.StringIO()
        self._rows = csv.writer(self._buffer, lineterminator="\n", delimiter=delimiter)

    def write(self, cells: Iterable[str]) -> None:
        self._rows.writerow(map(guarded, cells) if self._guard else cells)
        if self._buffer.tell() > PIECE_CHARS:
            self.flush()

    def flush(self) -> None:
        self._out.write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()
