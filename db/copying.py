"""COPY from Python values: the one fast way in. Encodes PostgreSQL's text format."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from types import NoneType
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
    columns = [column(cells) for cells in zip(*rows, strict=True)]
    if not columns:
        return 0
    lines = list(map("\t".join, zip(*columns, strict=True)))
    content = "\n".join(lines) + "\n"
    cursor = connection.connection.cursor()
    # All in one piece: each piece more is a wait for whichever thread reads ahead.
    cursor.copy_expert(f"COPY {target} FROM STDIN", StringIO(content), size=len(content))
    cursor.close()
    return len(lines)


def column(cells: Sequence[Any]) -> Sequence[str]:
    """The values of one column in COPY's text format.

    Runs for every cell of a feed. Most columns are plain text, or of one kind: those are told at once.
    """
    kinds = set(map(type, cells))
    if len(kinds) == 1 and str not in kinds:
        return list(map(FIELDS[kinds.pop()], cells))
    if kinds <= {str, NoneType} and not needs_escape("".join(filter(None, cells))):
        return [NULL if cell is None else cell for cell in cells]
    return [FIELDS[type(cell)](cell) for cell in cells]


def field(value: Any) -> str:
    """One value in COPY's text format."""
    return FIELDS[type(value)](value)


def text_field(value: str) -> str:
    return value.translate(ESCAPES) if needs_escape(value) else str(value)


def bytes_field(value: bytes) -> str:
    return rf"\\x{value.hex()}"


def json_field(value: Mapping[str, Any]) -> str:
    return text_field(encode_json(dict(value)))


def vector_field(value: Vector) -> str:
    return f"{{{','.join(format(x, '.5g') for x in value)}}}"


def array_field(value: Sequence[Any]) -> str:
    return text_field(f"{{{','.join(elements(value))}}}")


def elements(values: Sequence[Any]) -> Iterator[str]:
    """The elements of an array literal, text quoted."""
    for value in values:
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            yield f'"{escaped}"'
        else:
            yield "NULL" if value is None else str(value)


# Of kinds that are kinds of each other, the narrower stands first.
KINDS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (NoneType, lambda _: NULL),
    (str, text_field),
    (bytes, bytes_field),
    (bool, lambda value: "t" if value else "f"),
    (Vector, vector_field),
    (Mapping, json_field),
    (Sequence, array_field),
    (object, str),
)


class _Fields(dict[type, Callable[[Any], str]]):
    """How values of a type are written, found once for each type."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        self[kind] = next(write for wider, write in KINDS if issubclass(kind, wider))
        return self[kind]


FIELDS = _Fields()
