from decimal import Decimal
from typing import Any

import pytest

from db import facets
from db.browsing import browse_listings, listing_cards
from db.engine import transaction
from db.errors import BadQuestion
from db.facets import count_listings, facet_counts

A = [1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def stocked(module_shop: Any) -> Any:
    module_shop.stock(
        module_shop.item(
            "red",
            A,
            title="Summer dress",
            brand="Acme",
            seller="Lee",
            price=20,
            attributes={"colour:Red": 0.9, "ratio:1:2": 0.8},
        ),
        module_shop.item("blue", A, price=49.9, attributes={"colour:Blue": 0.9}),
        module_shop.item("shirt", A, categories={"Shirt": 0.6}),
    )
    module_shop.stock(module_shop.item("tie", A, categories={"Tie": 0.6}), catalogue="other")
    return module_shop


def counts(found: Any) -> dict[str, int]:
    return {one.value: one.listings for one in found}


def test_values_are_those_that_the_active_version_has_seen_with_how_many_have_them(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        every = facet_counts(connection, {})
        assert counts(every.categories) == {"Dress": 2, "Shirt": 1, "Tie": 1}
        assert {group: counts(values) for group, values in every.attributes.items()} == {
            "colour": {"Blue": 1, "Red": 1},
            "ratio": {"1:2": 1},
        }
        assert counts(every.brands) == {"Acme": 1}
        other = facet_counts(connection, {"catalogue": "other"})
        assert (counts(other.categories), other.attributes) == ({"Tie": 1}, {})
        assert facet_counts(connection, {"catalogue": "nowhere"}).categories == []


def test_a_choice_narrows_the_other_lists_and_not_its_own(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        found = facet_counts(connection, {"attributes": ["colour:Red"]})
        assert counts(found.categories) == {"Dress": 1}
        assert counts(found.attributes["colour"]) == {"Blue": 1, "Red": 1}
        both = facet_counts(connection, {"category": "Shirt", "attributes": ["colour:Red"]})
        assert counts(both.categories) == {"Dress": 1}
        assert both.attributes == {}


def test_prices_sellers_and_sureness_have_lists_of_their_own(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        every = facet_counts(connection, {})
        assert (every.prices, counts(every.sellers)) == ((Decimal("20"), Decimal("49.9")), {"Lee": 1})
        assert every.sure + every.unsure == 4
        dear = facet_counts(connection, {"price_min": 30.0})
        assert (counts(dear.categories), dear.prices, dear.sellers) == ({"Dress": 1}, every.prices, [])
        assert count_listings(connection, {"price_min": 30.0}, at_most=10) == 1
        hers = facet_counts(connection, {"seller": "Lee"})
        assert (counts(hers.categories), counts(hers.sellers)) == ({"Dress": 1}, {"Lee": 1})
        assert [card.external_id for card in browse_listings(connection, filters={"seller": "Lee"}).listings] == ["red"]
        unsure = facet_counts(connection, {"abstained": True})
        assert sum(counts(unsure.categories).values()) == every.unsure
        assert (unsure.sure, unsure.unsure) == (every.sure, every.unsure)
        assert count_listings(connection, {"abstained": True}, at_most=10) == every.unsure


def test_many_listings_are_looked_at_as_a_sample(stocked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "LOOKED_AT", 1)
    with transaction(stocked.engine) as connection:
        assert len(facet_counts(connection, {}, listings=1).categories) == 1
        assert facet_counts(connection, {}, listings=4).estimated


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("summer", ["red"]),
        ("SUMMER dre", ["red"]),
        ("acme", ["red"]),
        ("blue", ["blue"]),
        ("summer shirt", []),
        ("'; & | ! <-> :* \"", ["red", "blue", "shirt", "tie"]),
        ("dress' & !summer", ["red"]),
    ],
)
def test_words_are_found_in_title_brand_and_id_the_last_by_its_beginning(
    stocked: Any, words: str, found: list[str]
) -> None:
    with transaction(stocked.engine) as connection:
        page = browse_listings(connection, words=words)
        assert [card.external_id for card in page.listings] == found
        assert count_listings(connection, {}, words, at_most=10) == len(found)
        assert sum(one.listings for one in facet_counts(connection, {}, words).categories) == len(found)


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
