"""Lines of a CSV, JSON Lines or Parquet file as words by column: what a cell holds, not what it means.

A list in a cell becomes its values joined by `;`; null and NaN become "".
"""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from trainer.sources.faults import Faults
from trainer.sources.spec import SEPARATOR

DELIMITERS = (",", ";", "\t")
JSON_LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
CSV = (".csv", ".tsv", ".txt")
NOT_UTF8 = "it is not UTF-8; save the table as UTF-8"

Record = tuple[int, dict[str, str]]  # the line, and its words by column


@dataclass(frozen=True, kw_only=True)
class Records:
    """The columns of a file, in its order, and its lines that could be read."""

    columns: tuple[str, ...]
    lines: list[Record]


def read_records(table: Path, faults: Faults) -> Records:
    """Every line of a table by its suffix (CSV where it says nothing else). Raises OSError; other faults are
    collected."""
    if table.suffix.lower() in PARQUET:
        return _parquet(table, faults)
    with table.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return (_json_lines if table.suffix.lower() in JSON_LINES else _csv)(file, table, faults)


def _csv(file: TextIO, table: Path, faults: Faults) -> Records:
    delimiter = _delimiter(file.readline())
    file.seek(0)
    numbered = _fields(csv.reader(file, delimiter=delimiter, strict=True), table, faults)
    header = tuple(field.strip() for field in next(numbered, (1, []))[1])
    twice = [column for column, times in Counter(header).items() if times > 1]
    if twice:
        faults.add(table, f"the header names {', '.join(map(repr, twice))} twice", line=1)
    lines = []
    for line, fields in numbered:
        if len(fields) != len(header):
            faults.add(
                table, f"it has more or fewer fields than the header: {len(fields)}, not {len(header)}", line=line
            )
        elif _is_text(fields):
            lines.append((line, {column: field.strip() for column, field in zip(header, fields, strict=True)}))
        else:
            faults.add(table, NOT_UTF8, line=line)
    return Records(columns=header, lines=lines)


def _delimiter(header: str) -> str:
    """The one that cuts the header into most columns."""
    return max(DELIMITERS, key=lambda one: len(next(csv.reader([header], delimiter=one), [])))


def _fields(reader: Any, table: Path, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank, by the number of the line that it begins on."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            faults.add(table, f"it cannot be split into fields ({fault})", line=line)
            continue
        if fields:
            yield line, fields


def _is_text(fields: list[str]) -> bool:
    """Whether every byte was UTF-8: others were escaped to lone surrogates, which cannot be written again."""
    text = "".join(fields)
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _json_lines(file: TextIO, table: Path, faults: Faults) -> Records:
    columns: dict[str, None] = {}
    lines: list[Record] = []
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except ValueError as fault:
            faults.add(table, f"it is not JSON ({fault})", line=line)
            continue
        if not isinstance(value, dict):
            faults.add(table, "it is no JSON object; each line is one, with a field for each column", line=line)
        elif not _is_text([text]):
            faults.add(table, NOT_UTF8, line=line)
        else:
            columns |= dict.fromkeys(value)
            lines += _record(line, value, table, faults)
    for _, words in lines:
        words |= {column: "" for column in columns if column not in words}
    return Records(columns=tuple(columns), lines=lines)


def _parquet(table: Path, faults: Faults) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(table)
        columns = [field.name for field in file.schema_arrow if not _is_foreign(field.type)]
        lines: list[Record] = []
        for batch in file.iter_batches(columns=columns):
            for value in batch.to_pylist():
                lines += _record(len(lines) + 1, value, table, faults)
    except pa.ArrowException as fault:
        faults.add(table, f"it cannot be read as Parquet ({fault})")
        return Records(columns=(), lines=[])
    return Records(columns=tuple(columns), lines=lines)


def _is_foreign(kind: Any) -> bool:
    """Types that are no words: photos kept in the table, nested values."""
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_struct(kind) or types.is_map(kind))


def _record(line: int, value: Mapping[str, Any], table: Path, faults: Faults) -> list[Record]:
    """The line's words; none where a cell holds something that is no word."""
    words, before = {}, len(faults)
    for column, cell in value.items():
        try:
            words[column] = word_of(cell)
        except TypeError as fault:
            faults.add(table, str(fault), line=line, column=column)
    return [(line, words)] if len(faults) == before else []


def word_of(cell: object) -> str:
    """A value as a CSV would hold it. Raises TypeError for nested ones."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.12g}"  # 3.0 is the word "3"
    if isinstance(cell, list):
        return SEPARATOR.join(word for word in map(word_of, cell) if word)
    if isinstance(cell, dict | bytes):
        raise TypeError(f"a text, a number or a list of them is needed, not {type(cell).__name__}")
    return str(cell).strip()
