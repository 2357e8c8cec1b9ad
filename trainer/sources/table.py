"""Tables of labelled photos: a CSV file, and its photos in a folder or a zip beside it.

Knows files, lines and columns; what a word means stands in `trainer.mapping`, what a split is in
`trainer.dataset`.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from trainer.errors import SourceError
from trainer.sources.spec import Row, Source, SourceSpec


def open_source(spec: SourceSpec, folder: Path) -> Source:
    """Reads the table and opens the photos. Raises SourceError with file, line and column."""
    table = folder / spec.table
    return Source(spec=spec, table=table, rows=tuple(_rows(spec, table)), read=_reader(folder / spec.photos))


def _rows(spec: SourceSpec, table: Path) -> list[Row]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(table, spec, reader.fieldnames or [])
            return [_row(spec, table, reader.line_num, row) for row in reader]
    except OSError as fault:
        raise SourceError(f"{table}: {fault.strerror}. Give the folder as --data {spec.name}=FOLDER.") from fault
    except UnicodeDecodeError as fault:
        raise SourceError(f"{table}: it is not UTF-8 (byte {fault.start}); save it as UTF-8.") from fault
    except csv.Error as fault:
        raise SourceError(f"{table}, line {reader.line_num}: {fault}.") from fault


def _check_columns(table: Path, spec: SourceSpec, found: Sequence[str]) -> None:
    missing = [column for column in spec.columns() if column not in found]
    if missing:
        raise SourceError(f"{table}, line 1: no column {', '.join(missing)}; there are {', '.join(found)}.")


def _row(spec: SourceSpec, table: Path, line: int, row: dict[str | None, str | None]) -> Row:
    if None in row or None in row.values():
        raise SourceError(f"{table}, line {line}: it has more or fewer fields than the header.")
    words = {str(column): (word or "").strip() for column, word in row.items()}
    if not words[spec.photo]:
        raise SourceError(f"{table}, line {line}, column {spec.photo}: it is empty; every row names its photo.")
    return Row(line=line, photo=words[spec.photo], words=words)


def _reader(photos: Path) -> Callable[[str], bytes]:
    if photos.is_dir():
        return lambda name: _from_folder(photos, name)
    try:
        archive = zipfile.ZipFile(photos)
    except (OSError, zipfile.BadZipFile) as fault:
        raise SourceError(f"{photos}: neither a folder nor a zip of photos ({fault}).") from fault
    members = {PurePosixPath(name).name: name for name in archive.namelist()} | {n: n for n in archive.namelist()}
    return lambda name: archive.read(members[name])


def _from_folder(photos: Path, name: str) -> bytes:
    path = photos / name
    if not path.resolve().is_relative_to(photos.resolve()) or not path.is_file():
        raise KeyError(name)
    return path.read_bytes()
