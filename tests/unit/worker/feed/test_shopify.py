"""Shopify's product CSV, old and new: a product is one listing with all its images, and says if it can be bought."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from db.comparing import continues
from db.listings import ListingData
from db.rows import FeedRow
from db.states import RejectionReason
from worker.feed import FeedFormat, open_feed

Read = Callable[..., Any]

OLD = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Option1 Name",
    "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU", "Variant Inventory Tracker",
    "Variant Inventory Qty", "Variant Inventory Policy", "Variant Price", "Image Src", "Image Position",
    "Image Alt Text", "Google Shopping / Gender", "Variant Image", "Status",
]  # fmt: skip
NEW = [
    "Title", "URL handle", "Description", "Vendor", "Product category", "Type", "Tags",
    "Published on online store", "Status", "SKU", "Option1 name", "Option1 value", "Option1 Linked To",
    "Option2 name", "Option2 value", "Price", "Inventory tracker", "Inventory quantity",
    "Continue selling when out of stock", "Product image URL", "Image position", "Image alt text",
    "Variant image URL", "Google Shopping / Gender",
]  # fmt: skip
OLD_TO_NEW = {
    "Handle": "URL handle", "Body (HTML)": "Description", "Product Category": "Product category",
    "Published": "Published on online store", "Option1 Name": "Option1 name", "Option1 Value": "Option1 value",
    "Option2 Name": "Option2 name", "Option2 Value": "Option2 value", "Variant SKU": "SKU", "Variant Price": "Price",
    "Variant Inventory Tracker": "Inventory tracker", "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock", "Image Src": "Product image URL",
    "Image Position": "Image position", "Image Alt Text": "Image alt text", "Variant Image": "Variant image URL",
}  # fmt: skip
SHIRT: list[dict[str, str]] = [
    {"Handle": "shirt", "Title": "Shirt", "Body (HTML)": "<p>Soft</p>", "Vendor": "Acme", "Type": "Tops",
     "Product Category": "Apparel > Shirts", "Published": "TRUE", "Option1 Name": "Size", "Option1 Value": "M",
     "Option2 Name": "Color", "Option2 Value": "Red", "Variant SKU": "S-M", "Variant Inventory Tracker": "shopify",
     "Variant Inventory Qty": "0", "Variant Inventory Policy": "deny", "Variant Price": "19.99",
     "Image Src": "https://x/2.jpg", "Image Position": "2", "Google Shopping / Gender": "Male",
     "Variant Image": "https://x/4.jpg", "Status": "active"},
    {"Handle": "shirt", "Option1 Value": "L", "Option2 Value": "Red", "Variant SKU": "S-L", "Variant Price": "21.99",
     "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "3", "Variant Inventory Policy": "deny",
     "Image Src": "https://x/1.jpg", "Image Position": "1", "Variant Image": "https://x/5.jpg"},
    {"Handle": "shirt", "Image Src": "https://x/3.jpg", "Image Position": "3", "Image Alt Text": "from behind"},
    {"Handle": "shirt", "Image Src": "https://x/4.jpg", "Image Position": "4"},
]  # fmt: skip
HAT = {"Handle": "hat", "Title": "Hat", "Vendor": "Acme", "Published": "TRUE", "Variant Price": "5", "Status": "active"}
GENERATIONS = pytest.mark.parametrize("generation", ["old", "new"])


def _csv(rows: list[dict[str, str]], generation: str = "old") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, OLD if generation == "old" else NEW)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            row if generation == "old" else {OLD_TO_NEW.get(name, name): cell for name, cell in row.items()}
        )
    return text.getvalue()


@GENERATIONS
def test_a_product_is_one_listing_with_all_its_images(read: Read, generation: str) -> None:
    found = read(_csv([*SHIRT, HAT], generation))
    assert found.described == "a Shopify product CSV"
    shirt, *more, hat = found.rows
    listing = shirt.listing
    assert (listing.external_id, listing.title, listing.brand, listing.gender) == ("shirt", "Shirt", "Acme", "Male")
    assert (listing.price, listing.size, listing.colour) == (Decimal("19.99"), "M", "Red")
    assert (listing.seller_category, listing.available) == ("Tops", True)
    assert shirt.photos == tuple(f"https://x/{n}.jpg" for n in range(1, 6))
    assert [(row.line, row.listing.external_id, row.photos) for row in more] == [(n, "shirt", ()) for n in (3, 4, 5)]
    assert hat.listing.external_id == "hat"


@GENERATIONS
def test_what_a_variant_says_is_kept_with_the_listing(read: Read, generation: str) -> None:
    metadata = read(_csv(SHIRT, generation)).good[0].listing.metadata
    names = {
        "Option1 Value": "L", "Variant SKU": "S-L", "Variant Inventory Qty": "3", "Variant Image": "https://x/5.jpg"
    }  # fmt: skip
    names = names if generation == "old" else {OLD_TO_NEW[name]: cell for name, cell in names.items()}
    assert json.loads(metadata["variants"]) == [{"price": "21.99", **names}]
    assert metadata["SKU" if generation == "new" else "Variant SKU"] == "S-M"
    assert metadata["Variant image URL" if generation == "new" else "Variant Image"] == "https://x/4.jpg"
    assert not {"Image Position", "Image position", "Image Alt Text", "Image alt text"} & metadata.keys()


@GENERATIONS
def test_the_alternative_text_of_every_image_is_kept_by_its_url(read: Read, generation: str) -> None:
    first = SHIRT[0] | {"Image Alt Text": 'The "front", né'}
    no_image = {"Handle": "shirt", "Image Alt Text": "of nothing"}
    again = SHIRT[2] | {"Image Alt Text": "the same once more"}
    (row, *_) = read(_csv([first, *SHIRT[1:], no_image, again], generation)).good
    kept = {"https://x/2.jpg": 'The "front", né', "https://x/3.jpg": "from behind"}
    assert json.loads(row.listing.metadata["alt_texts"]) == kept
    assert "é" in row.listing.metadata["alt_texts"]
    assert len(json.loads(row.listing.metadata["variants"])) == 1


def test_a_product_without_variants_has_none(read: Read) -> None:
    assert "variants" not in read(_csv([HAT])).good[0].listing.metadata


def test_the_rows_are_one_listing_for_the_catalogue(read: Read) -> None:
    first, *more, hat = read(_csv([*SHIRT, HAT])).good
    assert all(continues(first.listing, row.listing) for row in more)
    assert not continues(first.listing, hat.listing)


@pytest.mark.parametrize(
    ("said", "available"),
    [
        ({}, True),
        ({"Status": "draft"}, False),
        ({"Status": "archived"}, False),
        ({"Status": ""}, True),
        ({"Published": "FALSE"}, False),
        ({"Published": ""}, True),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "0"}, False),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "-2"}, False),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "2"}, True),
        ({"Variant Inventory Tracker": "", "Variant Inventory Qty": "0"}, True),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": ""}, True),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "many"}, True),
        ({"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "0",
          "Variant Inventory Policy": "continue"}, True),
    ],
)  # fmt: skip
@GENERATIONS
def test_whether_it_can_be_bought(read: Read, generation: str, said: dict[str, str], available: bool) -> None:
    (row,) = read(_csv([HAT | said], generation)).good
    assert row.listing.available is available


def test_one_variant_in_stock_is_enough_and_an_image_is_none(read: Read) -> None:
    sold_out = {"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "0"}
    image = {"Handle": "hat", "Image Src": "https://x/1.jpg", "Image Position": "1"}
    assert not read(_csv([HAT | sold_out, image])).good[0].listing.available
    variant = {
        "Handle": "hat",
        "Variant SKU": "H-2",
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "1",
    }
    assert read(_csv([HAT | sold_out, image, variant])).good[0].listing.available


def test_the_product_category_counts_where_no_type_is_given(read: Read) -> None:
    (row,) = read(_csv([HAT | {"Product Category": "Apparel > Hats"}])).good
    assert row.listing.seller_category == "Apparel > Hats"


def test_titles_may_be_repeated_and_another_title_is_another_product(read: Read) -> None:
    repeated = [SHIRT[0], *(row | {"Title": "Shirt", "Vendor": "Acme"} for row in SHIRT[1:])]
    assert read(_csv(repeated)).good[0].photos == read(_csv(SHIRT)).good[0].photos
    other = read(_csv([HAT | {"Image Src": "https://x/1.jpg"}, HAT | {"Title": "Cap", "Image Src": "https://x/2.jpg"}]))
    assert [row.photos for row in other.good] == [("https://x/1.jpg",), ("https://x/2.jpg",)]


def test_a_bad_variant_costs_its_row_only(read: Read) -> None:
    rows = [HAT, {"Handle": "hat", "Variant Price": "a lot"}, {"Handle": "hat", "Image Src": "https://x/1.jpg"}]
    found = read(_csv(rows))
    assert found.rejected == [(3, "Variant Price", RejectionReason.BAD_PRICE)]
    assert [(row.line, row.photos) for row in found.good] == [(2, ("https://x/1.jpg",)), (4, ())]


def test_a_product_whose_first_row_is_rejected_is_rejected_whole(read: Read) -> None:
    found = read(_csv([SHIRT[0] | {"Variant Price": "a lot"}, *SHIRT[1:], HAT]))
    assert found.rejected == [(line, "Variant Price", RejectionReason.BAD_PRICE) for line in (2, 3, 4, 5)]
    assert found.ids == ["hat"]
    assert "line 2, was rejected" in found.rows[1].detail


def test_references_and_variants_keep_to_their_limits(read: Read) -> None:
    long = {"Handle": "hat", "Variant Image": "https://x/" + "y" * 3_000}
    found = read(_csv([HAT, long]))
    assert found.rejected == [(3, "Variant Image", RejectionReason.TOO_LONG)]
    many = [{"Handle": "hat", "Variant SKU": f"{n}-" + "s" * 1_000} for n in range(120)]
    found = read(_csv([HAT, *many]))
    assert 10 < len(found.rejected) < 30
    assert {reason for _, _, reason in found.rejected} == {RejectionReason.TOO_LONG}
    assert len(json.loads(found.good[0].listing.metadata["variants"])) == 120 - len(found.rejected)


def test_an_alternative_text_keeps_to_its_limit(read: Read) -> None:
    images = [{"Handle": "hat", "Image Src": f"https://x/{n}.jpg", "Image Alt Text": "t" * 4_900} for n in range(19)]
    found = read(_csv([HAT, *images, images[0] | {"Image Src": "https://x/y.jpg", "Image Alt Text": "t" * 5_000}]))
    assert found.rejected == [(22, "Image Alt Text", RejectionReason.TOO_LONG)]
    assert len(found.good[0].photos) == 19
    assert 90_000 < len(found.good[0].listing.metadata["alt_texts"]) < 100_000


def test_more_than_twenty_images_are_counted(read: Read) -> None:
    images = [
        {"Handle": "hat", "Image Src": f"https://x/{n}.jpg", "Image Position": str(n), "Image Alt Text": str(n)}
        for n in range(30, 0, -1)
    ]
    (first, *_) = read(_csv([HAT, *images])).good
    assert first.photos == tuple(f"https://x/{n}.jpg" for n in range(1, 21))
    assert first.photos_left_out == 10
    assert json.loads(first.listing.metadata["alt_texts"]) == {f"https://x/{n}.jpg": str(n) for n in range(1, 21)}


def test_a_mapping_wins_and_one_of_the_id_makes_it_a_plain_table(read: Read) -> None:
    mapped = read(_csv(SHIRT), size="Variant SKU", photos="Variant Image")
    assert mapped.good[0].listing.size == "S-M"
    assert mapped.good[0].photos == ("https://x/5.jpg", "https://x/4.jpg")  # in the order of their positions
    plain = read(_csv(SHIRT[:2]), external_id="Variant SKU")
    assert plain.described == "a table of delimited text"
    assert plain.ids == ["S-M", "S-L"]


def test_what_was_recognised_is_said(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text(_csv(SHIRT))
    with open_feed(tmp_path / "feed.csv") as feed:
        assert feed.format is FeedFormat.SHOPIFY
        assert feed.mapping.fields | {"size": "the option size"} == feed.mapping.fields
        assert feed.mapping.fields["available"] == "Status and Published and Variant Inventory Qty"
        assert feed.mapping.photos == ("Image Src", "Variant Image")
        assert "Variant Image" not in feed.mapping.metadata


def test_a_table_with_a_handle_and_nothing_else_of_shopifys_is_a_table(read: Read) -> None:
    found = read("handle,title,type\na,b,c\n")
    assert found.described == "a table of delimited text"
    assert found.rows == [
        FeedRow(line=2, listing=ListingData(external_id="a", title="b", seller_category="c"), photos=())
    ]
