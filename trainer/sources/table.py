"""Tables of labelled photos: a file with one photo a row, and its photos in a folder or a zip beside it.

Knows lines and columns; what a word means stands in `trainer.mapping`.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from trainer.errors import SourceError
from trainer.sources.faults import Faults
from trainer.sources.photos import Read, open_photos
from trainer.sources.records import Record, read_records
from trainer.sources.spec import ROLES, Box, Row, Source, SourceSpec


def read_table(spec: SourceSpec, folder: Path, faults: Faults) -> Source:
    """The rows that are as they must be; all others are among the faults."""
    table = folder / spec.table
    lines = _lines(spec, table, faults)
    reader = RowReader(spec=spec, table=table, faults=faults)
    rows = tuple(row for row in map(reader.row, lines) if row)
    return Source(spec=spec, table=table, rows=rows, read=photos_of(spec, folder / spec.photos, faults))


def photos_of(spec: SourceSpec, photos: Path, faults: Faults) -> Read:
    """The photos; where there is no such place, a fault, and every photo is missing."""
    try:
        return open_photos(photos)
    except SourceError:
        faults.add(photos, f"neither a folder nor a zip of photos; correct `photos` of source {spec.name!r}")
        return no_photos


def no_photos(name: str) -> bytes:
    """Every photo is missing."""
    raise KeyError(name)


def _lines(spec: SourceSpec, table: Path, faults: Faults) -> list[Record]:
    before = len(faults)
    try:
        records = read_records(table, faults)
    except OSError as fault:
        faults.add(table, f"{fault.strerror}. Give the folder as --data {spec.name}=FOLDER")
        return []
    missing = [column for column in dict.fromkeys(spec.columns()) if column not in records.columns]
    if missing and (records.columns or len(faults) == before):
        there = ", ".join(records.columns) or "none"
        faults.add(table, f"no column {', '.join(missing)}; there are {there}", line=1)
    elif not records.lines and len(faults) == before:
        faults.add(table, "it has no rows")
    return [] if missing else records.lines


class RowReader:
    """Turns the words of a line into a row, or into faults."""

    def __init__(self, *, spec: SourceSpec, table: Path, faults: Faults) -> None:
        self._spec, self._table, self._faults = spec, table, faults

    def row(self, record: Record) -> Row | None:
        """None where something is wrong with it."""
        line, words = record
        before = len(self._faults)
        self._check_photo(line, words[self._spec.photo])
        self._check_split(line, words[self._spec.split] if self._spec.split else "")
        role = self._role(line, words[self._spec.role] if self._spec.role else "")
        box = self._box(line, words)
        if len(self._faults) > before:
            return None
        return Row(line=line, photo=words[self._spec.photo], words=words, box=box, role=role)

    def _check_photo(self, line: int, photo: str) -> None:
        if not photo or "\0" in photo:
            what = "it holds a zero byte" if photo else "it is empty; every row names its photo"
            self._faults.add(self._table, what, line=line, column=self._spec.photo)

    def _check_split(self, line: int, word: str) -> None:
        try:
            self._spec.our_split(word)
        except ValueError:
            what = f"{word!r} is no split; write train, dev or test, or translate it with `splits` in the recipe"
            self._faults.add(self._table, what, line=line, column=self._spec.split or "")

    def _role(self, line: int, word: str) -> str:
        if word and word not in ROLES:
            what = f"{word!r} is no role; write query, gallery or nothing"
            self._faults.add(self._table, what, line=line, column=self._spec.role or "")
        return word

    def _box(self, line: int, words: dict[str, str]) -> Box | None:
        columns = self._spec.box_columns
        try:
            return parse_box(" ".join(words[column] for column in columns))
        except ValueError as fault:
            self._faults.add(self._table, str(fault), line=line, column=", ".join(columns))
            return None


def parse_box(text: str) -> Box | None:
    """Corners from "x1 y1 x2 y2" (commas and semicolons do, too); None where empty. Raises ValueError."""
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    if not parts:
        return None
    try:
        left, top, right, bottom = (float(part) for part in parts)
    except ValueError:
        raise ValueError(f"{text!r} is no box; four numbers are needed, x1 y1 x2 y2 in pixels") from None
    if not all(math.isfinite(corner) for corner in (left, top, right, bottom)) or right <= left or bottom <= top:
        raise ValueError(f"the box {text!r} is empty; x2 must be right of x1, and y2 below y1")
    return left, top, right, bottom
