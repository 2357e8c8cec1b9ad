"""What people say is true of a listing, and what follows from it."""

import json
from typing import Any

import pytest

from db.corrections import correct_listing, correctable, find_correction, list_corrections, undo_correction
from db.engine import transaction
from db.errors import BadQuestion, NotEnriched, UnknownListing
from db.models import activate_model, register_model
from db.training import metadata_keys, training_photos

Shop = Any  # the fixture's class, in conftest.py

LABELS = {
    "categories": ["Coat", "Dress", "Gown"],
    "groups": [
        {"name": "colour", "values": ["Blue", "Red"], "exclusive": True, "categories": []},
        {"name": "sleeve", "values": ["Long", "Short"], "exclusive": True, "categories": ["Dress"]},
    ],
}


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    shop.rows("UPDATE modiste.model_version SET manifest = :m", m=json.dumps({"labels": LABELS}))
    shop.stock(
        shop.item("a", [1, 0, 0], categories={"Coat": 0.6}, attributes={"colour:Blue": 0.7}, abstained=True),
        shop.item("b", [0, 1, 0], categories={"Dress": 0.9}, attributes={"colour:Red": 0.8, "sleeve:Long": 0.5}),
    )
    return shop


def correct(shop: Shop, external_id: str, field: str, now: str | None, **given: Any) -> int:
    listing_id = shop.one("SELECT id FROM modiste.listing WHERE external_id = :e", e=external_id)
    with transaction(shop.engine) as connection:
        return correct_listing(connection, listing_id, field=field, now=now, who="Ann", **given)


def said_of(shop: Shop, external_id: str) -> dict[str, Any]:
    (row,) = shop.rows("SELECT * FROM modiste.listing_enrichment WHERE external_id = :e", e=external_id)
    return dict(row)


def places(shop: Shop) -> list[str]:
    """The categories among whose vectors each content is searched."""
    rows = shop.rows(f"SELECT category FROM modiste.embedding_{shop.version} ORDER BY content_id")
    return [row["category"] for row in rows]


def test_a_corrected_category_is_the_listing_s_truth_and_its_vector_moves_with_it(stocked: Shop) -> None:
    made = correct(stocked, "a", "category", "Gown")
    said = said_of(stocked, "a")
    assert (said["category"], said["category_score"], said["abstained"], said["corrected"]) == (
        "Gown",
        1.0,
        False,
        True,
    )
    assert places(stocked) == ["Gown", "Dress"]
    with transaction(stocked.engine) as connection:
        row = find_correction(connection, made)
    assert row is not None
    assert (row.field, row.was, row.now, row.who, row.photo_id is not None) == ("category", "Coat", "Gown", "Ann", True)


def test_what_is_taken_back_is_as_it_was_and_an_earlier_word_counts_again(stocked: Shop) -> None:
    before = said_of(stocked, "a")
    first, second = correct(stocked, "a", "category", "Gown"), correct(stocked, "a", "category", "Dress")
    with transaction(stocked.engine) as connection:
        undo_correction(connection, second)
    assert (said_of(stocked, "a")["category"], places(stocked)[0]) == ("Gown", "Gown")
    with transaction(stocked.engine) as connection:
        undo_correction(connection, first)
    assert (said_of(stocked, "a"), places(stocked)[0]) == (before, "Coat")
    with pytest.raises(UnknownListing, match="no correction"), transaction(stocked.engine) as connection:
        undo_correction(connection, first)


def test_attributes_are_corrected_a_group_at_a_time_also_to_none_of_it(stocked: Shop) -> None:
    correct(stocked, "b", "colour", "Blue")
    correct(stocked, "b", "sleeve", None)
    said = said_of(stocked, "b")
    assert (said["attributes"], said["attribute_scores"], said["corrected"]) == (["colour:Blue"], [1.0], False)


def test_a_confirmed_category_is_a_correction_to_itself(stocked: Shop) -> None:
    correct(stocked, "a", "category", "Coat")
    assert (said_of(stocked, "a")["abstained"], said_of(stocked, "a")["corrected"]) == (False, True)
    with transaction(stocked.engine) as connection:
        assert [(row.was, row.now) for row in list_corrections(connection, "shop")] == [("Coat", "Coat")]
        assert list(list_corrections(connection, "another")) == []


def test_a_new_photo_and_a_new_version_do_not_forget_what_a_person_said(stocked: Shop) -> None:
    correct(stocked, "a", "category", "Gown")
    with transaction(stocked.engine) as connection:
        second = register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={"v": 2})
        activate_model(connection, "v2")
    stocked.stock(
        stocked.item("a", [0, 0, 1], [1, 0, 0], categories={"Dress": 0.9}),
        version=second,
    )
    assert said_of(stocked, "a")["category"] == "Gown"
    moved = stocked.rows(f"SELECT category FROM modiste.embedding_{second}")
    assert {row["category"] for row in moved} == {"Gown"}


@pytest.mark.parametrize(
    ("field", "now", "message"),
    [
        ("category", "Kimono", "knows Coat, Dress, Gown"),
        ("category", None, "no category"),
        ("colour", "Mauve", "knows Blue, Red"),
        ("heel", "High", "Correct category, colour, sleeve"),
        ("", "x", "is nothing that"),
    ],
)
def test_a_word_that_the_model_does_not_have_is_refused_with_those_it_has(
    stocked: Shop, field: str, now: str | None, message: str
) -> None:
    with pytest.raises(BadQuestion, match=message):
        correct(stocked, "a", field, now)
    assert stocked.rows("SELECT * FROM modiste.correction") == []


def test_what_nobody_has_seen_or_is_not_there_cannot_be_corrected(stocked: Shop) -> None:
    stocked.plan("waiting")
    with pytest.raises(NotEnriched, match="nothing to correct"):
        correct(stocked, "waiting", "category", "Coat")
    with pytest.raises(BadQuestion, match="none of listing"):
        correct(stocked, "a", "category", "Coat", photo_id=10**6)
    with pytest.raises(UnknownListing), transaction(stocked.engine) as connection:
        correct_listing(connection, 10**9, field="category", now="Coat", who="Ann")


def test_corrected_listings_teach_what_people_said_of_them(stocked: Shop) -> None:
    correct(stocked, "b", "sleeve", "Short")
    with transaction(stocked.engine) as connection:
        (photo,) = training_photos(connection, "shop", corrected_only=True)
        assert (photo.external_id, photo.corrections) == ("b", {"sleeve": "Short"})
        assert metadata_keys(connection, "shop") == ["sleeve"]
        assert len(list(training_photos(connection, "shop"))) == 2


def test_the_words_that_can_be_said_are_the_active_version_s(stocked: Shop) -> None:
    with transaction(stocked.engine) as connection:
        assert dict(correctable(connection)) == {
            "category": ["Coat", "Dress", "Gown"],
            "colour": ["Blue", "Red"],
            "sleeve": ["Long", "Short"],
        }
