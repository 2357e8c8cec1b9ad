"""Spreadsheets of Excel and LibreOffice (.xlsx, .xlsm, .xlsb, .xls, .ods), unfolded by a process of their own."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed import unfold
from worker.feed.build import SUSPECT, RowBuilder
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.errors import EmptyFeed, TooManyColumns, UnknownFeedFormat, UnreadableFeed
from worker.feed.prices import Mark
from worker.feed.records import distinct
from worker.feed.rows import MAX_COLUMNS, rejected

OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The first files of office documents, whichever program wrote them.
BEGINNINGS = ("[content_types].xml", "_rels/", "docprops/", "xl/", "word/", "ppt/", "customxml/", "mimetype")
SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
BOOKS = frozenset(("xl/workbook.xml", "xl/workbook.bin"))


def is_workbook(name: str, path: Path) -> bool:
    """Whether a file is a spreadsheet; raises UnknownFeedFormat for a zip that is another office document."""
    with path.open("rb") as file:
        head = file.read(30)
        first = file.read(int.from_bytes(head[26:28], "little")).decode(errors="replace").lower()
    if head.startswith(OLD_EXCEL):
        return True
    # Unlike a zip of a million photos, an office document is known by what it begins with.
    if not head.startswith(b"PK\x03\x04") or not first.startswith(BEGINNINGS):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            kind = archive.read("mimetype")[:100] if "mimetype" in members else b""
    except Exception:  # noqa: BLE001 - a zip that is damaged is told of by whoever reads it as one
        return False
    if members & BOOKS or kind == SPREADSHEET:
        return True
    if "[Content_Types].xml" in members or kind.startswith(b"application/vnd.oasis"):
        raise UnknownFeedFormat(feed=name, what="an office document that is no spreadsheet: save it as .xlsx or CSV")
    return False


def unfolded(name: str, path: Path, folder: Path) -> Path:
    """The spreadsheet's rows as a file in `folder`, for `WorkbookFeed`; raises UnreadableFeed."""
    target = folder / "unfolded"
    # -I: what stands beside the program is no module for it.
    done = subprocess.run(  # noqa: S603 - our own program; both paths are arguments and no shell reads them
        [sys.executable, "-I", unfold.__file__, str(path.resolve()), str(target)], capture_output=True, check=False
    )
    if done.returncode == unfold.DAMAGED:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnreadableFeed(feed=name, reason=f"as a spreadsheet: {said[-1][:300] if said else 'it is damaged'}")
    if done.returncode:  # also where a signal ended it
        raise UnreadableFeed(feed=name, reason="it takes more memory or time than a spreadsheet may: save it as CSV")
    return target


class WorkbookFeed:
    """A feed in a spreadsheet that was unfolded. Rows have the numbers that the spreadsheet shows beside them."""

    def __init__(self, name: str, lines: Path, explicit: Mapping[str, str]) -> None:
        self._lines = lines
        with lines.open(encoding="utf-8") as file:
            self.sheet: str | None = json.loads(file.readline())
            header = json.loads(file.readline())[1] if self.sheet is not None else None
        if header is None:
            raise EmptyFeed(feed=name)
        header = [cell.strip() for cell in header]
        while not header[-1]:
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise TooManyColumns(feed=name, count=len(header), limit=MAX_COLUMNS)
        if any(SUSPECT.search(cell) for cell in header):
            raise UnreadableFeed(feed=name, reason="the name of a column holds a control character")
        self.columns = distinct(header)
        self.mapping: ColumnMapping = match_columns(name, self.columns, explicit)

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row below the header that is not empty."""
        builder, width = RowBuilder(self.columns, self.mapping, mark=Mark.POINT), len(self.columns)
        with self._lines.open(encoding="utf-8") as file:
            for _ in range(2):
                file.readline()
            for number, cells in map(json.loads, file):
                if cells is None:
                    yield rejected(number, RejectionReason.TOO_LONG, "a row of more than four million characters")
                elif any(cell.strip() for cell in cells[width:]):
                    detail = f"a value beyond its {width} named columns"
                    yield rejected(number, RejectionReason.WRONG_NUMBER_OF_COLUMNS, detail)
                else:
                    yield builder.build(number, (cells + [""] * width)[:width], suspect=True)
