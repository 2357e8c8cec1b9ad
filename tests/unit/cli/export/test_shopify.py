import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from cli.export.formats import ExportFormat
from db.listings import ListingData

SEEN: dict[str, Any] = {
    "category": "T-Shirt",
    "attributes": {"colour": [("Red", 0.9)], "gender": [("Women", 0.8)], "detail": [("Bow", 0.7), ("Zip", 0.6)]},
}


def rows(text: bytes) -> list[dict[str, str]]:
    return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(io.StringIO(text.decode()))]


def test_a_listing_becomes_a_product_with_its_photos_below_each_other(found: Any, written: Any) -> None:
    listing = ListingData(
        external_id="tee", title="Tee", brand="Acme", price=Decimal("12.50"), currency="EUR", colour="Crimson",
        size="M", metadata={"season": "Summer", "Tags": "sale, colour:red"},
    )  # fmt: skip
    text, writer = written(ExportFormat.SHOPIFY, [found(listing, ("https://i/1", "https://i/2"), **SEEN)], "aa-1-13-8")
    assert text.startswith(b"Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,")
    assert rows(text) == [
        {
            "Title": "Tee", "URL handle": "tee", "Vendor": "Acme", "Product category": "aa-1-13-8", "Type": "T-Shirt",
            "Tags": "sale, colour:red, gender:Women, detail:Bow, detail:Zip", "Price": "12.50",
            "Option1 name": "Color", "Option1 value": "Crimson", "Option2 name": "Size", "Option2 value": "M",
            "Product image URL": "https://i/1", "Image position": "1", "Google Shopping / Gender": "female",
        },
        {"URL handle": "tee", "Product image URL": "https://i/2", "Image position": "2"},
    ]  # fmt: skip
    assert writer.left_out == {"season": 1, "currency": 1}


def test_a_product_that_cannot_be_had_any_more_has_nothing_left_in_any_variant(found: Any, written: Any) -> None:
    variants = [{"SKU": "M", "Inventory quantity": "3"}, {"SKU": "L", "Continue selling when out of stock": "CONTINUE"}]
    stock = {"SKU": "S", "Inventory tracker": "app", "Inventory quantity": "-2"}
    withdrawn = ListingData(
        external_id="tee", title="Tee", available=False, metadata={**stock, "variants": json.dumps(variants)}
    )
    text, _ = written(ExportFormat.SHOPIFY, [found(withdrawn)])
    told = [
        (row["SKU"], row["Inventory tracker"], row["Inventory quantity"], row["Continue selling when out of stock"])
        for row in rows(text)
    ]
    assert told == [("S", "app", "-2", "deny"), ("M", "app", "0", "deny"), ("L", "app", "-2", "deny")]


def test_a_hidden_product_stays_hidden_and_keeps_its_stock(found: Any, written: Any) -> None:
    draft = ListingData(
        external_id="tee", title="Tee", available=False, metadata={"Status": "draft", "Inventory quantity": "7"}
    )
    (row,) = rows(written(ExportFormat.SHOPIFY, [found(draft)])[0])
    assert (row["Status"], row["Inventory quantity"]) == ("draft", "7")


def test_metadata_that_are_no_variants_are_left_out_and_told(found: Any, written: Any) -> None:
    listing = ListingData(external_id="tee", metadata={"variants": "red and blue"})
    text, writer = written(ExportFormat.SHOPIFY, [found(listing)])
    assert (rows(text), writer.left_out, writer.missing) == ([{"URL handle": "tee"}], {"variants": 1}, {"Title": 1})


@pytest.mark.parametrize("names", [("Image alt text", "Variant image URL"), ("Image Alt Text", "Variant Image")])
def test_what_is_said_of_an_image_stands_beside_it_and_goes_with_it(
    found: Any, written: Any, names: tuple[str, str]
) -> None:
    alt_text, variant_image = names
    sku = "SKU" if variant_image == "Variant image URL" else "Variant SKU"
    metadata = {
        sku: "S",
        variant_image: "https://i/gone",
        "alt_texts": json.dumps({"https://i/2": "Back", "https://i/1": "Front", "https://i/gone": "Side"}),
        "variants": json.dumps([{sku: "M", variant_image: "https://i/1"}]),
    }
    listing = ListingData(external_id="tee", title="Tee", metadata=metadata)
    text, writer = written(ExportFormat.SHOPIFY, [found(listing, ("https://i/1", "https://i/2", "https://i/3"))])
    told = [(row.get(sku), row.get(alt_text), row.get(variant_image)) for row in rows(text)]
    assert told == [("S", "Front", None), ("M", "Back", "https://i/1"), (None, None, None)]
    assert not writer.left_out


def test_metadata_that_are_no_alternative_texts_are_left_out_and_told(found: Any, written: Any) -> None:
    listings = [
        found(ListingData(external_id="tee", title="Tee", metadata={"alt_texts": text}), ("https://i/1",))
        for text in ("Front", '["Front"]')
    ]
    text, writer = written(ExportFormat.SHOPIFY, listings)
    assert (["Image alt text" in row for row in rows(text)], writer.left_out) == ([False, False], {"alt_texts": 2})
