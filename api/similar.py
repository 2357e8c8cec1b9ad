"""Routes that answer with similar listings: the rows of the SQL functions, in their order."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Response
from pydantic import Field

from api.answers import answer
from api.bodies import JsonBody
from api.cards import Shown
from api.filters import Filters
from api.problems import documented
from api.questions import asked, parameters
from api.resources import Use
from api.texts import CatalogueName, ExternalId, ListingId, Number, Text
from api.uploads import JSON
from db.browsing import listing_id_of
from db.engine import single_question, transaction
from db.similarity import similar_listings, similar_to

router = APIRouter(prefix="/v1", tags=["similar"])
Mode = Literal["same_style", "same_item", "other_colour"]
Share = Annotated[Number, Field(ge=0, le=1)]
NO_VECTOR = "No photo of the listing is enriched by the active model version yet."


class SimilarListing(Shown):
    """One similar listing; the columns of `modiste.similar_listings`."""

    listing_id: int = Field(examples=[43])
    catalogue: str = Field(examples=["sample"])
    external_id: str = Field(examples=["TEE-0002"])
    title: str | None = Field(examples=["Striped T-Shirt"])
    category: str = Field(description="The model's.", examples=["T-Shirt"])
    score: float = Field(description="greatest(0, cosine), 0 to 1.", examples=[0.97])
    photo_id: int | None = Field(description="The asked listing's photo that matches best.", examples=[7])
    matched_photo_id: int = Field(description="Their photo that matches best.", examples=[9])
    folded: int = Field(description="With `fold`: listings with the same photo that this one stands for.", examples=[0])
    why: dict[str, Any] = Field(
        description="What both have by the model's word: category, and attributes with the lower of the two scores. "
        "Empty where a photo or a vector was asked about.",
        examples=[{"category": "T-Shirt", "attributes": {"colour:Blue": 0.93}}],
    )
    how: str = Field(description="exact, approximate, or partial where fewer than k match.", examples=["exact"])


class SimilarQuestion(Filters):
    """How many, which ones, and how they are chosen."""

    k: int = Field(12, ge=1, le=1000, description="How many.")
    mode: Mode | None = Field(
        None,
        description="same_style (default), same_item: those that show the same photo, or other_colour.",
    )
    min_score: Share | None = Field(None, description="None below this score, 0 to 1.", examples=[0.5])
    diversity: Share | None = Field(
        None, description="0 (default) to 1: how much the answers are to differ from each other.", examples=[0.3]
    )
    fold: bool | None = Field(
        None, description="Listings that show the same photo as a better one are counted in its `folded`."
    )

    def as_question(self) -> dict[str, Any]:
        """The further arguments of the SQL functions."""
        options = {name: getattr(self, name) for name in ("mode", "min_score", "diversity", "fold")}
        said = {name: value for name, value in options.items() if value is not None}
        return {"k": self.k, "filters": self.as_filters(), "options": said}


class VectorQuestion(JsonBody):
    """A vector of the active model version's length, and the question as in SQL."""

    embedding: list[Number] = Field(min_length=1, max_length=4000, examples=[[0.1, -0.2, 0.3]])
    k: int = Field(12, ge=1, le=1000, strict=True)
    filters: dict[str, Any] = Field({}, examples=[{"gender": "Women", "price_max": 1500, "currency": "INR"}])
    options: dict[str, Any] = Field({}, description="As in SQL.", examples=[{"min_score": 0.5, "fold": True}])
    model_version: Text | None = Field(
        None,
        description="The version that made the vector; if another is active, that is an error and not a wrong answer.",
        examples=["lite0-staged-5"],
    )


Asked = Annotated[SimilarQuestion, Depends(asked(SimilarQuestion))]
ROWS: dict[str, Any] = {"response_model": list[SimilarListing]}
OF_LISTING = ROWS | {
    "responses": documented(404) | documented(409, text=NO_VECTOR),
    "openapi_extra": parameters(SimilarQuestion),
}


@router.get("/listings/{listing_id}/similar", operation_id="similar_listings", **OF_LISTING)
def to_listing(use: Use, listing_id: ListingId, question: Asked) -> Response:
    """Listings similar to this one, best first: of its own catalogue and in stock, unless the filters say otherwise."""
    with single_question(use.engine) as connection:
        return answer(similar_listings(connection, listing_id, **question.as_question()))


@router.get(
    "/catalogues/{catalogue}/listings/{external_id:path}/similar",
    operation_id="similar_listings_by_external_id",
    **OF_LISTING,
)
def to_external_id(use: Use, catalogue: CatalogueName, external_id: ExternalId, question: Asked) -> Response:
    """The same by the seller's own id. The path's catalogue names what is asked, the parameter filters the answer."""
    with transaction(use.engine) as connection:
        asked = listing_id_of(connection, catalogue, external_id)
        return answer(similar_listings(connection, asked, **question.as_question()))


@router.post(
    "/search/vector",
    operation_id="search_by_vector",
    responses=documented(409),
    dependencies=JSON,
    **ROWS,
)
def to_vector(use: Use, question: Annotated[VectorQuestion, Body()]) -> Response:
    """Listings similar to a vector of the active model version: of all catalogues, unless the filters name some."""
    with transaction(use.engine) as connection:
        return answer(similar_to(connection, **question.model_dump()))
