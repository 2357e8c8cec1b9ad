"""Routes that list photos in quarantine: of one import, or wherever they are. What they show, the CLI exports too."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.cursors import Cursor, cursor_of, position_of
from api.imports import ImportId
from api.problems import documented
from api.questions import Question, asked, parameters
from api.resources import Resources, Use
from api.sources import public_source
from api.tables import CSV, TableFormat, csv_answer
from api.texts import LARGEST_ID, Text
from db.engine import transaction
from db.imports import import_status
from db.quarantine import QuarantineRow, Wanted, quarantine_page, whole_quarantine
from db.states import Reason

router = APIRouter(prefix="/v1", tags=["imports"])


class QuarantinedPhoto(Shown):
    """A photo that cannot be enriched, and why."""

    photo_id: int = Field(examples=[7])
    import_id: int = Field(description="The import that put it to work last.", examples=[2])
    listing_id: int = Field(examples=[42])
    catalogue: str = Field(examples=["default"])
    external_id: str = Field(examples=["TEE-0001"])
    source: str = Field(description="Without credentials and signatures.", examples=["https://img.example/1.jpg"])
    reason: Reason = Field(examples=["not_found"])
    detail: str | None = Field(examples=["https://img.example/1.jpg answered 404"])
    quarantined_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])


COLUMNS = tuple(QuarantinedPhoto.model_fields)


class QuarantinePage(Shown):
    """`next` goes into the parameter `after`; null on the last page."""

    photos: list[QuarantinedPhoto]
    next: str | None = Field(examples=[None])


class PageQuestion(Question):
    """In which form, and which page of it."""

    format: TableFormat = Field(TableFormat.JSON, description="json: page by page; csv: everything, streamed.")
    limit: int = Field(100, ge=1, le=1000, description="Photos a page of JSON.")
    after: Cursor | None = Field(None, description="The `next` of the page of JSON before.")


class QuarantineQuestion(PageQuestion):
    """Which photos beside that."""

    import_id: Annotated[int, Field(ge=1, le=LARGEST_ID)] | None = Field(None, description="Only those of this import.")
    catalogue: Text | None = Field(None, description="Only those of this catalogue.")
    reason: Reason | None = Field(None, description="Only those for this reason.")


FORMS: dict[int | str, dict[str, Any]] = {200: {"content": CSV}}


@router.get(
    "/quarantine",
    operation_id="list_quarantine",
    response_model=QuarantinePage,
    responses=FORMS,
    openapi_extra=parameters(QuarantineQuestion),
)
def everywhere(use: Use, question: Annotated[QuarantineQuestion, Depends(asked(QuarantineQuestion))]) -> Response:
    """Photos that cannot be enriched, each with its reason, by id."""
    wanted = Wanted(import_id=question.import_id, catalogue=question.catalogue, reason=question.reason)
    return found(use, wanted, question, "quarantine.csv")


@router.get(
    "/imports/{import_id}/quarantine",
    operation_id="get_import_quarantine",
    response_model=QuarantinePage,
    responses=FORMS | documented(404),
    openapi_extra=parameters(PageQuestion),
)
def of_import(
    use: Use, import_id: ImportId, question: Annotated[PageQuestion, Depends(asked(PageQuestion))]
) -> Response:
    """The same of one import."""
    with transaction(use.engine) as connection:
        import_status(connection, import_id)
    return found(use, Wanted(import_id=import_id), question, f"import-{import_id}-quarantine.csv")


def found(use: Resources, wanted: Wanted, question: PageQuestion, name: str) -> Response:
    """A page as JSON, or all of it as a file called `name`."""
    if question.format is TableFormat.CSV:
        return csv_answer(name, COLUMNS, rows_of(whole_quarantine(use.engine, wanted)))
    after = position_of(question.after) if question.after else 0
    with transaction(use.engine) as connection:
        rows = quarantine_page(connection, wanted, after=after, limit=question.limit + 1)
    page = rows[: question.limit]
    following = cursor_of(page[-1].photo_id) if len(rows) > question.limit else None
    return answer(QuarantinePage(photos=[shown(row) for row in page], next=following))


def shown(row: QuarantineRow) -> QuarantinedPhoto:
    values = {name: getattr(row, name) for name in COLUMNS}
    return QuarantinedPhoto(**values | {"source": public_source(row.source)})


def rows_of(rows: Iterator[QuarantineRow]) -> Iterator[list[object]]:
    """As cells of a table, written as JSON writes them."""
    for row in rows:
        yield list(shown(row).model_dump(mode="json").values())
