"""COPY from Python values: the one fast way in. Encodes PostgreSQL's text format."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from sqlalchemy import Connection, text

NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


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
    lines = ["\t".join(map(field, row)) for row in rows]
    if not lines:
        return 0
    buffer = StringIO("\n".join(lines) + "\n")
    cursor = connection.connection.cursor()
    cursor.copy_expert(f"COPY {target} FROM STDIN", buffer)
    cursor.close()
    return len(lines)


def field(value: Any) -> str:
    """One value in COPY's text format."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.translate(ESCAPES) if NEEDS_ESCAPE.search(value) else value
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return literal(value).translate(ESCAPES)


def literal(value: Any) -> str:
    """One value as PostgreSQL reads it, before COPY's escapes."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, Vector):
        return f"{{{','.join(format(x, '.5g') for x in value)}}}"
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
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
