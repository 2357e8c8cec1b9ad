"""COPY from Python values: the one fast way in. Encodes PostgreSQL's text format."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any

from sqlalchemy import Connection, text

NULL = r"\N"
needs_escape = re.compile(r"[\\\t\n\r]").search
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
encode_json = json.JSONEncoder(ensure_ascii=False).encode


class Vector(tuple[float, ...]):
    """Floats that go into a `real[]` column on their way to a halfvec, which keeps four digits of each."""

    __slots__ = ()


def stage(connection: Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> int:
    """Makes the temporary table `table` with `columns` (as in CREATE TABLE), fills it by COPY, returns its rows.

    It vanishes with the transaction, so a pooled connection stays clean.
    """
    connection.execute(text(f"CREATE TEMPORARY TABLE {table} ({columns}) ON COMMIT DROP"))
    return copy_rows(connection, f"pg_temp.{table}", rows)


def copy_rows(connection: Connection, target: str, rows: Iterable[Sequence[Any]]) -> int:
    """Copies `rows` into `target`, a table name or `table (column, …)`."""
    # Runs for every cell of a feed: what most cells are, plain text or nothing, is told without a call.
    lines = [
        "\t".join(
            [
                cell if type(cell) is str and not needs_escape(cell) else NULL if cell is None else field(cell)
                for cell in row
            ]
        )
        for row in rows
    ]
    if not lines:
        return 0
    content = "\n".join(lines) + "\n"
    cursor = connection.connection.cursor()
    # All in one piece: each piece more is a wait for whichever thread reads ahead.
    cursor.copy_expert(f"COPY {target} FROM STDIN", StringIO(content), size=len(content))
    cursor.close()
    return len(lines)


def field(value: Any) -> str:
    """One value in COPY's text format."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return value.translate(ESCAPES) if needs_escape(value) else value
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return literal(value).translate(ESCAPES)


def literal(value: Any) -> str:
    """One value as PostgreSQL reads it, before COPY's escapes."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, Vector):
        return f"{{{','.join(format(x, '.5g') for x in value)}}}"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return encode_json(dict(value))
    if isinstance(value, Sequence):
        return f"{{{','.join(elements(value))}}}"
    return str(value)


def elements(values: Sequence[Any]) -> Iterator[str]:
    """The elements of an array literal, text quoted."""
    for value in values:
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            yield f'"{escaped}"'
        else:
            yield "NULL" if value is None else str(value)
