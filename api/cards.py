"""Listings as HTTP shows them: cards for lists, details for one. Makes them of `db.browsing`'s rows."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.sources import public_source
from db.browsing import CardPhoto, ListingCard, ListingDetails, ListingEnrichment, PhotoDetails
from db.states import PhotoState, Reason


class Shown(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True, protected_namespaces=())


class Attribute(Shown):
    """An attribute the model saw, and how sure it was."""

    name: str = Field(description="`group:value`.", examples=["colour:Blue"])
    score: float = Field(description="0 to 1.", examples=[0.93])


class Enrichment(Shown):
    """What the active model version says of a listing, over all its photos."""

    category: str = Field(examples=["T-Shirt"])
    category_score: float = Field(examples=[0.91])
    abstained: bool = Field(description="The model was not sure enough to be taken at its word.", examples=[False])
    corrected: bool = Field(description="A person said what is true here.", examples=[False])
    attributes: list[Attribute] = Field(description="Best first.")
    photos: int = Field(description="How many photos were looked at.", examples=[2])
    model_version: str = Field(examples=["lite0-staged-5"])
    enriched_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])


class Photo(Shown):
    """The photo that stands for a listing: its first enriched one, else its first."""

    id: int = Field(examples=[7])
    state: PhotoState = Field(examples=["enriched"])
    thumbnail: str | None = Field(
        description="Path of a small WebP; null before a worker has looked at the photo.",
        examples=["/v1/photos/7/thumbnail?size=256&v=2c26b46b68ff"],
    )


class Card(Shown):
    """A listing as a list shows it."""

    id: int = Field(examples=[42])
    catalogue: str = Field(examples=["sample"])
    external_id: str = Field(examples=["TEE-0001"])
    title: str | None = Field(examples=["Striped T-Shirt"])
    brand: str | None = Field(examples=["Acme"])
    price: float | None = Field(
        description="A number with at most two decimals, as in the feed: a double holds all 14 digits exactly.",
        examples=[999.5],
    )
    currency: str | None = Field(examples=["INR"])
    gender: str | None = Field(examples=["Women"])
    colour: str | None = Field(examples=["Blue"])
    size: str | None = Field(examples=["M"])
    seller: str | None = Field(examples=["acme"])
    seller_category: str | None = Field(examples=["Tshirts"])
    available: bool = Field(examples=[True])
    photo: Photo | None
    enrichment: Enrichment | None = Field(description="Null until the active version has looked at a photo of it.")


class PhotoOfListing(Photo):
    """One photo of a listing, with what became of it."""

    position: int = Field(examples=[0])
    source: str = Field(
        description="URL or file name as the feed gave it; credentials and signatures are left out.",
        examples=["TEE-0001.jpg"],
    )
    reason: Reason | None = Field(description="Why it is in quarantine.", examples=[None])
    detail: str | None = Field(examples=[None])
    width_px: int | None = Field(examples=[600])
    height_px: int | None = Field(examples=[800])


class Listing(Card):
    """Everything that is known of one listing."""

    metadata: dict[str, Any] = Field(description="Columns of the feed that modiste has no name for.")
    photos: list[PhotoOfListing]
    created_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    updated_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])


class ListingPage(Shown):
    """`next` goes into the parameter `after` of the following question; null on the last page."""

    listings: list[Card]
    next: str | None = Field(examples=["AAAAAAAAACo"])


def card_of(card: ListingCard) -> Card:
    return Card(**_card_values(card))


def listing_of(details: ListingDetails) -> Listing:
    return Listing(
        **_card_values(details.card),
        metadata=dict(details.metadata),
        photos=[_photo_of_listing(photo) for photo in details.photos],
        created_at=details.created_at,
        updated_at=details.updated_at,
    )


def thumbnail_path(photo_id: int, digest: str | None, size_px: int = 256) -> str | None:
    """Where a photo's thumbnail is served; `v` names the content, so that what is cached for ever never lies."""
    return f"/v1/photos/{photo_id}/thumbnail?size={size_px}&v={digest[:12]}" if digest else None


def _card_values(card: ListingCard) -> dict[str, Any]:
    values = {name: getattr(card, name) for name in Card.model_fields}
    return values | {"photo": _photo(card.photo), "enrichment": _enrichment(card.enrichment)}


def _photo(photo: CardPhoto | None) -> Photo | None:
    if photo is None:
        return None
    return Photo(id=photo.id, state=photo.state, thumbnail=thumbnail_path(photo.id, photo.digest))


def _enrichment(said: ListingEnrichment | None) -> Enrichment | None:
    if said is None:
        return None
    values = {name: getattr(said, name) for name in Enrichment.model_fields}
    return Enrichment(**values | {"attributes": [Attribute(name=n, score=s) for n, s in said.attributes]})


def _photo_of_listing(photo: PhotoDetails) -> PhotoOfListing:
    values = {name: getattr(photo, name) for name in PhotoOfListing.model_fields if name != "thumbnail"}
    thumbnail = thumbnail_path(photo.id, photo.digest)
    return PhotoOfListing(**values | {"source": public_source(photo.source), "thumbnail": thumbnail})
