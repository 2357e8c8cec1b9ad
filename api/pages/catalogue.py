"""`/`: the catalogue as a grid, filtered by what the model says, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.cursors import Cursor, cursor_of, position_of
from api.pages.choice import Choice, Facet, Link, UseChoice, catalogue_links, facets_of, removals
from api.pages.site import UseSite
from api.pages.tiles import Tile, tile_of
from api.pages.wording import number
from api.resources import Use
from db.browsing import CatalogueSize, browse_listings, list_catalogues
from db.engine import transaction
from db.facets import Facets, count_listings, facet_counts

LISTINGS_A_PAGE = 48
COUNTED = 1_000

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceField:
    """One end of a span of prices; `hint` is the lowest or the highest that there is."""

    name: str
    label: str
    chosen: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CataloguePage:
    """All that the grid's template shows. `kept`: what the form of words and prices sends along unseen."""

    choice: Choice
    catalogues: Sequence[Link]
    facets: Sequence[Facet]
    prices: Sequence[PriceField]
    kept: Sequence[tuple[str, str]]
    removals: Sequence[Link]
    tiles: Sequence[Tile]
    count: str
    first_page: str | None
    previous_page: str | None
    next_page: str | None


@router.get("/")
def catalogue(
    use: Use, site: UseSite, choice: UseChoice, after: Cursor | None = None, before: Cursor | None = None
) -> Response:
    with transaction(use.engine) as connection:
        catalogues = list_catalogues(connection)
        if not any(size.listings for size in catalogues):
            return site.page("empty.html")
        return site.page("catalogue.html", page=page_of(connection, choice, catalogues, after, before))


def page_of(
    connection: Connection,
    choice: Choice,
    catalogues: Sequence[CatalogueSize],
    after: str | None,
    before: str | None,
) -> CataloguePage:
    filters = choice.as_filters()
    found = browse_listings(
        connection,
        filters=filters,
        words=choice.q,
        after=position_of(after) if after else 0,
        before=position_of(before) if before else None,
        limit=LISTINGS_A_PAGE,
    )
    stock = sum(size.listings for size in catalogues if choice.catalogue in (None, size.name))
    facets = facet_counts(connection, filters, choice.q, listings=stock)
    return CataloguePage(
        choice=choice,
        catalogues=catalogue_links(choice, catalogues),
        facets=facets_of(choice, facets),
        prices=prices_of(choice, facets),
        kept=choice.kept,
        removals=removals(choice),
        tiles=[tile_of(card) for card in found.listings],
        count=counted(connection, choice, catalogues),
        first_page=choice.url() if found.previous_before else None,
        previous_page=choice.url(before=cursor_of(found.previous_before)) if found.previous_before else None,
        next_page=choice.url(after=cursor_of(found.next_after)) if found.next_after else None,
    )


def prices_of(choice: Choice, facets: Facets) -> list[PriceField]:
    """None where no listing has a price, unless one was asked for."""
    if facets.prices is None and not (choice.price_min or choice.price_max):
        return []
    lowest, highest = (as_typed(price) for price in facets.prices) if facets.prices else ("", "")
    return [
        PriceField(name="price_min", label="Price from", chosen=choice.price_min or "", hint=lowest),
        PriceField(name="price_max", label="Price up to", chosen=choice.price_max or "", hint=highest),
    ]


def as_typed(price: Decimal) -> str:
    return f"{price:.0f}" if price == price.to_integral_value() else f"{price:.2f}"


def counted(connection: Connection, choice: Choice, catalogues: Sequence[CatalogueSize]) -> str:
    """How many listings there are to see; of many that were filtered, only that they are many."""
    if not choice.narrows:
        sizes = [size for size in catalogues if choice.catalogue in (None, size.name)]
        about = "About " if any(size.estimated for size in sizes) else ""
        return about + listings(sum(size.listings for size in sizes))
    count = count_listings(connection, choice.as_filters(), choice.q, at_most=COUNTED + 1)
    return listings(count) if count <= COUNTED else f"More than {listings(COUNTED)}"


def listings(count: int) -> str:
    return f"{number(count)} listing{'' if count == 1 else 's'}"
