"""Google Merchant's feeds, as RSS, Atom and a table, give the same listings; hostile XML ends with a typed error."""

import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from db.listings import ListingData
from db.states import RejectionReason
from worker.feed import DamagedFeed, EmptyFeed, FeedError, TooManyColumns, UnknownFeedFormat

Read = Callable[..., Any]

G = 'xmlns:g="http://base.google.com/ns/1.0"'
ITEM = """
  <g:id>TS-1-M</g:id> <g:title>T-Shirt &amp; more</g:title>
  <g:description><![CDATA[<b>Soft</b>]]></g:description>
  <link>https://shop/1</link> <title>Another title</title>
  <g:image_link>https://x/1.jpg</g:image_link>
  <g:additional_image_link>https://x/2.jpg</g:additional_image_link>
  <g:additional_image_link>https://x/3.jpg,https://x/4.jpg</g:additional_image_link>
  <g:price>12.34 EUR</g:price> <g:sale_price>9.99 EUR</g:sale_price> <g:availability>out of stock</g:availability>
  <g:google_product_category>212</g:google_product_category> <g:product_type>Shirts &gt; Tees</g:product_type>
  <g:item_group_id>TS-1</g:item_group_id> <g:color>Red</g:color> <g:size>M</g:size> <g:gender>female</g:gender>
  <g:brand>Acme</g:brand>
  <g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>
  <g:shipping><g:country>AT</g:country></g:shipping>
"""
LISTING = ListingData(
    external_id="TS-1-M",
    title="T-Shirt & more",
    brand="Acme",
    price=Decimal("12.34"),
    currency="EUR",
    gender="female",
    colour="Red",
    size="M",
    seller_category="Shirts > Tees",
    available=False,
    metadata={
        "description": "<b>Soft</b>",
        "link": "https://shop/1",
        "sale_price": "9.99 EUR",
        "google_product_category": "212",
        "item_group_id": "TS-1",
        "shipping": '[{"country": "DE", "price": "4.90 EUR"}, {"country": "AT"}]',
    },
)
PHOTOS = ("https://x/1.jpg", "https://x/2.jpg", "https://x/3.jpg", "https://x/4.jpg")


def _rss(items: str) -> str:
    return f'<?xml version="1.0"?><rss version="2.0" {G}><channel><title>Shop</title>{items}</channel></rss>'


def _atom(entries: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {G}><title>Shop</title><id>shop</id>{entries}</feed>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "document",
    [
        _rss(f"<item>{ITEM}</item><item><g:id>2</g:id></item>"),
        _atom(f"<entry>{ITEM}</entry><entry><id>2</id></entry>"),
    ],
    ids=["rss", "atom"],
)
def test_an_item_becomes_a_listing(read: Read, document: str, encoding: str) -> None:
    found = read(document.encode(encoding))
    assert found.described == "Google Merchant XML"
    assert found.good[0].listing == LISTING
    assert found.good[0].photos == PHOTOS
    assert [(row.line, row.listing.external_id) for row in found.good] == [(1, "TS-1-M"), (2, "2")]


def test_a_table_of_googles_gives_the_same_listing(read: Read) -> None:
    columns = [
        "id", "title", "description", "link", "image link", "additional image link", "additional image link", "price",
        "sale price", "availability", "google product category", "product type", "item group id", "color", "size",
        "gender", "brand", "shipping",
    ]  # fmt: skip
    cells = [
        "TS-1-M", "T-Shirt & more", "<b>Soft</b>", "https://shop/1", PHOTOS[0], PHOTOS[1], ",".join(PHOTOS[2:]),
        "12.34 EUR", "9.99 EUR", "out of stock", "212", "Shirts > Tees", "TS-1", "Red", "M", "female", "Acme",
        LISTING.metadata["shipping"],
    ]  # fmt: skip
    (row,) = read("\t".join(columns) + "\n" + "\t".join(cells) + "\n").good
    assert row.photos == PHOTOS
    assert {name.replace(" ", "_"): cell for name, cell in row.listing.metadata.items()} == LISTING.metadata
    assert (row.listing.price, row.listing.currency) == (LISTING.price, LISTING.currency)
    assert (row.listing.seller_category, row.listing.available) == ("Shirts > Tees", False)


@pytest.mark.parametrize(
    ("said", "available"),
    [("in stock", True), ("in_stock", True), ("preorder", True), ("backorder", True),
     ("out of stock", False), ("out_of_stock", False)],
)  # fmt: skip
def test_googles_words_for_availability_are_understood(read: Read, said: str, available: bool) -> None:
    (row,) = read(_rss(f"<item><g:id>1</g:id><g:availability>{said}</g:availability></item>")).good
    assert row.listing.available is available
    assert row.listing.metadata == ({"availability": said} if said in ("preorder", "backorder") else {})


