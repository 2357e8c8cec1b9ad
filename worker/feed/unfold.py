"""Run as a program of its own: unfolds a spreadsheet into lines of JSON, the first sheet in sight that is not empty.

The first line is the sheet's name, or null where all are empty; every other a row that holds something: [its number as
the spreadsheet shows it, its cells as text], or [its number, null] where these are too long.

A spreadsheet may ask for any amount of memory, as by one cell in the last corner of a sheet, and its reader ends the
process that has no more. So this process may take so much and no more, and nobody works beside it. It imports nothing
of modiste.
"""

import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from math import isnan
from typing import BinaryIO, TextIO

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MEMORY_BYTES = 2 * 1024**3  # a million rows of ten columns take half of it; containers of workers have three
UNFOLDED_BYTES = 8 * 1024**3
SECONDS = 900
MAX_ROW_CHARS = 1 << 22
DAMAGED, TOO_LARGE = 3, 4
MIDNIGHT = time()


def main() -> int:
    source, target = sys.argv[1:]
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, UNFOLDED_BYTES),
        (resource.RLIMIT_CPU, SECONDS),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        with open(source, "rb") as file, open(target, "w", encoding="utf-8") as lines:
            unfold(file, lines)
    except (MemoryError, OSError):  # OSError: what it unfolds to is as large as a file may be here
        return TOO_LARGE
    except BaseException as error:  # noqa: BLE001 - of what its reader panics at, the class is no Exception
        sys.stderr.write(f"\n{str(error) or type(error).__name__}")
        return DAMAGED
    return 0


def unfold(file: BinaryIO, lines: TextIO) -> None:
    workbook = CalamineWorkbook.from_filelike(file)
    for about in workbook.sheets_metadata:
        if about.visible is SheetVisibleEnum.Visible and about.typ is SheetTypeEnum.WorkSheet:
            rows = rows_of(workbook.get_sheet_by_name(about.name))
            first = next(rows, None)
            if first is not None:
                lines.write(json.dumps(about.name) + "\n" + first)
                lines.writelines(rows)
                return
    lines.write("null\n")


def rows_of(sheet: CalamineSheet) -> Iterator[str]:
    """The rows that hold something, a line each."""
    for number, values in enumerate(sheet.iter_rows(), start=1):  # all rows, and the columns that hold something
        cells = [text(value) for value in values]
        if any(cells):
            line = json.dumps([number, cells], ensure_ascii=False)
            yield f"{line if len(line) <= MAX_ROW_CHARS else json.dumps([number, None])}\n"


def text(value: object) -> str:
    """As a table would hold it: a day without a time, a whole number without a point."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime) and value.time() == MIDNIGHT:
        value = value.date()
    return value.isoformat() if isinstance(value, date) else str(value)


if __name__ == "__main__":
    sys.exit(main())
