"""More ways to ask for similar listings: by several of them, by attributes alone, and for many in one call."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import Field

from api.answers import answer
from api.bodies import JsonBody
from api.cards import Shown
from api.problems import documented
from api.resources import Use
from api.similar import NO_VECTOR, ROWS, SimilarListing
from api.texts import LARGEST_ID, Text
from api.uploads import JSON
from db.engine import transaction
from db.similarity import listings_like, similar_batch, similar_to_many

router = APIRouter(prefix="/v1", tags=["similar"])
Id = Annotated[int, Field(ge=1, le=LARGEST_ID, strict=True)]
FILTERS: dict[str, Any] = {"gender": "Women", "price_max": 1500, "currency": "INR"}


class Asking(JsonBody):
    """What all of them take."""

    k: int = Field(12, ge=1, le=1000, strict=True)
    filters: dict[str, Any] = Field({}, examples=[FILTERS])


class Likes(Asking):
    """Listings to be near to, and others to be far from."""

    liked: list[Id] = Field(min_length=1, max_length=100, examples=[[42, 43]])
    unliked: list[Id] = Field([], max_length=100, examples=[[7]])
    options: dict[str, Any] = Field({}, description="As in SQL.", examples=[{"diversity": 0.3}])


class Wanted(Asking):
    """Attributes to have, by the model's word."""

    attributes: list[Text] = Field(min_length=1, max_length=100, examples=[["colour:Blue", "pattern:Striped"]])


class Batch(Asking):
    """Listings to ask about, each by itself."""

    listing_ids: list[Id] = Field(min_length=1, max_length=1000, examples=[[42, 43]])
    options: dict[str, Any] = Field({}, description="As in SQL.", examples=[{"fold": True}])


class OfBatch(Shown):
    """One of the asked listings. Empty for one that does not exist or no worker has looked at yet."""

    listing_id: int = Field(examples=[42])
    similar: list[SimilarListing]


@router.post(
    "/search/listings",
    operation_id="search_by_listings",
    responses=documented(404) | documented(409, text=NO_VECTOR),
    dependencies=JSON,
    **ROWS,
)
def to_many(use: Use, question: Annotated[Likes, Body()]) -> Response:
    """Listings like all of these and unlike those, themselves left out: of their catalogues and in stock."""
    with transaction(use.engine) as connection:
        return answer(similar_to_many(connection, **question.model_dump()))


@router.post(
    "/search/attributes", operation_id="search_by_attributes", responses=documented(409), dependencies=JSON, **ROWS
)
def by_attributes(use: Use, question: Annotated[Wanted, Body()]) -> Response:
    """Listings with these attributes by the model's word, those with most of them and surest first."""
    with transaction(use.engine) as connection:
        return answer(listings_like(connection, **question.model_dump()))


@router.post(
    "/similar/batch",
    operation_id="similar_batch",
    response_model=list[OfBatch],
    responses=documented(409),
    dependencies=JSON,
)
def batch(use: Use, question: Annotated[Batch, Body()]) -> Response:
    """Similar listings of up to 1,000 listings, in their order: for what is computed ahead at night."""
    with transaction(use.engine) as connection:
        found = similar_batch(connection, **question.model_dump())
    return answer([{"listing_id": listing_id, "similar": rows} for listing_id, rows in found.items()])
