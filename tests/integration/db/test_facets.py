from typing import Any

import pytest

from db import facets
from db.browsing import listing_cards
from db.engine import transaction
from db.errors import BadQuestion
from db.facets import count_listings, facet_values

A = [1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def stocked(module_shop: Any) -> Any:
    module_shop.stock(
        module_shop.item("red", A, attributes={"colour:Red": 0.9, "ratio:1:2": 0.8}),
        module_shop.item("blue", A, attributes={"colour:Blue": 0.9}),
        module_shop.item("shirt", A, categories={"Shirt": 0.6}),
    )
    module_shop.stock(module_shop.item("tie", A, categories={"Tie": 0.6}), catalogue="other")
    return module_shop


def test_values_are_those_that_the_active_version_has_seen(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        every = facet_values(connection)
        assert every.categories == ["Dress", "Shirt", "Tie"]
        assert every.attributes == {"colour": ["Blue", "Red"], "ratio": ["1:2"]}
        other = facet_values(connection, "other")
        assert (other.categories, other.attributes) == (["Tie"], {})
        assert facet_values(connection, "nowhere").categories == []


def test_values_are_looked_for_in_a_bounded_number_of_rows(stocked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "LOOKED_AT", 1)
    with transaction(stocked.engine) as connection:
        assert len(facet_values(connection).categories) == 1


@pytest.mark.parametrize(
    ("filters", "at_most", "count"),
    [({}, 10, 4), ({}, 3, 3), ({"category": "Dress"}, 10, 2), ({"attributes": ["colour:Red"]}, 10, 1)],
)
def test_listings_are_counted_no_further_than_needed(stocked: Any, filters: Any, at_most: int, count: int) -> None:
    with transaction(stocked.engine) as connection:
        assert count_listings(connection, filters, at_most=at_most) == count


def test_a_filter_that_cannot_be_read_is_a_bad_question(stocked: Any) -> None:
    with pytest.raises(BadQuestion), transaction(stocked.engine) as connection:
        count_listings(connection, {"nonsense": 1}, at_most=1)


def test_cards_come_in_the_order_that_was_asked_for_without_who_is_gone(stocked: Any) -> None:
    ids = {row["external_id"]: row["id"] for row in stocked.rows("SELECT external_id, id FROM modiste.listing")}
    with transaction(stocked.engine) as connection:
        cards = listing_cards(connection, [ids["tie"], 999_999, ids["red"]])
        assert [card.external_id for card in cards] == ["tie", "red"]
        assert listing_cards(connection, []) == []
