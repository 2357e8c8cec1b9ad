# ruff: noqa: E501 (feeds are as wide as they are)
"""A marketplace's feed that is read, written out and read again says the same of the same listings, cell by cell."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli.export.formats import ExportFormat
from db.comparing import group_rows
from db.listings import ListingData
from db.rows import FeedRow
from worker.feed import open_feed

Said = tuple[ListingData, tuple[str, ...]]

GOOGLE_XML = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>T-1-S</g:id><g:title>Tee &amp; more</g:title><g:description>Soft &lt;b&gt;cotton&lt;/b&gt;</g:description>
<g:link>https://shop.example/t-1?size=S&amp;ref=g</g:link><g:image_link>https://img.example/1.jpg</g:image_link>
<g:additional_image_link>https://img.example/2.jpg</g:additional_image_link>
<g:additional_image_link>https://img.example/3.jpg</g:additional_image_link>
<g:price>12.50 EUR</g:price><g:sale_price>9.90 EUR</g:sale_price><g:availability>in_stock</g:availability>
<g:item_group_id>T-1</g:item_group_id><g:color>Red</g:color><g:size>S</g:size><g:gender>female</g:gender>
<g:brand>Acme</g:brand><g:google_product_category>212</g:google_product_category>
<g:product_type>Women &gt; Tees</g:product_type><g:gtin>4006381333931</g:gtin><g:pattern>Solid</g:pattern>
<g:product_highlight>Washable</g:product_highlight><g:product_highlight>Fair, and cheap</g:product_highlight>
<g:shipping><g:country>DE</g:country><g:price>4.95 EUR</g:price></g:shipping>
<g:shipping><g:country>AT</g:country><g:price>9.95 EUR</g:price></g:shipping></item>
<item><g:id>T-1-M</g:id><g:title>Tee &amp; more</g:title><g:image_link>https://img.example/1.jpg</g:image_link>
<g:price>12.50 EUR</g:price><g:availability>out_of_stock</g:availability><g:item_group_id>T-1</g:item_group_id>
<g:size>M</g:size><g:google_product_category>Apparel &amp; Accessories &gt; Clothing</g:google_product_category></item>
<item><g:id>T-2</g:id><g:title>Coat</g:title><g:image_link>https://img.example/4.jpg</g:image_link><g:price>80.00 EUR</g:price>
<g:availability>preorder</g:availability><g:availability_date>2027-02-24T11:07+0100</g:availability_date></item>
<item><g:id>T-3</g:id><g:title>Cape</g:title><g:image_link>https://img.example/5.jpg</g:image_link><g:price>90.00 EUR</g:price>
<g:availability>backorder</g:availability><g:availability_date>2027-03-01T00:00Z</g:availability_date></item>
</channel></rss>
"""
GOOGLE_TSV = """id\ttitle\tdescription\tlink\timage link\tadditional_image_link\tprice\tavailability\tavailability date\titem group id\tcolor\tshipping(country:price)
T-1\t"A ""good"" tee"\tSoft\thttps://shop.example/1\thttps://img.example/1.jpg\thttps://img.example/2.jpg,https://img.example/3.jpg\t12.50 EUR\tin_stock\t\tG1\tRed\tDE:4.95 EUR
T-2\tTee\t\thttps://shop.example/2\thttps://img.example/1.jpg\t\t8 EUR\tout_of_stock\t\tG1\tBlue\t
T-3\tTee\t\thttps://shop.example/3\thttps://img.example/1.jpg\t\t8 EUR\tpreorder\t2027-02-24T11:07+0100\tG1\tGreen\t
T-4\tTee\t\thttps://shop.example/4\thttps://img.example/1.jpg\t\t8 EUR\tbackorder\t2027-03-01\tG1\tWhite\t
"""
SHOPIFY = """Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Product image URL,Image position,Image alt text,Variant image URL,SEO title,Google Shopping / Gender,Fabric (product.metafields.custom.fabric),Price / International
Tee,tee,"<p>Soft, ""good""</p>",Acme,Apparel & Accessories > Clothing,Tees,"summer, sale",TRUE,active,TEE-S-R,111,Size,S,Color,Red,12.50,15.00,shopify,0,DENY,200,https://img.example/1.jpg,1,"Front, ""red"" one",https://img.example/1.jpg,Buy,Female,Cotton,14
,tee,,,,,,,,TEE-M-R,222,,M,,Red,12.50,15.00,shopify,3,DENY,210,https://img.example/2.jpg,2,Back,https://img.example/1.jpg,,,,15
,tee,,,,,,,,TEE-M-B,333,,M,,Blue,13.50,15.00,shopify,0,DENY,210,https://img.example/3.jpg,3,,https://img.example/4.jpg,,,,
,tee,,,,,,,,TEE-L-B,,,L,,Blue,13.50,,,,DENY,210,https://img.example/4.jpg,4,Front in blue,,,,,
,tee,,,,,,,,,,,,,,,,,,,,https://img.example/5.jpg,5,Größe L am Modell,,,,,
Cap,cap,,Acme,,,,TRUE,draft,CAP,,Title,Default Title,,,5.00,,,,,,https://img.example/cap.jpg,1,,,,,,
Scarf,scarf,,,,,,TRUE,active,SC,,,,,,5.00,,shopify,0,DENY,,,,,,,,,
"""
# Not as Shopify writes it: an image that only its variant has, and the first row's is not the first.
OTHER_SHOPIFY = SHOPIFY.replace("4.jpg,,", "b.jpg,,").replace("1.jpg,1", "1.jpg,9")
OLDER_SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image,Cost per item,Status
tee,Tee,<p>Soft</p>,Acme,Tees,sale,true,Size,S,TEE-S,200,shopify,3,deny,12.50,15.00,https://img.example/1.jpg,1,,,4,active
tee,,,,,,,,M,TEE-M,210,shopify,0,deny,12.50,15.00,https://img.example/2.jpg,2,Back,https://img.example/2.jpg,4,
tee,,,,,,,,,,,,,,,,https://img.example/3.jpg,3,Side,,,
"""


def read(file: Path) -> dict[str, Said]:
    """What a feed says of each listing, with its photos in order."""
    with open_feed(file) as feed:
        rows = list(feed.rows())
    assert all(isinstance(row, FeedRow) for row in rows), rows
    groups, rejected = group_rows([row for row in rows if isinstance(row, FeedRow)], set())
    assert not rejected
    return {
        group.listing.external_id: (group.listing, tuple(dict.fromkeys(p for row in group.rows for p in row.photos)))
        for group in groups
    }


@pytest.mark.parametrize(
    ("feed", "format"),
    [
        (GOOGLE_XML, ExportFormat.GOOGLE_XML),
        (GOOGLE_TSV, ExportFormat.GOOGLE_TSV),
        (SHOPIFY, ExportFormat.SHOPIFY),
        (OTHER_SHOPIFY, ExportFormat.SHOPIFY),
        (OLDER_SHOPIFY, ExportFormat.SHOPIFY),
    ],
)
def test_a_feed_that_is_written_out_and_read_again_is_the_same(
    feed: str,
    format: ExportFormat,  # noqa: A002
    found: Any,
    written: Any,
    tmp_path: Path,
) -> None:
    (tmp_path / "in").write_text(feed)
    said = read(tmp_path / "in")
    text, writer = written(format, [found(*one) for one in said.values()])
    (tmp_path / "out").write_bytes(text)
    assert read(tmp_path / "out") == said
    assert not writer.left_out


def cells(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    """What is not empty in each row; Google takes blanks in names for underscores."""
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    return [{name.replace(" ", "_"): cell for name, cell in row.items() if cell} for row in rows]


def items(text: str) -> list[Any]:
    """What each item says: name, text and parts of its elements, in an order of their own."""
    return [sorted(map(element, item)) for item in ElementTree.fromstring(text).iter("item")]


def element(found: ElementTree.Element) -> tuple[str, str, list[Any]]:
    return found.tag, found.text or "", [element(part) for part in found]


@pytest.mark.parametrize(
    ("feed", "format", "parts"),
    [
        (GOOGLE_XML, ExportFormat.GOOGLE_XML, items),
        (GOOGLE_TSV, ExportFormat.GOOGLE_TSV, partial(cells, delimiter="\t")),
        (SHOPIFY, ExportFormat.SHOPIFY, cells),
        (OLDER_SHOPIFY, ExportFormat.SHOPIFY, cells),
    ],
)
def test_the_cells_of_a_feed_that_is_written_out_are_those_that_were_read(
    feed: str,
    format: ExportFormat,  # noqa: A002
    parts: Callable[[str], list[Any]],
    found: Any,
    written: Any,
    tmp_path: Path,
) -> None:
    (tmp_path / "in").write_text(feed)
    text, _ = written(format, [found(*one) for one in read(tmp_path / "in").values()])
    assert parts(text.decode()) == parts(feed)


@pytest.mark.parametrize("format", [ExportFormat.CSV, ExportFormat.JSONL, ExportFormat.PARQUET])
def test_our_own_table_is_read_without_what_was_found_and_without_apostrophes(
    format: ExportFormat,  # noqa: A002
    found: Any,
    written: Any,
    tmp_path: Path,
) -> None:
    named_as_ours = {"available": "reserved", "category": "F", "seen_colour": "x", "metadata.title": "y"}
    named_as_ours |= {"seen_by": "Ann", "=key": "-1+1", "availability": "discontinued"}
    full = ListingData(
        external_id="-1",
        title="=SUM(A1)",
        brand="'-5",
        price=Decimal("1299.00"),
        currency="EUR",
        colour="Crimson",
        available=False,
        metadata=named_as_ours | {"size_guide": "a\nb", "offset": "-5"},
    )
    seen = {"category": "Coat", "attributes": {"colour": [("Red", 0.9)], "detail": [("Bow", 0.8), ("Zip", 0.7)]}}
    names, urls = ("-a b.jpg", "e.jpg"), ("https://img.example/c,d.jpg", "https://img.example/e.jpg")
    listings = [found(full, names, **seen), found(ListingData(external_id="2"), urls)]
    (tmp_path / "out").write_bytes(written(format, listings, guard=format is ExportFormat.CSV)[0])
    assert read(tmp_path / "out") == {"-1": (full, names), "2": (ListingData(external_id="2"), urls)}
    with open_feed(tmp_path / "out", mapping={"colour": "seen_colour"}) as feed:
        (first, _) = feed.rows()
        assert feed.described.endswith("written by modiste export")
        assert not set(feed.mapping.metadata) & {"abstained", "seen_detail", "changed_at"}
    assert isinstance(first, FeedRow)
    assert (first.listing.colour, first.listing.metadata["seen_by"]) == ("Red", "Ann")
