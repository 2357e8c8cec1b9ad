from decimal import Decimal
from typing import Any

import pytest

from db.batches import PhotoToPlan
from db.browsing import browse_listings, list_catalogues, listing_details, listing_id_of
from db.engine import transaction
from db.errors import BadQuestion, UnknownListing
from db.listings import ListingData
from db.models import activate_model, register_model
from db.states import PhotoState, Reason

A, B = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]


@pytest.fixture(scope="module")
def stocked(module_shop: Any) -> Any:
    """Five listings, "bare" of them without an enrichment, and one in another catalogue."""
    module_shop.stock(
        module_shop.item(
            "red",
            A,
            B,
            title="Red dress",
            brand="Acme",
            price=Decimal("999.99"),
            currency="INR",
            gender="Women",
            colour="Red",
            seller="acme",
            metadata={"season": "Summer"},
            attributes={"colour:Red": 0.9, "fit:Slim": 0.95},
        ),
        module_shop.item("blue", B, colour="Blue", gender="Women", available=False, attributes={"colour:Blue": 0.7}),
        module_shop.item("shirt", A, colour="Red", gender="Men", price=Decimal("5.00"), categories={"Shirt": 0.6}),
        module_shop.item("last", A),
    )
    import_id = module_shop.begin()
    bare = module_shop.photo("bare", "https://img.example/bare.jpg")
    module_shop.write(import_id, listings=[ListingData(external_id="bare", colour="Red")], photos=[bare])
    module_shop.stock(module_shop.item("elsewhere", A, colour="Red"), catalogue="other")
    return module_shop


def listed(shop: Any, filters: dict[str, Any] | None = None, **paging: int) -> list[str]:
    with transaction(shop.engine) as connection:
        return [c.external_id for c in browse_listings(connection, filters=filters, **paging).listings]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["red", "blue", "shirt", "last", "bare", "elsewhere"]),
        ({"catalogue": "shop", "colour": "Red"}, ["red", "shirt", "bare"]),
        ({"colour": ["Red", "Blue"], "gender": "Women"}, ["red", "blue"]),
        ({"category": "Dress", "colour": "Red"}, ["red", "elsewhere"]),
        ({"attributes": ["colour:Red", "fit:Slim"]}, ["red"]),
        ({"price_min": 5, "price_max": 999.99}, ["red", "shirt"]),
        ({"available": False}, ["blue"]),
        ({"exclude_seller": "acme", "colour": "Red", "catalogue": "shop"}, ["shirt", "bare"]),
        ({"metadata.season": ["Summer", "Fall"]}, ["red"]),
        ({"brand": "' OR true --"}, []),
    ],
)
def test_a_filter_keeps_what_it_says_and_nothing_is_filtered_unasked(
    stocked: Any, filters: dict[str, Any], found: list[str]
) -> None:
    assert listed(stocked, filters) == found


def test_pages_follow_each_other_without_gap_or_repeat(stocked: Any) -> None:
    seen: list[str] = []
    after: int | None = 0
    with transaction(stocked.engine) as connection:
        while after is not None:
            page = browse_listings(connection, filters={"catalogue": "shop"}, after=after, limit=2)
            seen += [card.external_id for card in page.listings]
            after = page.next_after
    assert seen == listed(stocked, {"catalogue": "shop"})


def test_going_back_shows_the_pages_before(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        first = browse_listings(connection, limit=2)
        second = browse_listings(connection, after=first.next_after or 0, limit=2)
        assert (first.previous_before, second.previous_before) == (None, second.listings[0].id)
        back = browse_listings(connection, before=second.previous_before, limit=2)
        assert back == first
        third = browse_listings(connection, after=second.next_after or 0, limit=2)
        assert browse_listings(connection, before=third.previous_before, limit=2) == second


def test_a_card_tells_the_sellers_and_the_models_words(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        card = browse_listings(connection, limit=1).listings[0]
    assert (card.title, card.brand, card.price, card.currency) == ("Red dress", "Acme", Decimal("999.99"), "INR")
    assert card.enrichment is not None
    assert (card.enrichment.category, card.enrichment.photos, card.enrichment.model_version) == ("Dress", 2, "v1")
    assert [name for name, _ in card.enrichment.attributes] == ["fit:Slim", "colour:Red"]
    assert card.photo is not None
    assert (card.photo.state, len(card.photo.digest or "")) == (PhotoState.ENRICHED, 64)


def test_a_listing_without_an_enriched_photo_shows_its_first(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        bare = listing_details(connection, listing_id_of(connection, "shop", "bare"))
    assert bare.card.enrichment is None
    assert bare.card.photo is not None
    assert (bare.card.photo.state, bare.card.photo.digest) == (PhotoState.PENDING, None)


def test_an_unknown_filter_is_refused_in_the_words_of_sql(stocked: Any) -> None:
    with pytest.raises(BadQuestion, match=r'unknown filter "colr".*Known filters'):
        listed(stocked, {"colr": "Red"})


def test_the_details_of_a_listing_have_every_photo_in_order(shop: Any) -> None:
    import_id = shop.begin()
    photos = [
        PhotoToPlan(external_id="x", position=1, source="b.jpg", validator=None, reason=Reason.EMPTY, detail="0 bytes"),
        PhotoToPlan(external_id="x", position=0, source="a.jpg", validator=None),
    ]
    shop.write(import_id, listings=[ListingData(external_id="x", metadata={"year": "2015"})], photos=photos)
    with transaction(shop.engine) as connection:
        details = listing_details(connection, listing_id_of(connection, "shop", "x"))
    assert details.metadata == {"year": "2015"}
    assert [(p.source, p.state, p.reason, p.detail) for p in details.photos] == [
        ("a.jpg", PhotoState.PENDING, None, None),
        ("b.jpg", PhotoState.QUARANTINED, Reason.EMPTY, "0 bytes"),
    ]


def test_only_the_active_version_is_shown(shop: Any) -> None:
    shop.stock(shop.item("x", A))
    with transaction(shop.engine) as connection:
        register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={"version": "v2"})
        activate_model(connection, "v2")
        (card,) = browse_listings(connection).listings
    assert card.enrichment is None


def test_what_is_not_there_is_unknown(stocked: Any) -> None:
    with transaction(stocked.engine) as connection:
        with pytest.raises(UnknownListing, match="no listing 999999"):
            listing_details(connection, 999_999)
        with pytest.raises(UnknownListing, match="no listing red in catalogue nowhere"):
            listing_id_of(connection, "nowhere", "red")


def test_catalogues_are_counted_while_small_and_estimated_when_large(
    stocked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(stocked.engine) as connection:
        assert [(c.name, c.listings, c.estimated) for c in list_catalogues(connection)] == [
            ("other", 1, False),
            ("shop", 5, False),
        ]
        monkeypatch.setattr("db.browsing.COUNTED", 3)
        other, shop = list_catalogues(connection)
    assert (other.listings, other.estimated) == (1, False)
    assert shop.estimated
    assert shop.listings >= 3