def test_what_says_more_than_whether_it_can_be_had_is_kept_under_its_columns_own_name(read: Read) -> None:
    table = "id,Stock status,quantity\n1,Pre-order,0\n2,in stock,7\n3,https://schema.org/Discontinued,\n4,,\n"
    assert [(row.listing.available, dict(row.listing.metadata)) for row in read(table).good] == [
        (True, {"Stock status": "Pre-order", "quantity": "0"}),
        (True, {"quantity": "7"}),
        (False, {"Stock status": "https://schema.org/Discontinued"}),
        (True, {}),
    ]


def test_googles_element_counts_whatever_comes_first(read: Read) -> None:
    items = "<item><title>rss</title><g:title>g</g:title><g:id>1</g:id></item>"
    items += (
        "<item><g:id>2</g:id><g:title>g</g:title><title>rss</title></item><item><g:id>3</g:id><title>rss</title></item>"
    )
    assert [row.listing.title for row in read(_rss(items)).good] == ["g", "g", "rss"]


def test_markup_that_was_not_escaped_is_text(read: Read) -> None:
    (row,) = read(_rss("<item><g:id>1</g:id><g:description>A <b>red</b> dress</g:description></item>")).good
    assert row.listing.metadata == {"description": "A red dress"}


def test_rows_are_rejected_one_by_one(read: Read) -> None:
    found = read(_rss("<item><g:title>no id</g:title></item><item><g:id>2</g:id><g:price>a lot</g:price></item>"
                      "<item><g:id>3</g:id><g:price>1 EUR</g:price></item>"))  # fmt: skip
    assert found.ids == ["3"]
    assert found.rejected == [(1, "id", RejectionReason.MISSING_ID), (2, "price", RejectionReason.BAD_PRICE)]


def test_what_breaks_off_gives_the_items_before(read: Read) -> None:
    whole = _rss("".join(f"<item><g:id>{n}</g:id></item>" for n in range(100)))
    found = read(whole.replace("<g:id>60</g:id>", "<g:id>60</id>"))
    assert found.ids == [str(n) for n in range(60)]
    assert isinstance(found.error, DamagedFeed)
    assert "past row 60: " in str(found.error)
    cut = read(whole[: len(whole) // 2])
    assert 30 < len(cut.ids) < 60
    assert isinstance(cut.error, DamagedFeed)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (f'<!DOCTYPE rss [<!ENTITY l0 "lol">{LAUGHS}]><rss>&l9;</rss>', "a DOCTYPE"),
        ('<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>', "a DOCTYPE"),
        ('<!DOCTYPE rss SYSTEM "http://127.0.0.1/evil.dtd"><rss/>', "a DOCTYPE"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page"),
        ("<html><body>Sign in</body></html>", "neither RSS nor Atom"),
        ("<products><product><id>1</id></product></products>", "<products>, neither RSS nor Atom"),
    ],
    ids=["laughs", "file", "dtd", "login", "html", "other"],
)  # fmt: skip
def test_what_is_no_product_feed_is_refused(read: Read, document: str, says: str) -> None:
    with pytest.raises(UnknownFeedFormat, match=says):
        read(document)


@pytest.mark.parametrize(
    "flood",
    [
        "<a>" * 100_000,
        "<g:x a='" + "y" * 3_000_000,
        "<g:x>" + "y" * 3_000_000,
        "<!--" + "y" * 3_000_000,
        "<item>" * 100_000,
        "&undefined;",
        "\0",
    ],
    ids=["depth", "attribute", "text", "comment", "items", "entity", "nul"],
)
def test_endless_things_end_with_a_typed_error_in_bounded_memory(read: Read, flood: str) -> None:
    document = _rss(f"<item><g:id>1</g:id></item><item><g:id>2</g:id>{flood}</item>")
    tracemalloc.start()
    found = read(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.ids[:1] == ["1"]
    assert isinstance(found.error, DamagedFeed) or found.rejected
    assert peak < 100 << 20


def test_elements_stand_only_so_deep_in_each_other(read: Read) -> None:
    deep = "<a>" * 100 + "x" + "</a>" * 100
    found = read(_rss(f"<item><g:id>1</g:id></item><item><g:id>2</g:id>{deep}</item>"))
    assert found.ids == ["1"]
    assert "more than 32 deep" in str(found.error)


def test_too_many_columns_and_nothing_at_all_are_said(read: Read) -> None:
    with pytest.raises(TooManyColumns):
        read(_rss("<item><g:id>1</g:id>" + "".join(f"<g:x{n}>y</g:x{n}>" for n in range(3_000)) + "</item>"))
    with pytest.raises(EmptyFeed, match="no item"):
        read(_rss(""))
    with pytest.raises(FeedError, match="past its beginning"):
        read('<?xml version="1.0" encoding="no-such"?><rss/>')
