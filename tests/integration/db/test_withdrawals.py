"""Whole feeds: what they lack is withdrawn, what is newer than they are is not, and what comes back is there again."""

from typing import Any

import pytest

from db.catalogues import lock_catalogue
from db.engine import transaction
from db.errors import ImportCancelled
from db.imports import begin_import
from db.listings import ListingData
from db.states import Lane
from db.withdrawals import Missing, find_missing, withdraw

Shop = Any  # the fixture's class, in conftest.py


def begin_whole(shop: Shop, share_max: float = 0.2) -> int:
    with transaction(shop.engine) as connection:
        return begin_import(
            connection,
            catalogue="shop",
            feed="feed.csv",
            lane=Lane.BULK,
            model_version_id=shop.version,
            whole=True,
            withdraw_share_max=share_max,
        )


def missing_in(shop: Shop, import_id: int) -> Missing:
    with transaction(shop.engine) as connection:
        return find_missing(connection, import_id)


def available(shop: Shop) -> list[str]:
    return [
        row["external_id"] for row in shop.rows("SELECT external_id FROM modiste.listing WHERE available ORDER BY 1")
    ]


def test_what_no_row_is_of_is_missing_and_what_was_written_meanwhile_is_not(shop: Shop) -> None:
    ids = shop.stock(*(shop.item(name, [1, 0, 0]) for name in "abcd"))
    shop.stock(shop.item("z", [1, 0, 0]), catalogue="other")
    shop.rows("UPDATE modiste.listing SET available = false WHERE external_id = 'd'")
    import_id = begin_whole(shop)
    shop.write(import_id, listings=[ListingData(external_id="a", title="in the feed")])
    shop.rows("INSERT INTO modiste.import_row VALUES (:id, 900, 'b', 'rejected', 'price', 'bad_price')", id=import_id)
    shop.write(shop.begin(), listings=[ListingData(external_id="e", title="put by hand meanwhile")])
    found = missing_in(shop, import_id)
    assert (list(found.listing_ids), found.available) == ([ids["c"]], 3)
    assert missing_in(shop, shop.begin()).listing_ids == ()  # of an import that is not whole nothing is


def test_a_withdrawn_listing_is_found_by_nobody_until_a_feed_has_it_again(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [0, 1, 0]))
    similar = "SELECT count(*) FROM modiste.similar_listings(:id)"
    assert shop.one(similar, id=ids["a"]) == 1
    import_id = begin_whole(shop)
    with transaction(shop.engine) as connection:
        lock_catalogue(connection, "shop")
        withdraw(connection, import_id, [ids["b"]])
        withdraw(connection, import_id, [ids["b"]])  # as whoever goes on after a fault
    assert (available(shop), shop.status(import_id).listings_withdrawn) == (["a"], 1)
    assert shop.one(similar, id=ids["a"]) == 0
    assert shop.rows(
        "SELECT withdrawn_in, updated_at > created_at AS told FROM modiste.listing WHERE NOT available"
    ) == [{"withdrawn_in": import_id, "told": True}]
    shop.write(shop.begin(), listings=[ListingData(external_id="b")])
    assert available(shop) == ["a", "b"]
    assert shop.one("SELECT count(*) FROM modiste.listing WHERE withdrawn_in IS NOT NULL") == 0
    assert shop.one(similar, id=ids["a"]) == 1


def test_nothing_is_withdrawn_by_an_import_that_was_cancelled(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0]))
    import_id = begin_whole(shop)
    shop.rows("UPDATE modiste.import SET state = 'cancelled' WHERE id = :id", id=import_id)
    with pytest.raises(ImportCancelled), transaction(shop.engine) as connection:
        withdraw(connection, import_id, [ids["a"]])
    assert available(shop) == ["a"]


def test_a_share_is_what_was_asked_for_although_it_is_kept_in_four_bytes(shop: Shop) -> None:
    names = [f"l{number}" for number in range(10)]
    shop.write(shop.begin(), listings=[ListingData(external_id=name) for name in names])
    import_id = begin_whole(shop, share_max=0.7)
    shop.write(import_id, listings=[ListingData(external_id=name, title="in the feed") for name in names[:3]])
    found = missing_in(shop, import_id)
    assert (len(found.listing_ids), found.available, found.refusal) == (7, 10, "")
