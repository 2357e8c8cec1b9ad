"""Modes, smallest scores, folding and diversity; asking by several listings, by attributes, and for many at once."""

from typing import Any

import pytest
from sqlalchemy import text

from db.engine import transaction
from db.errors import BadQuestion, NotEnriched, UnknownListing
from db.similarity import SimilarListing, listings_like, similar_batch, similar_listings, similar_to, similar_to_many

Shop = Any  # the fixture's class, in conftest.py


@pytest.fixture(scope="module")
def shelf(module_shop: Shop) -> dict[str, int]:
    """Around "dress": its own photo at another seller, the same recompressed, a lookalike, other colours, a shirt."""
    shop = module_shop
    red, blue = {"colour:Red": 0.9, "fit:Slim": 0.6}, {"colour:Blue": 0.8, "fit:Slim": 0.7}
    ids: dict[str, int] = shop.stock(
        shop.item("dress", [1, 0, 0], of="same", attributes=red),
        shop.item("stolen", [1, 0, 0], of="same", seller="thief", attributes=red),
        shop.item("recompressed", [1, 0.05, 0], attributes=red),
        shop.item("lookalike", [1, 0.06, 0], colour="Red", attributes={"fit:Slim": 0.5}),
        shop.item("blue", [1, 0.3, 0], attributes=blue),
        shop.item("blue too", [1, 0.31, 0], attributes=blue),
        shop.item("said blue", [1, 0, 0.4], colour="Blue", attributes={"fit:Slim": 0.5}),
        shop.item("shirt", [0.1, 0, 1], categories={"Shirt": 0.9}, attributes={"pattern:Striped": 0.9}),
        shop.item("plain", [0.9, 0.5, 0]),
    )
    shop.rows("""
        UPDATE modiste.content c SET fingerprint = decode(CASE l.external_id
            WHEN 'dress' THEN repeat('80', 96) WHEN 'stolen' THEN repeat('80', 96)
            WHEN 'recompressed' THEN repeat('80', 48) || repeat('82', 48)
            ELSE repeat(md5(l.external_id), 6) END, 'hex')
        FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
        WHERE p.content_id = c.id AND l.external_id <> 'blue too'
    """)
    _, shards = shop.plan("waiting")
    assert shards
    return ids | {row["external_id"]: row["id"] for row in shop.rows("SELECT external_id, id FROM modiste.listing")}


def names(rows: list[SimilarListing]) -> list[str]:
    return [row.external_id for row in rows]


def ask(shop: Shop, asked: int, k: int = 10, **options: Any) -> list[SimilarListing]:
    with transaction(shop.engine) as connection:
        return similar_listings(connection, asked, k=k, options=options)


def test_the_same_item_shows_the_same_photo_by_both_signals(module_shop: Shop, shelf: dict[str, int]) -> None:
    found = ask(module_shop, shelf["dress"], mode="same_item")
    assert (names(found), {row.how for row in found}) == (["stolen", "recompressed"], {"partial"})
    assert names(ask(module_shop, shelf["lookalike"], mode="same_item")) == []


def test_another_colour_is_that_of_the_model_else_of_the_seller(module_shop: Shop, shelf: dict[str, int]) -> None:
    found = ask(module_shop, shelf["dress"], mode="other_colour")
    assert names(found) == ["blue", "blue too", "said blue"]
    assert found[0].why["colours"] == {"asked": "Red", "found": "Blue"}
    with pytest.raises(NotEnriched, match="has no colour"):
        ask(module_shop, shelf["plain"], mode="other_colour")
    with transaction(module_shop.engine) as connection, pytest.raises(BadQuestion, match="a vector has no colour"):
        similar_to(connection, [1, 0, 0], options={"mode": "other_colour"})


def test_nothing_below_the_smallest_score_answers(module_shop: Shop, shelf: dict[str, int]) -> None:
    found = ask(module_shop, shelf["dress"], min_score=0.95)
    assert (names(found)[-1], min(row.score for row in found) >= 0.95) == ("blue too", True)
    assert {row.how for row in found} == {"partial"}
    assert len(ask(module_shop, shelf["dress"], min_score=0)) == 8


def test_folded_are_those_that_show_the_photo_of_a_better_one(module_shop: Shop, shelf: dict[str, int]) -> None:
    found = ask(module_shop, shelf["blue"], fold=True)
    assert {row.external_id: row.folded for row in found if row.folded} == {"recompressed": 2}
    assert not {"dress", "stolen"} & set(names(found))
    assert len(found) + sum(row.folded for row in found) == 8


