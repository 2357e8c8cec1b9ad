"""Spreadsheets as feeds: what Excel shows is what is read, and none of them can take this process's memory."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from db.states import RejectionReason
from worker.feed import EmptyFeed, FeedFormat, TooManyColumns, UnknownFeedFormat, UnreadableFeed, open_feed

Read = Callable[..., Any]
OLD_EXCEL = Path(__file__).with_name("listings.xls")


def workbook(fill: Callable[[Any], None]) -> bytes:
    """The bytes of a workbook that `fill` puts sheets into."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "d mmm yyyy"}) as book:
        fill(book)
    return out.getvalue()


def table(rows: list[list[object]], *, at: tuple[int, int] = (0, 0)) -> bytes:
    """A workbook of one sheet, its first cell at `at` (row, column, from 0)."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Stock")
        for row, values in enumerate(rows, start=at[0]):
            for column, value in enumerate(values, start=at[1]):
                sheet.write(row, column, value)

    return workbook(fill)


def test_numbers_days_and_truths_read_as_a_table_would_hold_them(read: Read) -> None:
    found = read(
        table(
            [
                ["id", "title", "price", "available", "made", "changed", "sold"],
                [10000, "Röcke, <blau>", 1299.5, True, date(2011, 6, 1), datetime(2011, 6, 1, 12, 30), 0.25],
            ]
        )
    )
    (row,) = found.good
    assert found.described == "a spreadsheet, its sheet Stock"
    assert (row.listing.external_id, row.listing.title) == ("10000", "Röcke, <blau>")
    assert (row.listing.price, row.listing.available) == (Decimal("1299.5"), True)
    assert row.listing.metadata == {"made": "2011-06-01", "changed": "2011-06-01T12:30:00", "sold": "0.25"}


def test_rows_have_the_numbers_that_excel_shows_and_empty_ones_are_none(read: Read) -> None:
    rows: list[list[object]] = [["id", "price"], ["A", 1], [], ["B", "abc"], ["", ""], ["C", 3]]
    found = read(table(rows, at=(3, 2)))
    assert [(row.line, row.listing.external_id) for row in found.good] == [(5, "A"), (9, "C")]
    assert found.rejected == [(7, "price", RejectionReason.BAD_PRICE)]


def test_the_first_sheet_in_sight_that_holds_something_is_read(read: Read) -> None:
    def fill(book: Any) -> None:
        book.add_worksheet("Empty")
        hidden = book.add_worksheet("Hidden")
        hidden.write_row(0, 0, ["id"])
        hidden.hide()
        for name in ("Stock", "Notes"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["id"])
            sheet.write_row(1, 0, [name])

    found = read(workbook(fill))
    assert (found.described, found.ids) == ("a spreadsheet, its sheet Stock", ["Stock"])


def test_a_value_under_no_name_rejects_its_row_alone(read: Read) -> None:
    found = read(table([["id", "title", " "], ["A", "x"], ["B", "y", "", "stray"], ["C", "z"]]))
    assert found.rejected == [(3, "", RejectionReason.WRONG_NUMBER_OF_COLUMNS)]
    assert found.ids == ["A", "C"]


def test_a_row_that_is_too_long_is_rejected(read: Read) -> None:
    long = "x" * 32_000
    found = read(table([["id", *(f"c{n}" for n in range(150))], ["A"], ["B", *[long] * 150], ["C"]]))
    assert found.rejected == [(3, "", RejectionReason.TOO_LONG)]
    assert found.ids == ["A", "C"]


def test_old_excel_files_and_libreoffices_are_read(read: Read) -> None:
    assert read(OLD_EXCEL).ids == ["A1", "A2"]
    assert read(open_document(SPREADSHEET)).ids == ["A1", "A2"]


def test_a_cell_in_the_last_corner_takes_no_memory_of_ours(read: Read) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "id")
        sheet.write(1_048_575, 16_383, "here")

    with pytest.raises(UnreadableFeed, match="more memory or time than a spreadsheet may: save it as CSV"):
        read(workbook(fill))


def test_what_is_no_table_is_refused_in_words(read: Read) -> None:
    with pytest.raises(EmptyFeed):
        read(workbook(lambda book: book.add_worksheet()))
    with pytest.raises(TooManyColumns):
        read(table([[f"c{n}" for n in range(2_001)]]))
    with pytest.raises(UnreadableFeed, match="as a spreadsheet"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(UnreadableFeed, match="control character"):
        read(open_document(SPREADSHEET, name="i\x7fd"))
    with pytest.raises(UnknownFeedFormat, match="an office document that is no spreadsheet"):
        read(open_document("application/vnd.oasis.opendocument.text"))
    with pytest.raises(UnknownFeedFormat, match="an office document that is no spreadsheet"):
        read(zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": "<document/>"}))


def test_a_workbook_may_lie_in_a_zip_beside_its_photos(tmp_path: Path) -> None:
    path = tmp_path / "shop.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"photo")
        archive.writestr("stock.xlsx", table([["id", "image"], ["A", "a.jpg"]]))
    with open_feed(path, scratch=tmp_path) as feed:
        assert feed.described == "a spreadsheet, its sheet Stock (stock.xlsx in the zip, with photos beside it)"
        assert feed.format is FeedFormat.WORKBOOK
        assert [row.photos for row in feed.rows()] == [("a.jpg",)]
        assert [row.photos for row in feed.rows()] == [("a.jpg",)]  # from the start at each call
    assert list(tmp_path.iterdir()) == [path]


SPREADSHEET = "application/vnd.oasis.opendocument.spreadsheet"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def open_document(kind: str, *, name: str = "id") -> bytes:
    names = " ".join(f'xmlns:{prefix}="{OFFICE}:{prefix}:1.0"' for prefix in ("office", "table", "text"))
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        "</table:table-row>"
        for cell in (name, "A1", "A2")
    )
    body = f'<office:spreadsheet><table:table table:name="Stock">{rows}</table:table></office:spreadsheet>'
    content = f"<office:document-content {names}><office:body>{body}</office:body></office:document-content>"
    manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    return zipped({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def zipped(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()
