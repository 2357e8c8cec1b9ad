"""`/listings/{id}`: one listing's photos, what the model and what the seller says of it, and what is similar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.pages import wording
from api.pages.choice import Choice, Link
from api.pages.site import UseSite
from api.pages.tiles import Picture, Seen, SimilarTile, name_of, picture_of, seen_of, similar_tiles
from api.resources import Use
from api.sources import public_source
from api.texts import ListingId
from db.browsing import ListingCard, ListingDetails, PhotoDetails, listing_cards, listing_details
from db.corrections import CATEGORY
from db.engine import transaction
from db.errors import NoActiveModel, NotEnriched
from db.review import ReviewItem, contradictions_of
from db.similarity import similar_listings

SIMILAR = 12
# What is less alike has only the photo's ground in common, mostly.
ALIKE = 0.4

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A way to be similar: `name` in the address, `text` on the page, `none` where there is nothing."""

    name: str
    text: str
    none: str
    options: Mapping[str, Any]


LOOKS = (
    Look(
        name="style",
        text="Like it",
        none="Nothing else in this catalogue is alike enough.",
        options={"fold": True, "min_score": ALIKE},
    ),
    Look(
        name="colour",
        text="In other colours",
        none="Nothing like it in another colour.",
        options={"mode": "other_colour", "fold": True, "min_score": ALIKE},
    ),
    Look(
        name="varied",
        text="More varied",
        none="Nothing else in this catalogue is alike enough.",
        options={"diversity": 0.5, "fold": True, "min_score": ALIKE},
    ),
    Look(
        name="photo",
        text="With the same photo",
        none="No other listing shows one of these photos.",
        options={"mode": "same_item"},
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoView:
    """A photo, or why there is none to see."""

    picture: Picture | None
    state: str | None
    reason: str | None
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Conflict:
    """What the photos contradict the seller in; `name` is that of the seller's word, `href` where it is reviewed."""

    name: str
    text: str
    href: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingPage:
    """All that the template shows. `partial`: fewer are similar than were asked for."""

    title: str
    brand: str | None
    price: str | None
    available: bool
    catalogue: str
    catalogue_href: str
    photos: Sequence[PhotoView]
    seen: Seen | None
    model_version: str | None
    said: Sequence[tuple[str, str]]
    conflicts: Sequence[Conflict]
    review: str
    looks: Sequence[Link]
    similar: Sequence[SimilarTile]
    none_similar: str


@router.get("/listings/{listing_id}")
def listing(use: Use, site: UseSite, listing_id: ListingId, look: str = LOOKS[0].name) -> Response:
    """`look`: one of LOOKS; what is none of them is the first."""
    chosen = next((one for one in LOOKS if one.name == look), LOOKS[0])
    with transaction(use.engine) as connection:
        details = listing_details(connection, listing_id)
        similar = similar_to_listing(connection, details.card, chosen)
        against = contradictions_of(connection, listing_id)
    return site.page("listing.html", page=page_of(details, chosen, similar, against))


def similar_to_listing(connection: Connection, card: ListingCard, look: Look) -> list[SimilarTile]:
    """Nothing is similar to what the model has not looked at, or of another colour than one that nobody knows."""
    if card.enrichment is None:
        return []
    try:
        with connection.begin_nested():
            rows = similar_listings(connection, card.id, k=SIMILAR, options=look.options)
    except (NotEnriched, NoActiveModel):
        return []
    return similar_tiles(rows, listing_cards(connection, [row.listing_id for row in rows]))


def looks_of(card: ListingCard, chosen: Look) -> list[Link]:
    """The ways to be similar, as addresses of this page."""
    here = f"/listings/{card.id}"
    return [
        Link(
            href=f"{here}#similar" if look is LOOKS[0] else f"{here}?look={look.name}#similar",
            text=look.text,
            here=look is chosen,
        )
        for look in LOOKS
    ]


def conflict(item: ReviewItem) -> Conflict:
    return Conflict(
        name=wording.group_name(item.field),
        text=f"The photo shows {item.seen}, as few that are called “{item.said}” do: most are seen as {item.usual}.",
        href=review_url(item.listing_id, item.field),
    )


def review_url(listing_id: int, field: str) -> str:
    return f"/review?listing={listing_id}&field={field}"


def page_of(
    details: ListingDetails, look: Look, similar: Sequence[SimilarTile], against: Sequence[ReviewItem]
) -> ListingPage:
    card = details.card
    return ListingPage(
        title=name_of(card),
        brand=card.brand,
        price=wording.price(card.price, card.currency),
        available=card.available,
        catalogue=card.catalogue,
        catalogue_href=Choice(catalogue=card.catalogue).url(),
        photos=[photo_view(photo, name_of(card), len(details.photos)) for photo in details.photos],
        seen=seen_of(card.enrichment),
        model_version=card.enrichment.model_version if card.enrichment else None,
        said=seller_said(card, details.metadata),
        conflicts=[conflict(item) for item in against],
        review=review_url(card.id, CATEGORY),
        looks=looks_of(card, look),
        similar=similar,
        none_similar=look.none,
    )


def photo_view(photo: PhotoDetails, name: str, of: int) -> PhotoView:
    alt = f"{name}, photo {photo.position + 1} of {of}" if of > 1 else name
    return PhotoView(
        picture=picture_of(photo.id, photo.digest, photo.state, alt=alt),
        state=wording.STATES.get(photo.state),
        reason=wording.reason(photo.reason) if photo.reason else None,
        source=public_source(photo.source),
    )


def seller_said(card: ListingCard, metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the feed gave, named as in its columns; what it left out is left out."""
    known = {
        "Seller's id": card.external_id,
        "Category": card.seller_category,
        "Colour": card.colour,
        "Gender": card.gender,
        "Size": card.size,
        "Brand": card.brand,
        "Price": wording.price(card.price, card.currency),
        "Seller": card.seller,
    }
    more = {wording.group_name(name): str(value) for name, value in metadata.items() if value not in (None, "")}
    return [(name, value) for name, value in known.items() if value] + list(more.items())