def test_any_photo_makes_two_listings_the_same_not_only_those_by_which_they_answer(shop: Shop) -> None:
    ids = shop.stock(
        shop.item("asked", [1, 0, 0]),
        shop.item("one", [1, 0.1, 0], [0, 1, 0]),
        shop.item("two", [1, 0.11, 0], [0, 1, 0.1]),
    )
    shop.rows("""
        UPDATE modiste.content c SET fingerprint = decode(
            CASE p.position WHEN 0 THEN repeat(md5(l.external_id), 6) ELSE repeat('80', 96) END, 'hex')
        FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id WHERE p.content_id = c.id
    """)
    assert [(row.external_id, row.folded) for row in ask(shop, ids["asked"], fold=True)] == [("one", 1)]
    assert names(ask(shop, ids["one"], mode="same_item")) == ["two"]
    assert names(ask(shop, ids["asked"], mode="same_item")) == []


def test_diversity_goes_from_the_nearest_to_what_differs_most(module_shop: Shop, shelf: dict[str, int]) -> None:
    plain = ask(module_shop, shelf["dress"], k=4)
    assert names(ask(module_shop, shelf["dress"], k=4, diversity=0)) == names(plain)
    varied = ask(module_shop, shelf["dress"], k=4, diversity=0.7)
    assert varied[0].external_id == plain[0].external_id
    assert "shirt" in names(varied)
    assert len(set(names(varied))) == 4


def test_more_like_these_and_less_like_that(module_shop: Shop, shelf: dict[str, int]) -> None:
    def find(liked: list[str], unliked: list[str], **more: Any) -> list[str]:
        with transaction(module_shop.engine) as connection:
            return names(
                similar_to_many(connection, [shelf[n] for n in liked], [shelf[n] for n in unliked], k=8, **more)
            )

    towards = find(["dress", "shirt"], [])
    assert towards[0] == "said blue"
    assert find(["dress", "shirt", "waiting"], []) == towards, "one that is not enriched yet is passed over"
    away = find(["dress"], ["blue"])
    assert away.index("said blue") < away.index("plain")
    assert "blue" not in away
    with pytest.raises(UnknownListing), transaction(module_shop.engine) as connection:
        similar_to_many(connection, [0])
    for liked, unliked in (([], []), (["dress"], ["dress"])):
        with pytest.raises(BadQuestion):
            find(liked, unliked)
    with pytest.raises(NotEnriched, match=r"none of the liked listings .* similar_listings says why"):
        find(["waiting"], [])


def test_attributes_alone_find_those_that_have_most_of_them(module_shop: Shop, shelf: dict[str, int]) -> None:
    with transaction(module_shop.engine) as connection:
        found = listings_like(connection, ["colour:Blue", "fit:Slim"], k=3)
        assert [(row.external_id, round(row.score, 2)) for row in found] == [
            ("blue", 0.75), ("blue too", 0.75), ("dress", 0.3)
        ]  # fmt: skip
        assert set(found[0].why["attributes"]) == {"colour:Blue", "fit:Slim"}
        assert names(listings_like(connection, ["pattern:Striped"], filters={"category": "Shirt"})) == ["shirt"]
    for wrong in (["blue"], [], [":x"]):
        with transaction(module_shop.engine) as connection, pytest.raises(BadQuestion, match="group:value"):
            listings_like(connection, wrong)


def test_a_batch_answers_as_single_questions_do_and_skips_whom_it_cannot_ask(
    module_shop: Shop, shelf: dict[str, int]
) -> None:
    asked = [shelf["dress"], shelf["waiting"], 0, shelf["blue"]]
    with transaction(module_shop.engine) as connection:
        found = similar_batch(connection, asked, k=3, filters={"category": "Dress"})
        single = similar_listings(connection, shelf["blue"], k=3, filters={"category": "Dress"})
        ranks = connection.scalars(
            text("SELECT rank FROM modiste.similar_batch(CAST(:a AS bigint[]), 3)"), {"a": asked}
        ).all()
    assert (list(found), found[shelf["waiting"]], found[0]) == (asked, [], [])
    assert found[shelf["blue"]] == single
    assert ranks == [1, 2, 3, 1, 2, 3]
    with transaction(module_shop.engine) as connection, pytest.raises(BadQuestion, match="at most 1000"):
        similar_batch(connection, [1] * 1001)
