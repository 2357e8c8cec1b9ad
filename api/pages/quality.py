"""`/quality`: what a catalogue's photos contradict, as lists to look through; each entry leads to its review."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.pages import wording
from api.pages.choice import Link
from api.pages.review import Place, catalogue_links
from api.pages.site import UseSite
from api.pages.tiles import Tile, tile_of
from api.resources import Use
from api.texts import Text
from db.browsing import listing_cards
from db.engine import transaction
from db.quality import missing_words, shared_photos
from db.review import Kind, ReviewItem, review_queue

PATH = "/quality"
LISTED = 50
SHARED = 24

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Contradiction:
    """A listing whose photo contradicts its seller; `href` is where it is reviewed."""

    tile: Tile
    href: str
    said: str
    seen: str
    score: str
    usual: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Contradictions of one kind: the worst of all `count`."""

    id: str
    title: str
    none: str
    count: int
    found: Sequence[Contradiction]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """A photo that several sellers show."""

    sellers: str
    tiles: Sequence[Tile]


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityPage:
    """`missing`: a column of the feed, and how many listings lack it."""

    review: str
    catalogues: Sequence[Link]
    parts: Sequence[Part]
    shared: Sequence[Shared]
    missing: Sequence[tuple[str, str]]


@router.get(PATH)
def quality(use: Use, site: UseSite, catalogue: Text = "") -> Response:
    place = Place(catalogue=catalogue or None)
    with transaction(use.engine) as connection:
        page = QualityPage(
            review=place.url(),
            catalogues=[
                Link(href=link.href.replace("/review", PATH, 1), text=link.text, here=link.here)
                for link in catalogue_links(connection, place)
            ],
            parts=[
                part(connection, place, Kind.CATEGORY, "Category against the photo"),
                part(connection, place, Kind.COLOUR, "Colour against the photo"),
            ],
            shared=shared(connection, place),
            missing=[
                (wording.group_name(lack.field), wording.number(lack.listings))
                for lack in missing_words(connection, place.catalogue)
            ],
        )
    return site.page("quality.html", page=page)


def part(connection: Connection, place: Place, kind: Kind, title: str) -> Part:
    queue = review_queue(connection, catalogue=place.catalogue, kind=kind, limit=LISTED)
    cards = {card.id: tile_of(card) for card in listing_cards(connection, [item.listing_id for item in queue.items])}
    return Part(
        id=kind.value,
        title=title,
        none=f"No listing's {kind.value} contradicts its photos.",
        count=queue.left,
        found=[contradiction(item, cards[item.listing_id]) for item in queue.items if item.listing_id in cards],
    )


def contradiction(item: ReviewItem, tile: Tile) -> Contradiction:
    return Contradiction(
        tile=tile,
        href=Place(kind=item.kind).url(listing=item.listing_id, field=item.field),
        said=item.said or "",
        seen=item.seen,
        score=wording.percent(item.score),
        usual=item.usual or "",
    )


def shared(connection: Connection, place: Place) -> list[Shared]:
    found = shared_photos(connection, place.catalogue, limit=SHARED)
    wanted = [listing_id for one in found for listing_id in one.listing_ids[:4]]
    tiles = {card.id: tile_of(card) for card in listing_cards(connection, wanted)}
    return [
        Shared(sellers=" and ".join(one.sellers), tiles=[tiles[i] for i in one.listing_ids[:4] if i in tiles])
        for one in found
    ]
