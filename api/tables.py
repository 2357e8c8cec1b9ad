"""Tables for spreadsheets: CSV, streamed, with nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from fastapi.responses import StreamingResponse

# What Excel and its kin take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS_A_PIECE = 1_000
# For `responses=` of a route that answers with a table.
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


class TableFormat(StrEnum):
    JSON = "json"
    CSV = "csv"


def csv_answer(
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    headers: Mapping[str, str] | None = None,
) -> StreamingResponse:
    """`rows` as a CSV file called `name`, written while it is read."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **(headers or {})}
    return StreamingResponse(pieces(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def pieces(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        writer.writerow([cell(value) for value in row])
        if number % ROWS_A_PIECE == 0:
            yield emptied(buffer)
    yield emptied(buffer)


def cell(value: object) -> object:
    """A text that would be a formula is marked as text, as spreadsheets do, with a leading apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def emptied(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return piece
