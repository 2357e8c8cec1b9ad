"""Routes that read listings: by filter, page by page, and one of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api import cards
from api.answers import answer
from api.cursors import Cursor, cursor_of, position_of
from api.filters import Filters
from api.problems import documented
from api.questions import asked, parameters
from api.resources import Use
from api.texts import CatalogueName, ExternalId, ListingId
from db.browsing import browse_listings, listing_details, listing_id_of
from db.engine import transaction

router = APIRouter(prefix="/v1", tags=["listings"])


class ListingsQuestion(Filters):
    """Which listings, and which page of them."""

    limit: int = Field(48, ge=1, le=200, description="Listings a page.")
    after: Cursor | None = Field(None, description="The `next` of the page before.", examples=["AAAAAAAAAAA"])


@router.get(
    "/listings",
    operation_id="browse_listings",
    response_model=cards.ListingPage,
    openapi_extra=parameters(ListingsQuestion),
)
def browse(use: Use, question: Annotated[ListingsQuestion, Depends(asked(ListingsQuestion))]) -> Response:
    """Listings that pass all filters, oldest first.

    Unlike similar listings, all catalogues and also what is out of stock, unless the filters say otherwise. A listing
    that the model has not looked at yet is there too, unless `category` or `attributes` is given.
    """
    after = position_of(question.after) if question.after else 0
    with transaction(use.engine) as connection:
        page = browse_listings(connection, filters=question.as_filters(), after=after, limit=question.limit)
    following: str | None = None if page.next_after is None else cursor_of(page.next_after)
    return answer(cards.ListingPage(listings=[cards.card_of(row) for row in page.listings], next=following))


def details(use: Use, listing: int | tuple[str, str]) -> Response:
    with transaction(use.engine) as connection:
        listing_id = listing if isinstance(listing, int) else listing_id_of(connection, *listing)
        return answer(cards.listing_of(listing_details(connection, listing_id)))


ONE: dict[str, Any] = {"response_model": cards.Listing, "responses": documented(404)}


@router.get("/listings/{listing_id}", operation_id="get_listing", **ONE)
def by_id(use: Use, listing_id: ListingId) -> Response:
    """One listing with its metadata and all its photos."""
    return details(use, listing_id)


@router.get("/catalogues/{catalogue}/listings/{external_id:path}", operation_id="get_listing_by_external_id", **ONE)
def by_external_id(use: Use, catalogue: CatalogueName, external_id: ExternalId) -> Response:
    """The same by the seller's own id, slashes and all."""
    return details(use, (catalogue, external_id))
