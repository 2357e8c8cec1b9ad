"""One catalogue, written as each kind of feed that is read, gives the same listings."""

import csv
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Read = Callable[..., Any]
Row = dict[str, str]

ROWS: list[Row] = [
    {"external_id": "10000", "title": "Palm & Tree \"White\" Skirt", "brand": "Palm Tree", "gender": "Women",
     "category": "Skirts", "colour": "White", "price": "649", "currency": "INR", "season": "Summer",
     "image": "10000.jpg"},
    {"external_id": "10002", "title": "Röcke, <blau>", "brand": "Palm Tree", "gender": "Women", "category": "Skirts",
     "colour": "Blue", "price": "1299.50", "currency": "INR", "season": "", "image": "10002.jpg"},
    {"external_id": "10003", "title": "Jeans\nslim", "brand": "", "gender": "Men", "category": "Jeans",
     "colour": "", "price": "", "currency": "INR", "season": "Fall", "image": "a b.jpg"},
]  # fmt: skip
GOOGLE_SPACE = 'xmlns:g="http://base.google.com/ns/1.0"'
GOOGLE = {"external_id": "id", "category": "product_type", "colour": "color", "image": "image_link"}
OLD = {
    "external_id": "Handle", "title": "Title", "brand": "Vendor", "category": "Type", "price": "Variant Price",
    "image": "Image Src", "gender": "Google Shopping / Gender",
}  # fmt: skip
NEW = OLD | {"external_id": "URL handle", "price": "Price", "image": "Product image URL"}


def _table(rows: list[Row], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _for_google(row: Row) -> Row:
    named = {GOOGLE.get(name, name): cell for name, cell in row.items() if name != "currency"}
    return named | {"price": f"{row['price']} {row['currency']}" if row["price"] else ""}


def _xml(*, atom: bool) -> bytes:
    items = ["".join(f"<g:{name}>{escape(cell)}</g:{name}>" for name, cell in _for_google(row).items()) for row in ROWS]
    if atom:
        head, tail, name = '<feed xmlns="http://www.w3.org/2005/Atom" {}>', "</feed>", "entry"
    else:
        head, tail, name = '<rss version="2.0" {}><channel>', "</channel></rss>", "item"
    inner = "".join(f"<{name}>{item}</{name}>" for item in items)
    return f"{head.format(GOOGLE_SPACE)}{inner}{tail}".encode()


def _shopify(names: dict[str, str]) -> bytes:
    """With options in place of the colour, and the currency as Shopify does not write it: in a column of its own."""
    rows = [{names.get(name, name): cell for name, cell in row.items() if name != "colour"} for row in ROWS]
    return _table(
        [row | {"Option1 Name": "Color", "Option1 Value": said["colour"]} for row, said in zip(rows, ROWS, strict=True)]
    )


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


def _workbook() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate([list(ROWS[0]), *(list(row.values()) for row in ROWS)]):
            sheet.write_row(number, 0, cells)
    return file.getvalue()


def _zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("shop/feed.csv", _table(ROWS))
    return file.getvalue()


@pytest.mark.parametrize(
    ("described", "content"),
    [
        ("a table of delimited text, packed with gzip", gzip.compress(_table(ROWS))),
        ("a table of delimited text, packed with zstd", zstd.compress(_table(ROWS))),
        ("a table of delimited text (shop/feed.csv in the zip)", _zipped()),
        ("a table of delimited text", _table([_for_google(row) for row in ROWS], "\t")),
        ("JSON Lines", "\n".join(map(json.dumps, ROWS)).encode()),
        ("one JSON document", json.dumps(ROWS).encode()),
        ("one JSON document", json.dumps({"products": ROWS}, indent=2, ensure_ascii=False).encode()),
        ("Google Merchant XML", _xml(atom=False)),
        ("Google Merchant XML", _xml(atom=True)),
        ("a Shopify product CSV", _shopify(OLD)),
        ("a Shopify product CSV", _shopify(NEW)),
        ("Parquet", _parquet()),
        ("a spreadsheet, its sheet Sheet1", _workbook()),
    ],
)
def test_every_kind_of_feed_gives_the_same_listings(read: Read, described: str, content: bytes) -> None:
    found = read(content)
    assert found.described == described
    assert [_said(row) for row in found.good] == [_said(row) for row in read(_table(ROWS)).good]
    assert found.ids == [row["external_id"] for row in ROWS]


def _said(row: Any) -> dict[str, Any]:
    """All that a row says but its line; of Shopify's own columns only what they mean."""
    listing = row.listing
    metadata = {name: cell for name, cell in listing.metadata.items() if not name.startswith("Option1")}
    currency = listing.currency if listing.price is not None else None  # Google writes it beside the price
    fields = ("external_id", "title", "brand", "price", "gender", "colour", "size", "seller_category", "available")
    return {name: getattr(listing, name) for name in fields} | {
        "currency": currency, "metadata": metadata, "photos": row.photos
    }  # fmt: skip
