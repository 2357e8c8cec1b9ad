"""A catalogue read to be written out: what was found beside what was said, and what changed since."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from db.changes import MARGIN_S, decoded, oldest_begin
from db.engine import transaction
from db.errors import BadQuestion, UnknownCatalogue
from db.found import FoundListing, begin_export, found_listings, found_page, snapshot

Shop = Any  # the fixture's class, in conftest.py


def exported(shop: Shop, changes_since: str | None = None) -> tuple[list[FoundListing], str]:
    """What an export writes, and the cursor that it tells."""
    selection, cursor = begin_export(shop.engine, "shop", changes_since)
    with snapshot(shop.engine) as connection:
        return list(found_listings(connection, selection)), cursor.encoded()


def changed(shop: Shop, cursor: str) -> set[str]:
    return {listing.external_id for listing in exported(shop, cursor)[0]}


def grow_old(shop: Shop) -> None:
    """All that there is was written long ago."""
    shop.rows("UPDATE modiste.listing SET updated_at = now() - interval '1 day'")
    shop.rows("UPDATE modiste.listing_summary SET changed_at = now() - interval '1 day'")


@contextmanager
def begun(shop: Shop) -> Iterator[Connection]:
    """A transaction whose begin is fixed and that has written nothing yet; committed at the end."""
    with transaction(shop.engine) as connection:
        connection.execute(text("SELECT now()"))
        yield connection


def test_what_was_found_stands_beside_what_was_said_and_what_was_not_looked_at_is_there_too(shop: Shop) -> None:
    shop.stock(
        shop.item("a", [1, 0, 0], [0, 1, 0], colour="Crimson", attributes={"colour:Red": 0.5, "detail:Bow": 0.75}),
        shop.item("b", [1, 0, 0], categories={"Coat": 0.25}, abstained=True),
    )
    shop.stock(shop.item("a", [1, 0, 0]), catalogue="other")
    shop.plan("c")
    first, second, third = exported(shop)[0]
    assert (first.external_id, first.photos, first.colour, first.best("colour")) == (
        "a",
        ["a/0", "a/1"],
        "Crimson",
        "Red",
    )
    assert (first.category, first.sure_category, second.category, second.sure_category) == (
        "Dress",
        "Dress",
        "Coat",
        None,
    )
    assert (third.external_id, third.photos, third.category, third.attributes) == ("c", ["c.jpg"], None, {})
    sure = first.at_least(0.75)
    assert (sure.category, sure.attributes) == ("Dress", {"detail": [("Bow", 0.75)]})
    assert (second.at_least(0.75).category, replace(second, corrected=True).at_least(0.75).category) == (None, "Coat")


def test_pages_hold_what_the_cursor_of_the_server_gives(shop: Shop) -> None:
    shop.stock(*(shop.item(str(place), [1, 0, 0]) for place in range(5)))
    selection, _ = begin_export(shop.engine, "shop", None)
    with snapshot(shop.engine) as connection:
        listings = found_listings(connection, selection)
        first = next(listings)
        assert connection.scalar(text("SELECT count(*) FROM pg_cursors")) == 1
        everything = [first, *listings]
        page = found_page(connection, selection, after=everything[1].id, limit=2)
    assert page == everything[2:4]


def test_what_began_before_an_export_and_was_committed_after_it_is_not_lost(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [1, 0, 0]), shop.item("c", [1, 0, 0]))
    grow_old(shop)
    with begun(shop) as slow:
        with begun(shop) as quick:
            quick.execute(text("UPDATE modiste.listing SET price = 1, updated_at = now() WHERE external_id = 'b'"))
        rows, cursor = exported(shop)
        slow.execute(text("UPDATE modiste.listing SET price = 2, updated_at = now() WHERE external_id = 'a'"))
    assert [(row.external_id, row.price) for row in rows] == [("a", None), ("b", 1), ("c", None)]
    assert changed(shop, cursor) == {"a", "b"}, "b is given again, as it began after what was still running"
    assert changed(shop, exported(shop)[1]) == set()


def test_a_new_word_of_the_model_and_a_photo_that_came_or_went_are_changes(shop: Shop) -> None:
    shop.stock(
        shop.item("a", [1, 0, 0]), shop.item("b", [1, 0, 0]), shop.item("c", [1, 0, 0]), shop.item("d", [1, 0, 0])
    )
    grow_old(shop)
    cursor = exported(shop)[1]
    shop.rows("UPDATE modiste.listing_summary SET category = 'Coat', changed_at = now() WHERE listing_id = 1")
    shop.write(shop.begin(), gone={"b": [shop.known_photo("b", "b/0")]})
    shop.write(shop.begin(), photos=[shop.photo("c", "c/1", position=1)])
    assert changed(shop, cursor) == {"a", "b", "c"}


def test_after_another_version_became_active_everything_is_changed(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    grow_old(shop)
    cursor = exported(shop)[1]
    assert changed(shop, cursor) == set()
    shop.rows("UPDATE modiste.model_version SET name = 'v2'")
    assert changed(shop, cursor) == {"a"}


def test_without_an_active_version_there_are_the_sellers_words_and_the_first_one_changes_everything(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0], colour="Red"))
    shop.rows("UPDATE modiste.model_version SET state = 'registered'")
    grow_old(shop)
    (listing,), cursor = exported(shop)
    assert (listing.colour, listing.category) == ("Red", None)
    assert changed(shop, cursor) == set()
    shop.rows("UPDATE modiste.model_version SET state = 'active'")
    assert changed(shop, cursor) == {"a"}


def test_a_role_that_cannot_see_others_transactions_goes_back_by_the_margin(shop: Shop) -> None:
    with begun(shop), transaction(shop.engine) as connection:
        now = connection.scalar(text("SELECT now()"))
        connection.execute(text("SET LOCAL ROLE pg_signal_backend"))
        assert oldest_begin(connection) == now - timedelta(seconds=MARGIN_S)


def test_a_cursor_of_something_else_is_refused(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    cursor = exported(shop)[1]
    assert decoded(cursor).catalogue == "shop"
    shop.stock(shop.item("a", [1, 0, 0]), catalogue="other")
    with pytest.raises(BadQuestion, match="of catalogue shop, not of other"):
        begin_export(shop.engine, "other", cursor)
    for broken in ("", "x", cursor[:-3], "AAAAAAAAB4"):
        with pytest.raises(BadQuestion, match="no cursor of an export"):
            decoded(broken)
    with pytest.raises(UnknownCatalogue, match="there are other, shop"):
        begin_export(shop.engine, "spring", None)
