"""Searching with a photo that no listing has: embedded here, asked with in SQL, by one and the same model version."""

from anyio import to_thread
from fastapi import APIRouter, Response
from pydantic import Field

from api.answers import answer
from api.cards import Attribute, Shown
from api.network import ActiveNetwork, Embedded
from api.problems import documented
from api.questions import parameters
from api.resources import Resources, Use
from api.similar import Asked, SimilarListing, SimilarQuestion
from api.uploads import FORM, PhotoField, photo_bytes
from db.engine import transaction
from db.errors import OtherVersionActive
from db.similarity import similar_to
from vision.prediction import Prediction

router = APIRouter(prefix="/v1/search", tags=["similar"])


class Seen(Shown):
    """What the active model version sees in the photo."""

    category: str | None = Field(description="The most probable.", examples=["T-Shirt"])
    category_score: float | None = Field(examples=[0.91])
    abstained: bool = Field(description="The model was not sure enough to be taken at its word.", examples=[False])
    attributes: list[Attribute] = Field(description="Best first.")


class PhotoAnswer(Shown):
    """What is seen in the photo, and the listings similar to it, both by one model version."""

    seen: Seen
    model_version: str = Field(examples=["lite0-staged-4"])
    similar: list[SimilarListing]


@router.post(
    "/photo",
    operation_id="search_by_photo",
    response_model=PhotoAnswer,
    responses=documented(409),
    openapi_extra=parameters(SimilarQuestion),
    dependencies=FORM,
)
async def by_photo(use: Use, question: Asked, photo: PhotoField) -> Response:
    """Listings similar to a photo, best first: of all catalogues and in stock, unless the filters say otherwise.

    The photo is not kept.
    """
    return await to_thread.run_sync(ask, use, question, photo, limiter=use.at_once)


def ask(use: Resources, question: SimilarQuestion, photo: PhotoField) -> Response:
    """Raises PhotoError, or `OtherVersionActive` where the active version changed twice within one question."""
    data = photo_bytes(photo)
    embedded = use.network.embed(data)
    try:
        return found(use, embedded, question)
    except OtherVersionActive:
        return found(use, embed_anew(use.network, data), question)


def embed_anew(network: ActiveNetwork, photo: bytes) -> Embedded:
    network.reopen()
    return network.embed(photo)


def found(use: Resources, embedded: Embedded, question: SimilarQuestion) -> Response:
    vector = embedded.prediction.embedding.tolist()
    with transaction(use.engine) as connection:
        rows = similar_to(connection, vector, model_version=embedded.model_version, **question.as_question())
    similar = [SimilarListing.model_validate(row) for row in rows]
    return answer(PhotoAnswer(seen=seen_in(embedded.prediction), model_version=embedded.model_version, similar=similar))


def seen_in(said: Prediction) -> Seen:
    attributes = zip(said.attributes, said.attribute_scores, strict=True)
    return Seen(
        category=said.categories[0] if said.categories else None,
        category_score=said.category_scores[0] if said.category_scores else None,
        abstained=said.abstained,
        attributes=[Attribute(name=name, score=score) for name, score in attributes],
    )
