"""Reading the catalogue for people and pages: listings by filter, one listing with its photos, catalogues.

Knows rows, not URLs or schemas. Filters mean here exactly what they mean in `similar_listings`: the condition comes
from the SQL function `filter_condition`, with every value bound.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from db.errors import UnknownListing
from db.schema import LISTING_WORDS
from db.similarity import typed_errors
from db.states import PhotoState, Reason

# Counting a catalogue stops here; a larger one is estimated, as PostgreSQL's planner does.
COUNTED = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingEnrichment:
    """A row of the view `listing_enrichment`: what the active version says of a listing over `photos` photos.

    `attributes`: (`group:value`, score in 0 to 1), best first.
    """

    category: str
    category_score: float
    abstained: bool
    corrected: bool
    attributes: Sequence[tuple[str, float]]
    photos: int
    model_version: str
    enriched_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CardPhoto:
    """The photo that stands for a listing; `digest`: SHA-256 (hex) of its content, None before it was looked at."""

    id: int
    state: PhotoState
    digest: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingCard:
    """A listing as a list shows it: the seller's words, its first enriched (else first) photo, the model's words."""

    id: int
    catalogue: str
    external_id: str
    title: str | None
    brand: str | None
    price: Decimal | None
    currency: str | None
    gender: str | None
    colour: str | None
    size: str | None
    seller: str | None
    seller_category: str | None
    available: bool
    photo: CardPhoto | None
    enrichment: ListingEnrichment | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingPage:
    """`next_after`: the id to go on after, None on the last page; `previous_before`: the one to go back from."""

    listings: Sequence[ListingCard]
    next_after: int | None
    previous_before: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoDetails:
    """One photo of a listing. `source` may hold credentials: not for showing as it is."""

    id: int
    position: int
    source: str
    state: PhotoState
    reason: Reason | None
    detail: str | None
    width_px: int | None
    height_px: int | None
    digest: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingDetails:
    """Everything that is known of one listing."""

    card: ListingCard
    metadata: Mapping[str, Any]
    photos: Sequence[PhotoDetails]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueSize:
    """A catalogue and how many listings it has: counted, or (`estimated`) as the planner's statistics have it."""

    name: str
    listings: int
    estimated: bool
    created_at: datetime


# Filters of lists that questions for similar listings do not have: conditions over listing `l` and summary `s`.
LIST_FILTERS = {"seller": "l.seller = :seller", "abstained": "s.abstained = :abstained"}
WORD = re.compile(r"[^\W_]+")
WORDS_MAX = 20
FEW = 2_000
FOUND_BY = re.sub(r"\b(title|brand|external_id)\b", r"l.\1", LISTING_WORDS)
# A listing without an enrichment by the active version has no `s`; a filter on the model's words leaves it out.
CARDS = """
    SELECT page.*, p.id AS photo_id, p.state AS photo_state, p.digest AS photo_digest
    FROM (
        SELECT l.id, l.catalogue, l.external_id, l.title, l.brand, l.price, l.currency, l.gender, l.colour, l.size,
               l.seller, l.seller_category, l.available, l.metadata, l.created_at, l.updated_at,
               s.category, s.category_score, s.abstained, s.corrected, s.attributes, s.attribute_scores, s.photos,
               s.enriched_at, (SELECT name FROM modiste.model_version WHERE id = s.model_version_id) AS model_version
        FROM modiste.listing l
        LEFT JOIN modiste.listing_summary s ON s.listing_id = l.id
             AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
        WHERE {which}
        ORDER BY l.id {order} LIMIT :limit
    ) AS page
    LEFT JOIN LATERAL (
        SELECT p.id, p.state, encode(c.sha256, 'hex') AS digest
        FROM modiste.photo p LEFT JOIN modiste.content c ON c.id = p.content_id
        WHERE p.listing_id = page.id
        ORDER BY p.state = 'enriched' DESC, p.position, p.id LIMIT 1
    ) AS p ON true
    ORDER BY page.id
"""
PHOTOS = text("""
    SELECT p.id, p.position, p.source, p.state, p.reason, p.detail, c.width_px, c.height_px,
           encode(c.sha256, 'hex') AS digest
    FROM modiste.photo p LEFT JOIN modiste.content c ON c.id = p.content_id
    WHERE p.listing_id = :id ORDER BY p.position, p.id
""")
CATALOGUES = text("""
    SELECT c.name, c.created_at, size.listings
    FROM modiste.catalogue c, LATERAL (
        SELECT count(*) AS listings FROM (SELECT FROM modiste.listing WHERE catalogue = c.name LIMIT :enough) AS few
    ) AS size
    ORDER BY c.name
""")


