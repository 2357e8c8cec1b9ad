# ruff: noqa: E501 (feeds are as wide as they are)
"""A marketplace's feed that is read, written out and read again says the same of the same listings."""

from decimal import Decimal
from pathlib import Path
from typing import Any

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
<g:price>12.50 EUR</g:price><g:sale_price>9.90 EUR</g:sale_price><g:availability>in stock</g:availability>
<g:item_group_id>T-1</g:item_group_id><g:color>Red</g:color><g:size>S</g:size><g:gender>female</g:gender>
<g:brand>Acme</g:brand><g:google_product_category>212</g:google_product_category>
<g:product_type>Women &gt; Tees</g:product_type><g:gtin>4006381333931</g:gtin><g:pattern>Solid</g:pattern>
<g:product_highlight>Washable</g:product_highlight><g:product_highlight>Fair, and cheap</g:product_highlight>
<g:shipping><g:country>DE</g:country><g:price>4.95 EUR</g:price></g:shipping>
<g:shipping><g:country>AT</g:country><g:price>9.95 EUR</g:price></g:shipping></item>
<item><g:id>T-1-M</g:id><g:title>Tee &amp; more</g:title><g:image_link>https://img.example/1.jpg</g:image_link>
<g:price>12.50 EUR</g:price><g:availability>out_of_stock</g:availability><g:item_group_id>T-1</g:item_group_id>
<g:size>M</g:size><g:google_product_category>Apparel &amp; Accessories &gt; Clothing</g:google_product_category></item>
</channel></rss>
"""
GOOGLE_TSV = """id\ttitle\tdescription\tlink\timage link\tadditional_image_link\tprice\tavailability\titem group id\tcolor\tshipping(country:price)
T-1\t"A ""good"" tee"\tSoft\thttps://shop.example/1\thttps://img.example/1.jpg\thttps://img.example/2.jpg,https://img.example/3.jpg\t12.50 EUR\tin_stock\tG1\tRed\tDE:4.95 EUR
T-2\tTee\t\thttps://shop.example/2\thttps://img.example/1.jpg\t\t8 EUR\tout of stock\tG1\tBlue\t
"""
SHOPIFY = """Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,Inventory tracker,Inventory quantity,Continue selling when out of stock,Weight value (grams),Product image URL,Image position,Image alt text,Variant image URL,SEO title,Google Shopping / Gender,Fabric (product.metafields.custom.fabric),Price / International
Tee,tee,"<p>Soft, ""good""</p>",Acme,Apparel & Accessories > Clothing,Tees,"summer, sale",TRUE,active,TEE-S-R,111,Size,S,Color,Red,12.50,15.00,shopify,0,DENY,200,https://img.example/1.jpg,1,Front,https://img.example/r.jpg,Buy,Female,Cotton,14
,tee,,,,,,,,TEE-M-R,222,Size,M,Color,Red,12.50,15.00,shopify,3,DENY,210,https://img.example/2.jpg,2,Back,,,,,15
,tee,,,,,,,,TEE-M-B,333,Size,M,Color,Blue,13.50,15.00,shopify,0,DENY,210,,,,https://img.example/b.jpg,,,,
,tee,,,,,,,,,,,,,,,,,,,,https://img.example/3.jpg,3,,,,,,
Cap,cap,,Acme,,,,TRUE,draft,CAP,,,,,,5.00,,,,,,https://img.example/cap.jpg,1,,,,,,
Scarf,scarf,,,,,,TRUE,active,SC,,,,,,5.00,,shopify,0,DENY,,,,,,,,,
"""
OLDER_SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image,Cost per item,Status
tee,Tee,<p>Soft</p>,Acme,Tees,sale,true,Size,S,TEE-S,200,shopify,3,deny,12.50,15.00,https://img.example/1.jpg,1,Front,,4,active
tee,,,,,,,,M,TEE-M,210,shopify,0,deny,12.50,15.00,https://img.example/2.jpg,2,,,,
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


@pytest.mark.parametrize("format", [ExportFormat.CSV, ExportFormat.JSONL, ExportFormat.PARQUET])
def test_our_own_table_is_read_without_what_was_found_and_without_apostrophes(
    format: ExportFormat,  # noqa: A002
    found: Any,
    written: Any,
    tmp_path: Path,
) -> None:
    named_as_ours = {"category": "F", "seen_colour": "x", "metadata.title": "y", "seen_by": "Ann", "=key": "-1+1"}
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
