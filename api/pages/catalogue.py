"""`/`: the catalogue as a grid, filtered by what the model says, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.cursors import Cursor, cursor_of, position_of
from api.pages.choice import Choice, Field, Link, UseChoice, catalogue_links, fields_of, removals
from api.pages.site import UseSite
from api.pages.tiles import Tile, tile_of
from api.pages.wording import number
from api.resources import Use
from db.browsing import CatalogueSize, browse_listings, list_catalogues
from db.engine import transaction
from db.facets import count_listings, facet_counts

LISTINGS_A_PAGE = 48
COUNTED = 1_000

router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class CataloguePage:
    """All that the grid's template shows."""

    choice: Choice
    catalogues: Sequence[Link]
    fields: Sequence[Field]
    removals: Sequence[Link]
    tiles: Sequence[Tile]
    count: str
    first_page: str | None
    next_page: str | None


@router.get("/")
def catalogue(use: Use, site: UseSite, choice: UseChoice, after: Cursor | None = None) -> Response:
    with transaction(use.engine) as connection:
        catalogues = list_catalogues(connection)
        if not any(size.listings for size in catalogues):
            return site.page("empty.html")
        return site.page("catalogue.html", page=page_of(connection, choice, catalogues, after))


def page_of(
    connection: Connection, choice: Choice, catalogues: Sequence[CatalogueSize], after: str | None
) -> CataloguePage:
    filters = choice.as_filters()
    position = position_of(after) if after else 0
    found = browse_listings(connection, filters=filters, words=choice.q, after=position, limit=LISTINGS_A_PAGE)
    stock = sum(size.listings for size in catalogues if choice.catalogue in (None, size.name))
    following = cursor_of(found.next_after) if found.next_after else None
    return CataloguePage(
        choice=choice,
        catalogues=catalogue_links(choice, catalogues),
        fields=fields_of(choice, facet_counts(connection, filters, choice.q, listings=stock)),
        removals=removals(choice),
        tiles=[tile_of(card) for card in found.listings],
        count=counted(connection, choice, catalogues),
        first_page=choice.url() if after else None,
        next_page=choice.url(after=following) if following else None,
    )


def counted(connection: Connection, choice: Choice, catalogues: Sequence[CatalogueSize]) -> str:
    """How many listings there are to see; of many that were filtered, only that they are many."""
    if not (choice.q or choice.category or choice.brand or choice.attributes):
        sizes = [size for size in catalogues if choice.catalogue in (None, size.name)]
        about = "About " if any(size.estimated for size in sizes) else ""
        return about + listings(sum(size.listings for size in sizes))
    count = count_listings(connection, choice.as_filters(), choice.q, at_most=COUNTED + 1)
    return listings(count) if count <= COUNTED else f"More than {listings(COUNTED)}"


def listings(count: int) -> str:
    return f"{number(count)} listing{'' if count == 1 else 's'}"
