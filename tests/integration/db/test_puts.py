from decimal import Decimal
from typing import Any

from db.control import pause_import
from db.engine import transaction
from db.listings import ListingData
from db.puts import Put, put_listing
from db.rows import FoundPhoto
from db.shards import take_unsent
from db.states import ImportState, Lane, RowOutcome

URL = "https://shop.example/a.jpg"


def put(shop: Any, *photos: str, known: str | None = None, **said: Any) -> Put:
    def find(reference: str) -> FoundPhoto | None:
        return FoundPhoto(name=reference, validator="1", content=shop.content(known)) if known else None

    with transaction(shop.engine) as connection:
        return put_listing(
            connection,
            catalogue="shop",
            listing=ListingData(external_id="a", **said),
            photos=photos,
            find_photo=find,
        )


def test_a_new_listing_is_there_at_once_and_its_photo_waits_in_the_interactive_lane(shop: Any) -> None:
    made = put(shop, URL, title="Dress")
    assert (made.outcome, made.photos_pending) == (RowOutcome.NEW, 1)
    assert shop.one("SELECT title FROM modiste.listing WHERE id = :id", id=made.listing_id) == "Dress"
    with transaction(shop.engine) as connection:
        ((_, lane),) = take_unsent(connection)
    assert lane is Lane.INTERACTIVE


def test_a_new_price_needs_no_worker(shop: Any) -> None:
    put(shop, URL, price=Decimal(5))
    made = put(shop, URL, price=Decimal(4))
    assert (made.outcome, made.photos_pending) == (RowOutcome.CHANGED, 0)
    assert shop.status(made.import_id).state is ImportState.DONE


def test_the_same_again_changes_nothing(shop: Any) -> None:
    put(shop, URL)
    assert put(shop, URL).outcome is RowOutcome.UNCHANGED


def test_a_photo_whose_content_is_known_is_enriched_before_the_answer(shop: Any) -> None:
    shop.stock(shop.item("b", [1.0, 0, 0], of="same"))
    made = put(shop, "uploaded", known="shop/same")
    assert (made.photos_pending, made.photos_known) == (0, 1)
    assert shop.one("SELECT category FROM modiste.listing_enrichment WHERE external_id = 'a'") == "Dress"


def test_photos_that_are_not_named_any_more_are_dropped(shop: Any) -> None:
    put(shop, URL, "https://shop.example/b.jpg")
    put(shop, URL)
    assert shop.one("SELECT source FROM modiste.photo") == URL


def test_a_photo_that_waits_in_bulk_work_waits_no_longer(shop: Any) -> None:
    bulk = shop.begin()
    listings = [ListingData(external_id=name) for name in "ab"]
    shop.write(bulk, listings=listings, photos=[shop.photo(name, URL) for name in "ab"])
    shop.end_planning(bulk)
    with transaction(shop.engine) as connection:
        pause_import(connection, bulk)
    made = put(shop, URL)
    assert made.photos_pending == 1
    with transaction(shop.engine) as connection:
        ((shard, lane),) = take_unsent(connection)
    shop.finish(shop.take(shard))
    assert lane is Lane.INTERACTIVE
    assert shop.status(made.import_id).state is ImportState.DONE
    assert (shop.status(bulk).photos_cancelled, shop.status(bulk).photos_pending) == (1, 1)
    assert put(shop, URL).photos_pending == 0
