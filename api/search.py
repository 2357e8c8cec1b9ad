"""Searching with a photo that no listing has: embedded here, asked with in SQL, by one and the same model version."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Depends, Response
from pydantic import Field
from sqlalchemy import Connection

from api.answers import answer
from api.cards import Attribute, Shown
from api.crops import Crop, box_of
from api.network import Embedded
from api.problems import documented
from api.questions import asked, parameters
from api.resources import Resources, Use
from api.similar import SimilarListing, SimilarQuestion
from api.uploads import FORM, PhotoField, photo_bytes
from db.engine import transaction
from db.errors import OtherVersionActive
from db.similarity import similar_to
from vision.prediction import Prediction

router = APIRouter(prefix="/v1/search", tags=["similar"])
Found = TypeVar("Found")


class Seen(Shown):
    """What the active model version sees in the photo."""

    category: str | None = Field(description="The most probable.", examples=["T-Shirt"])
    category_score: float | None = Field(examples=[0.91])
    abstained: bool = Field(description="The model was not sure enough to be taken at its word.", examples=[False])
    attributes: list[Attribute] = Field(description="Best first.")


class PhotoAnswer(Shown):
    """What is seen in the photo, and the listings similar to it, both by one model version."""

    seen: Seen
    model_version: str = Field(examples=["lite0-staged-5"])
    similar: list[SimilarListing]


class PhotoQuestion(SimilarQuestion):
    """Of which part of the photo, how many, which ones, and how they are chosen."""

    crop: Crop | None = None


@router.post(
    "/photo",
    operation_id="search_by_photo",
    response_model=PhotoAnswer,
    responses=documented(409),
    openapi_extra=parameters(PhotoQuestion),
    dependencies=FORM,
)
async def by_photo(
    use: Use, question: Annotated[PhotoQuestion, Depends(asked(PhotoQuestion))], photo: PhotoField
) -> Response:
    """Listings similar to a photo, best first: of all catalogues and in stock, unless the filters say otherwise.

    The photo is not kept.
    """
    return await to_thread.run_sync(ask, use, question, photo, limiter=use.at_once)


def ask(use: Resources, question: PhotoQuestion, photo: PhotoField) -> Response:
    """Raises what `look` does."""

    def find(connection: Connection, embedded: Embedded) -> list[SimilarListing]:
        vector = embedded.prediction.embedding.tolist()
        rows = similar_to(connection, vector, model_version=embedded.model_version, **question.as_question())
        return [SimilarListing.model_validate(row) for row in rows]

    embedded, similar = look(use, photo_bytes(photo), question.crop, find)
    return answer(PhotoAnswer(seen=seen_in(embedded.prediction), model_version=embedded.model_version, similar=similar))


def look(
    use: Resources, photo: bytes, crop: str | None, find: Callable[[Connection, Embedded], Found]
) -> tuple[Embedded, Found]:
    """What the active version sees in a photo, or in a part of it, and what is found by that.

    Once more where another version became active in between. Raises PhotoError, or `OtherVersionActive` where that
    happened twice.
    """
    box = box_of(crop)
    try:
        return found(use, use.network.embed(photo, box), find)
    except OtherVersionActive:
        use.network.reopen()
        return found(use, use.network.embed(photo, box), find)


def found(use: Resources, embedded: Embedded, find: Callable[[Connection, Embedded], Found]) -> tuple[Embedded, Found]:
    with transaction(use.engine) as connection:
        return embedded, find(connection, embedded)


def seen_in(said: Prediction) -> Seen:
    attributes = zip(said.attributes, said.attribute_scores, strict=True)
    return Seen(
        category=said.categories[0] if said.categories else None,
        category_score=said.category_scores[0] if said.category_scores else None,
        abstained=said.abstained,
        attributes=[Attribute(name=name, score=score) for name, score in attributes],
    )
