"""Which listings are worth a person's look: what the catalogue itself shows to be odd, the worst first."""

import json
from typing import Any

import pytest

from db.corrections import correct_listing, undo_correction
from db.engine import transaction
from db.quality import Missing, missing_words, shared_photos
from db.review import Kind, Queue, contradictions_of, likely_words, review_queue

Shop = Any  # the fixture's class, in conftest.py


@pytest.fixture(scope="module")
def stocked(module_shop: Shop) -> Shop:
    """Skirts and dresses by their sellers' words, in Polish; one skirt looks like a dress, a dress like trousers."""
    shop = module_shop
    labels = {
        "categories": ["Dress", "Skirt", "Trousers"],
        "groups": [{"name": "colour", "values": ["Blue", "Red"], "exclusive": True, "categories": []}],
    }
    shop.rows("UPDATE modiste.model_version SET manifest = :m", m=json.dumps({"labels": labels}))

    def item(name: str, category: str, score: float, word: str, **said: Any) -> Any:
        seller = said.pop("seller", "Ola")
        seen = {"categories": {category: score, "Trousers" if category != "Trousers" else "Dress": 0.05}}
        return shop.item(
            name, [1, 0, 0], **seen, attributes=said.pop("attributes", {"colour:Blue": 0.9}), seller_category=word,
            seller=seller, colour=said.pop("colour", "Niebieski"), **said,
        )  # fmt: skip

    shop.stock(
        *(item(f"skirt{n}", "Skirt", 0.9, "Spódnica") for n in range(8)),
        *(item(f"dress{n}", "Dress", 0.9, "Sukienka") for n in range(9)),
        item("like-a-dress", "Dress", 0.8, "Spódnica"),
        item("like-trousers", "Trousers", 0.95, "Sukienka", attributes={"colour:Red": 0.7}),
        item("unsure", "Skirt", 0.3, "Spódnica", abstained=True),
        *(
            item(f"trousers{n}", "Trousers", 0.9, "Spodnie", colour="Czerwony", attributes={"colour:Red": 0.9})
            for n in range(4)
        ),
        item("rare", "Trousers", 0.9, "kapelusz"),
        shop.item("hers", [1, 0, 0], of="shared", categories={"Dress": 0.9}, seller="Ola"),
        shop.item("theirs", [1, 0, 0], of="shared", categories={"Dress": 0.9}, seller="Ala"),
    )
    return shop


def queue(shop: Shop, **wanted: Any) -> Queue:
    with transaction(shop.engine) as connection:
        return review_queue(connection, **{"limit": 10, **wanted})


def names(shop: Shop, found: Queue) -> list[str]:
    by_id = {row["id"]: row["external_id"] for row in shop.rows("SELECT id, external_id FROM modiste.listing")}
    return [by_id[item.listing_id] for item in found.items]


def test_a_listing_contradicts_its_seller_where_others_with_the_word_are_seen_otherwise(stocked: Shop) -> None:
    found = queue(stocked, kind=Kind.CATEGORY)
    assert names(stocked, found) == ["like-trousers", "like-a-dress"]
    first = found.items[0]
    assert (first.said, first.seen, first.usual, first.alike) == ("Sukienka", "Trousers", "Dress", 10)
    assert first.share == pytest.approx(0.1)
    assert queue(stocked, kind=Kind.CATEGORY, catalogue="another").items == []


def test_the_queue_of_all_kinds_goes_from_the_most_valuable_on(stocked: Shop) -> None:
    found = queue(stocked)
    assert names(stocked, found) == ["like-trousers", "like-a-dress", "like-trousers", "unsure"]
    assert [item.field for item in found.items] == ["category", "category", "colour", "category"]
    after = queue(stocked, after=found.items[1].position)
    assert (names(stocked, after), after.left) == (["like-trousers", "unsure"], 2)


def test_what_was_answered_is_not_asked_again_until_it_is_taken_back(stocked: Shop) -> None:
    first = queue(stocked).items[0]
    with transaction(stocked.engine) as connection:
        made = correct_listing(connection, first.listing_id, field="category", now="Dress", who="Ann")
    assert names(stocked, queue(stocked, kind=Kind.CATEGORY)) == ["like-a-dress"]
    assert names(stocked, queue(stocked, kind=Kind.COLOUR)) == ["like-trousers"]
    with transaction(stocked.engine) as connection:
        undo_correction(connection, made)
    assert queue(stocked).items[0] == first


def test_one_listing_is_held_against_others_with_its_word(stocked: Shop) -> None:
    first = queue(stocked).items[0]
    plain = stocked.one("SELECT id FROM modiste.listing WHERE external_id = 'dress0'")
    with transaction(stocked.engine) as connection:
        item, _of_colour = contradictions_of(connection, first.listing_id)
        assert (item.field, item.seen) == ("category", "Trousers")
        assert contradictions_of(connection, plain) == []
        assert likely_words(connection, first.listing_id, "category") == ["Trousers", "Dress"]
        assert likely_words(connection, first.listing_id, "colour") == ["Red"]


def test_photos_of_several_sellers_and_missing_words_are_found(stocked: Shop) -> None:
    with transaction(stocked.engine) as connection:
        (shared,) = shared_photos(connection, "shop")
        lacking = missing_words(connection, "shop")
    assert (shared.sellers, len(shared.listing_ids)) == (["Ala", "Ola"], 2)
    assert Missing(field="colour", listings=2) in lacking
    assert not [one for one in lacking if one.field == "photo"]
