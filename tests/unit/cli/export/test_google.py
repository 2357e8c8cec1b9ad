import csv
import io
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from cli.export.formats import ExportFormat
from db.listings import ListingData

G = "{http://base.google.com/ns/1.0}"
SEEN: dict[str, Any] = {
    "category": "T-Shirt",
    "attributes": {"colour": [("Red", 0.9)], "gender": [("Women", 0.8)], "pattern": [("Solid", 0.7)]},
}
BARE = ListingData(external_id="1", title="Tee", price=Decimal("12.50"), currency="EUR")
TOLD = ListingData(
    external_id="2",
    colour="Crimson",
    gender="Men",
    seller_category="Tees",
    available=False,
    metadata={"pattern": "Checked", "link": "https://shop.example/2", "cost_price": "3", "Body (HTML)": "Soft"},
)
PHOTOS = ("https://img.example/a,b.jpg", "https://img.example/c,d.jpg", "https://img.example/e.jpg")


def items(text: bytes) -> list[dict[str, list[str]]]:
    found: list[dict[str, list[str]]] = []
    for item in ElementTree.fromstring(text).iter("item"):
        values: dict[str, list[str]] = {}
        for element in item:
            values.setdefault(element.tag.removeprefix(G), []).append(element.text or "")
        found.append(values)
    return found


def test_what_the_seller_left_empty_is_filled_in_with_what_was_seen(found: Any, written: Any) -> None:
    text, writer = written(ExportFormat.GOOGLE_XML, [found(BARE, PHOTOS, **SEEN), found(TOLD, **SEEN)], "212")
    bare, told = items(text)
    assert bare == {
        "id": ["1"], "title": ["Tee"], "image_link": [PHOTOS[0]], "additional_image_link": list(PHOTOS[1:]),
        "availability": ["in_stock"], "price": ["12.50 EUR"], "google_product_category": ["212"],
        "product_type": ["T-Shirt"], "color": ["Red"], "gender": ["female"], "pattern": ["Solid"],
    }  # fmt: skip
    assert (told["color"], told["gender"], told["pattern"]) == (["Crimson"], ["male"], ["Checked"])
    assert (told["product_type"], told["availability"], told["description"]) == (["Tees"], ["out_of_stock"], ["Soft"])
    assert writer.left_out == {"cost_price": 1}
    assert writer.missing == {"description": 1, "link": 1, "title": 1, "image_link": 1, "price": 1}


def test_what_the_model_is_not_sure_of_is_not_published(found: Any, written: Any) -> None:
    text, _ = written(ExportFormat.GOOGLE_XML, [found(BARE, category="T-Shirt", abstained=True)])
    assert "product_type" not in items(text)[0]


def test_a_category_of_google_s_own_goes_where_google_looks_for_it(found: Any, written: Any) -> None:
    listing = ListingData(external_id="1", seller_category="Apparel & Accessories > Clothing")
    (item,) = items(written(ExportFormat.GOOGLE_XML, [found(listing)])[0])
    assert item["google_product_category"] == ["Apparel & Accessories > Clothing"]
    assert "product_type" not in item


def test_a_word_for_availability_goes_out_while_it_is_true(found: Any, written: Any) -> None:
    told: list[tuple[bool, dict[str, str]]] = [
        (True, {"availability": "Pre-order"}),
        (True, {"Stock status": "https://schema.org/BackOrder", "stock": "7"}),
        (False, {"availability": "preorder", "availability_date": "2027-02-24"}),
        (True, {"availability": "out_of_stock"}),
        (True, {"availability": "limited availability"}),
        (False, {"availability": "discontinued"}),
    ]
    listings = [
        found(ListingData(external_id=str(place), available=available, metadata=metadata))
        for place, (available, metadata) in enumerate(told)
    ]
    words = ["preorder", "backorder", "out_of_stock", "in_stock", "in_stock", "out_of_stock"]
    text, writer = written(ExportFormat.GOOGLE_XML, listings)
    assert [item["availability"] for item in items(text)] == [[word] for word in words]
    assert writer.left_out == {"availability": 2, "stock": 1}
    table, _ = written(ExportFormat.GOOGLE_TSV, listings)
    assert [row["availability"] for row in csv.DictReader(io.StringIO(table.decode()), delimiter="\t")] == words
    assert "stock" not in table.decode().partition("\n")[0]


def test_any_text_is_xml(found: Any, written: Any) -> None:
    listing = ListingData(external_id="<&>", title='a\x0bb\ufffe ]]> [1, "x"]', metadata={"description": '["a", 1]'})
    (item,) = items(written(ExportFormat.GOOGLE_XML, [found(listing)])[0])
    assert (item["id"], item["title"], item["description"]) == (["<&>"], ['ab ]]> [1, "x"]'], ['["a", 1]'])


def test_a_table_has_a_column_for_what_there_is_and_commas_in_urls_part_nothing(found: Any, written: Any) -> None:
    told = {
        "product_highlight": '["Fair, and cheap", "Washable"]',
        "shipping": '{"country": "DE"}',
        "item group id": "G",
    }
    listing = ListingData(external_id="1", metadata=told)
    text, writer = written(ExportFormat.GOOGLE_TSV, [found(listing, PHOTOS, **SEEN)])
    (row,) = csv.DictReader(io.StringIO(text.decode()), delimiter="\t")
    assert row["image_link"] == PHOTOS[0]
    assert row["additional_image_link"] == "https://img.example/c%2Cd.jpg,https://img.example/e.jpg"
    assert (row["product_highlight"], row["item group id"]) == ('"Fair, and cheap",Washable', "G")
    assert (row["shipping"], writer.left_out) == ("", {"shipping": 1})
