"""Listings as pages show them: frozen values of texts and addresses, made of `db.browsing`'s rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from api.cards import thumbnail_path
from api.pages import wording
from api.thumbnails import ThumbnailSize
from db.browsing import ListingCard, ListingEnrichment
from db.similarity import SimilarListing
from db.states import PhotoState


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A photo in the two sizes that the API makes, with the words for who does not see it."""

    small: str
    large: str
    alt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """`group:value` taken apart; `swatch` is a colour for the eye, where it is one."""

    group: str
    value: str
    score: float

    @property
    def name(self) -> str:
        return f"{self.group}:{self.value}"

    @property
    def label(self) -> str:
        return wording.group_name(self.group)

    @property
    def swatch(self) -> str | None:
        return wording.SWATCHES.get(self.value) if self.group == "colour" else None

    @classmethod
    def of(cls, name: str, score: float) -> Self:
        group, value = wording.apart(name)
        return cls(group=group, value=value, score=score)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the model says of a listing or of a photo."""

    category: str | None
    category_score: float | None
    abstained: bool
    corrected: bool
    attributes: Sequence[Attribute]

    @property
    def first_attributes(self) -> Sequence[Attribute]:
        return for_a_card(self.attributes, at_most=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A listing in a grid. `mark`: why the model says nothing of it."""

    href: str
    title: str
    brand: str | None
    price: str | None
    available: bool
    picture: Picture | None
    seen: Seen | None
    mark: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SimilarTile:
    """A similar listing, and how many more show its photo; `category` and `shared` are what both have."""

    tile: Tile
    score: float
    folded: int
    category: str | None
    shared: Sequence[Attribute]


def for_a_card(attributes: Sequence[Attribute], *, at_most: int) -> list[Attribute]:
    """Those that a card has room for, one a group."""
    by_group = {attribute.group: attribute for attribute in reversed(attributes)}
    return [by_group[group] for group in wording.for_a_card(list(dict.fromkeys(a.group for a in attributes)), at_most)]


def tile_of(card: ListingCard) -> Tile:
    return Tile(
        href=f"/listings/{card.id}",
        title=name_of(card),
        brand=card.brand,
        price=wording.price(card.price, card.currency),
        available=card.available,
        picture=card_picture(card),
        seen=seen_of(card.enrichment),
        mark=mark_of(card),
    )


def name_of(card: ListingCard) -> str:
    """Its title, else the seller's id, which there always is."""
    return card.title or card.external_id


def card_picture(card: ListingCard) -> Picture | None:
    if card.photo is None:
        return None
    return picture_of(card.photo.id, card.photo.digest, card.photo.state, alt=name_of(card))


def picture_of(photo_id: int, digest: str | None, state: PhotoState, *, alt: str) -> Picture | None:
    """None where there is nothing to show: not looked at yet, or what cannot be read."""
    small = thumbnail_path(photo_id, digest, ThumbnailSize.SMALL)
    large = thumbnail_path(photo_id, digest, ThumbnailSize.LARGE)
    if small is None or large is None or state is PhotoState.QUARANTINED:
        return None
    return Picture(small=small, large=large, alt=alt)


def seen_of(said: ListingEnrichment | None) -> Seen | None:
    if said is None:
        return None
    return Seen(
        category=said.category,
        category_score=said.category_score,
        abstained=said.abstained,
        corrected=said.corrected,
        attributes=[Attribute.of(name, score) for name, score in said.attributes],
    )


def mark_of(card: ListingCard) -> str | None:
    if card.enrichment is not None:
        return None
    if card.photo is None:
        return "No photo"
    return wording.STATES.get(card.photo.state, "Waiting for the model")


def similar_tiles(
    rows: Sequence[SimilarListing], cards: Sequence[ListingCard], asked: Seen | None = None
) -> list[SimilarTile]:
    """In the order of `rows`; a listing without a card is gone meanwhile. `asked`: of a photo that no listing has."""
    by_id: Mapping[int, ListingCard] = {card.id: card for card in cards}
    return [similar_tile(row, by_id[row.listing_id], asked) for row in rows if row.listing_id in by_id]


def similar_tile(row: SimilarListing, card: ListingCard, asked: Seen | None) -> SimilarTile:
    tile = tile_of(card)
    # Of a vector the database knows no words, so it cannot say what both have.
    why = row.why if asked is None else why_similar(asked, tile.seen)
    best_first = sorted(why.get("attributes", {}).items(), key=lambda pair: -pair[1])
    return SimilarTile(
        tile=tile,
        score=row.score,
        folded=row.folded,
        category=why.get("category"),
        shared=for_a_card([Attribute.of(name, score) for name, score in best_first], at_most=3),
    )


def why_similar(one: Seen, other: Seen | None) -> Mapping[str, Any]:
    """What both have, in the shape of `modiste.similar_listings`: attributes with the lower of the two scores."""
    if other is None:
        return {}
    theirs = {attribute.name: attribute.score for attribute in other.attributes}
    shared = {a.name: min(a.score, theirs[a.name]) for a in one.attributes if a.name in theirs}
    return {"attributes": shared} | ({"category": one.category} if one.category == other.category else {})
