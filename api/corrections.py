"""Routes about corrections: what people say is true of listings, said, listed and taken back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from api.answers import answer
from api.bodies import JsonBody
from api.cards import Shown
from api.cursors import Cursor, cursor_of, position_of
from api.problems import documented
from api.questions import Question, asked, parameters
from api.resources import Use
from api.texts import LARGEST_ID, Text
from db.corrections import correct_listing, correction_page, get_correction, undo_correction
from db.engine import transaction

router = APIRouter(prefix="/v1", tags=["corrections"])
WHO_CHARS = 100

ListingId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The listing's id.", examples=[42])]
CorrectionId = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The correction's id.", examples=[1])]


class Correction(Shown):
    """What a person said of a listing; the last that nobody took back counts, for every model version."""

    id: int = Field(examples=[1])
    listing_id: int = Field(examples=[42])
    catalogue: str = Field(examples=["default"])
    external_id: str = Field(examples=["TEE-0001"])
    title: str | None = Field(examples=["Striped tee"])
    photo_id: int | None = Field(description="The photo that was looked at; null where it is gone.", examples=[7])
    field: str = Field(description="`category`, or an attribute group.", examples=["category"])
    was: str | None = Field(description="The word until then; null for none.", examples=["Shirt"])
    now: str | None = Field(description="What is true; as `was` where that was right.", examples=["T-Shirt"])
    who: str = Field(examples=["Ann"])
    made_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    undone_at: datetime | None = Field(description="When it was taken back, if it was.", examples=[None])


class CorrectionPage(Shown):
    """Oldest first; `next` goes into the parameter `after`, null on the last page."""

    corrections: list[Correction]
    next: str | None = Field(examples=[None])


class CorrectionsQuestion(Question):
    """Which corrections, and which page of them."""

    limit: int = Field(100, ge=1, le=1000, description="Corrections a page.")
    after: Cursor | None = Field(None, description="The `next` of the page before.")
    catalogue: Text | None = Field(None, description="Only those of this catalogue.")
    listing_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(
        None, description="Only those of this listing."
    )
    undone: bool = Field(False, description="Also those that were taken back.")


class SaidToBeTrue(JsonBody):
    """What is true of a listing."""

    field: Text = Field(description="`category`, or an attribute group of the active version.", examples=["category"])
    now: Text | None = Field(description="One of its words; null: none of the group's words.", examples=["T-Shirt"])
    who: Text = Field(min_length=1, max_length=WHO_CHARS, description="Who says so.", examples=["Ann"])
    photo_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(
        None, description="The photo that was looked at; else the one that stands for the listing.", examples=[7]
    )


@router.get(
    "/corrections",
    operation_id="list_corrections",
    response_model=CorrectionPage,
    openapi_extra=parameters(CorrectionsQuestion),
)
def corrections(use: Use, question: Annotated[CorrectionsQuestion, Depends(asked(CorrectionsQuestion))]) -> Response:
    """What people said of listings, oldest first."""
    after = position_of(question.after) if question.after else 0
    wanted = question.model_dump(include={"catalogue", "listing_id", "undone"})
    with transaction(use.engine) as connection:
        found = correction_page(connection, after=after, limit=question.limit + 1, **wanted)
    page = found[: question.limit]
    following = cursor_of(page[-1].id) if len(found) > question.limit else None
    shown = [Correction.model_validate(one, from_attributes=True) for one in page]
    return answer(CorrectionPage(corrections=shown, next=following))


@router.post(
    "/listings/{listing_id}/corrections",
    operation_id="correct_listing",
    status_code=201,
    response_model=Correction,
    responses=documented(404) | documented(409, text="No photo of the listing is enriched yet."),
)
def correct(use: Use, listing_id: ListingId, said: SaidToBeTrue) -> Response:
    """Says what is true of a listing: that is its word in `listing_enrichment` from then on, marked as corrected."""
    with transaction(use.engine) as connection:
        made = correct_listing(
            connection, listing_id, field=said.field, now=said.now, who=said.who, photo_id=said.photo_id
        )
        return answer(Correction.model_validate(get_correction(connection, made), from_attributes=True), status=201)


@router.delete(
    "/corrections/{correction_id}",
    operation_id="undo_correction",
    response_model=Correction,
    responses=documented(404, text="There is no such correction, or it was taken back before."),
)
def undo(use: Use, correction_id: CorrectionId) -> Response:
    """Takes it back: the word that counted before does again. The row stays, with the time."""
    with transaction(use.engine) as connection:
        undo_correction(connection, correction_id)
        return answer(Correction.model_validate(get_correction(connection, correction_id), from_attributes=True))