def browse_listings(
    connection: Connection,
    *,
    filters: Mapping[str, Any] | None = None,
    words: str | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int = 48,
) -> ListingPage:
    """Listings that pass `filters`, by id, the first ones after `after`; or the last ones before `before`.

    `words`: those that have all of these in title, brand or seller's id; the last may be a beginning. Nothing is
    filtered by default, not even what is out of stock or of other catalogues. Raises `BadQuestion`.
    """
    condition, values = listing_condition(connection, filters or {})
    found_by, found = having_words(connection, words)
    where, order = ("l.id > :edge", "ASC") if before is None else ("l.id < :edge", "DESC")
    question = CARDS.format(which=f"{where} AND {condition} AND {found_by}", order=order)
    values |= found | {"edge": after if before is None else before, "limit": limit + 1}
    with typed_errors():
        cards = [_card(row) for row in connection.execute(text(question), values)]
    more = len(cards) > limit
    if before is None:
        page = cards[:limit]
        return ListingPage(
            listings=page,
            next_after=page[-1].id if more else None,
            previous_before=page[0].id if page and after else None,
        )
    page = cards[-limit:]
    return ListingPage(
        listings=page,
        next_after=page[-1].id if page else None,
        previous_before=page[0].id if more else None,
    )


def listing_condition(connection: Connection, filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The condition over listing `l` and summary `s`, and its values: those of similar listings, and LIST_FILTERS.

    Raises `BadQuestion`.
    """
    shared = {name: value for name, value in filters.items() if name not in LIST_FILTERS}
    own = {name: value for name, value in filters.items() if name in LIST_FILTERS}
    asked = json.dumps(shared)
    condition = " AND ".join([filter_condition(connection, asked), *(LIST_FILTERS[name] for name in own)])
    return condition, {"filters": asked} | own


def having_words(connection: Connection, words: str | None) -> tuple[str, dict[str, Any]]:
    """The condition over listing `l` and its values. Few are named by their ids: PostgreSQL takes rare words for
    common ones, and would look for them through all listings in their order."""
    query = word_query(words)
    if query is None:
        return "true", {}
    few = text(f"SELECT l.id FROM modiste.listing l WHERE {words_condition(query)} LIMIT :few")
    ids = list(connection.scalars(few, {"words": query, "few": FEW + 1}))
    return ("l.id = ANY (:found)", {"found": ids}) if len(ids) <= FEW else (words_condition(query), {"words": query})


def word_query(words: str | None) -> str | None:
    """What a person typed as a query of full text: letters and digits only, so nothing of it is syntax."""
    typed = WORD.findall((words or "").lower())[:WORDS_MAX]
    return " & ".join(typed) + ":*" if typed else None


def words_condition(query: str | None) -> str:
    """The condition over listing `l`, with the query bound as `:words`."""
    return f"{FOUND_BY} @@ to_tsquery('simple', :words)" if query else "true"


def filter_condition(connection: Connection, filters: Any) -> str:
    """The condition over listing `l` and summary `s` that the SQL functions use, its values read out of `:filters`."""
    with typed_errors():
        condition = connection.scalar(
            text("SELECT modiste.filter_condition(CAST(:filters AS jsonb))"), {"filters": filters}
        )
    return str(condition).replace("$1", "CAST(:filters AS jsonb)")


def listing_details(connection: Connection, listing_id: int) -> ListingDetails:
    """Raises `UnknownListing`."""
    row = connection.execute(
        text(CARDS.format(which="l.id = :id", order="ASC")), {"id": listing_id, "limit": 1}
    ).one_or_none()
    if row is None:
        raise UnknownListing(f"there is no listing {listing_id}; GET /v1/listings lists them")
    return ListingDetails(
        card=_card(row),
        metadata=row.metadata,
        photos=[_photo(photo) for photo in connection.execute(PHOTOS, {"id": listing_id})],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def listing_cards(connection: Connection, listing_ids: Sequence[int]) -> list[ListingCard]:
    """The listings with these ids, in their order; who is gone meanwhile is left out."""
    question = text(CARDS.format(which="l.id = ANY (:ids)", order="ASC"))
    rows = connection.execute(question, {"ids": list(listing_ids), "limit": len(listing_ids)})
    cards = {row.id: _card(row) for row in rows}
    return [cards[listing_id] for listing_id in listing_ids if listing_id in cards]


def listing_id_of(connection: Connection, catalogue: str, external_id: str) -> int:
    """The id of a listing by the seller's words. Raises `UnknownListing`."""
    found: int | None = connection.scalar(
        text("SELECT id FROM modiste.listing WHERE catalogue = :catalogue AND external_id = :external_id"),
        {"catalogue": catalogue, "external_id": external_id},
    )
    if found is None:
        raise UnknownListing(f"there is no listing {external_id} in catalogue {catalogue}")
    return found


def list_catalogues(connection: Connection) -> list[CatalogueSize]:
    """By name. Counts a large catalogue by its statistics, so that a page may ask at any time."""
    rows = connection.execute(CATALOGUES, {"enough": COUNTED + 1}).all()
    return [
        CatalogueSize(
            name=row.name,
            listings=estimated_listings(connection, row.name) if row.listings > COUNTED else row.listings,
            estimated=row.listings > COUNTED,
            created_at=row.created_at,
        )
        for row in rows
    ]


def estimated_listings(connection: Connection, catalogue: str) -> int:
    """As the planner has it, at least `COUNTED`."""
    plan = connection.scalar(
        text("EXPLAIN (FORMAT JSON) SELECT FROM modiste.listing WHERE catalogue = :catalogue"), {"catalogue": catalogue}
    )
    return max(COUNTED, int(plan[0]["Plan"]["Plan Rows"]))


def _card(row: Row[Any]) -> ListingCard:
    said = row._mapping
    words = {name: said[name] for name in ListingCard.__dataclass_fields__ if name not in ("photo", "enrichment")}
    return ListingCard(**words, photo=_card_photo(row), enrichment=_enrichment(row))


def _card_photo(row: Row[Any]) -> CardPhoto | None:
    if row.photo_id is None:
        return None
    return CardPhoto(id=row.photo_id, state=PhotoState(row.photo_state), digest=row.photo_digest)


def _enrichment(row: Row[Any]) -> ListingEnrichment | None:
    if row.category is None:
        return None
    scored = zip(row.attributes, row.attribute_scores, strict=True)
    return ListingEnrichment(
        category=row.category,
        category_score=row.category_score,
        abstained=row.abstained,
        corrected=row.corrected,
        attributes=sorted(scored, key=lambda pair: -pair[1]),
        photos=row.photos,
        model_version=row.model_version,
        enriched_at=row.enriched_at,
    )


def _photo(row: Row[Any]) -> PhotoDetails:
    reason = Reason(row.reason) if row.reason else None
    return PhotoDetails(**{**row._mapping, "state": PhotoState(row.state), "reason": reason})
