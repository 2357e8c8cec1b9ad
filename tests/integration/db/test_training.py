"""What a catalogue has to learn from."""

from typing import Any

import pytest
from sqlalchemy import text

from db.engine import transaction
from db.errors import UnknownCatalogue
from db.training import Stock, TrainingPhoto, metadata_keys, training_photos, training_stock

Shop = Any  # the fixture's class, in conftest.py


def photos_of(shop: Shop, catalogue: str = "shop") -> list[TrainingPhoto]:
    with transaction(shop.engine) as connection:
        return list(training_photos(connection, catalogue))


def stock_of(shop: Shop, catalogue: str = "shop") -> Stock:
    with transaction(shop.engine) as connection:
        return training_stock(connection, catalogue)


def test_each_photo_comes_with_the_seller_s_words_listing_by_listing(shop: Shop) -> None:
    shop.stock(
        shop.item("a", [1, 0, 0], [0, 1, 0], seller_category="Dress", colour="Red", metadata={"sleeve": "Long"}),
        shop.item("b", [0, 0, 1], title="B", brand="Acme", gender="Men", size="M", metadata={"neck": "V"}),
    )
    shop.stock(shop.item("a", [1, 0, 0]), catalogue="other")
    first, second, third = photos_of(shop)
    assert first.sha256 == shop.content("shop/a/0").sha256.hex()
    assert (first.external_id, first.category, first.colour, first.metadata) == (
        "a",
        "Dress",
        "Red",
        {"sleeve": "Long"},
    )
    assert (second.sha256, second.external_id) == (shop.content("shop/a/1").sha256.hex(), "a")
    assert (third.title, third.brand, third.gender, third.size, third.category) == ("B", "Acme", "Men", "M", None)
    with transaction(shop.engine) as connection:
        assert metadata_keys(connection, "shop") == ["neck", "sleeve"]
        assert metadata_keys(connection, "other") == []
    assert stock_of(shop) == Stock(listings=2, photos=3, unseen=0, quarantined=0, usable=3, known=3)


def test_a_content_of_several_listings_is_one_example_of_the_one_that_says_what_it_is(shop: Shop) -> None:
    shop.stock(
        shop.item("a", [1, 0, 0], of="same"),
        shop.item("b", [1, 0, 0], of="same", seller_category="Dress"),
        shop.item("c", [1, 0, 0], of="same", seller_category="Skirt"),
    )
    (photo,) = photos_of(shop)
    assert (photo.external_id, photo.category) == ("b", "Dress")
    stock = stock_of(shop)
    assert (stock.usable, stock.known) == (3, 1)


def test_what_a_model_said_is_no_truth_unless_a_person_corrected_it(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0], categories={"Coat": 1.0}), shop.item("b", [1, 0, 0], seller_category="Dress"))
    assert [photo.category for photo in photos_of(shop)] == [None, "Dress"]
    shop.rows("""INSERT INTO modiste.correction (listing_id, field, now, who)
                 SELECT id, 'category', 'Gown', 'Ann' FROM modiste.listing""")
    assert [(photo.category, photo.seller_category) for photo in photos_of(shop)] == [("Gown", None), ("Gown", "Dress")]


def test_photos_never_looked_at_or_in_quarantine_are_counted_and_left_out(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [1, 0, 0]))
    shop.rows("""UPDATE modiste.photo SET state = 'quarantined', reason = 'not_an_image'
                 WHERE listing_id = (SELECT id FROM modiste.listing WHERE external_id = 'b')""")
    shop.plan("c")
    assert [photo.external_id for photo in photos_of(shop)] == ["a"]
    assert stock_of(shop) == Stock(listings=3, photos=3, unseen=1, quarantined=1, usable=1, known=1)


def test_a_catalogue_that_nobody_made_is_named_with_those_there_are(shop: Shop) -> None:
    with pytest.raises(UnknownCatalogue, match="no catalogue spring; there is none yet"):
        stock_of(shop, "spring")
    shop.stock(shop.item("a", [1, 0, 0]))
    with pytest.raises(UnknownCatalogue, match="no catalogue spring; there are shop"):
        stock_of(shop, "spring")


def test_rows_come_through_a_cursor_of_the_server(shop: Shop) -> None:
    shop.stock(*(shop.item(str(place), [1, 0, 0]) for place in range(5)))
    with transaction(shop.engine) as connection:
        photos = training_photos(connection, "shop")
        next(photos)
        # psycopg2 keeps the rows of any other result in this process.
        assert connection.scalar(text("SELECT count(*) FROM pg_cursors")) == 1
        assert len(list(photos)) == 4
