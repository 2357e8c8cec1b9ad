"""Routes that tell what became of every row and photo of an import."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.answers import answer
from api.cards import Shown
from api.cursors import Cursor, cursor_of, position_of
from api.imports import ImportId
from api.problems import documented
from api.questions import Question, asked, parameters
from api.resources import Use
from api.sources import public_source
from api.tables import csv_answer
from db.engine import transaction
from db.imports import import_status
from db.reports import QuarantineRow, all_rows, quarantine_page, whole_quarantine
from db.states import Reason

router = APIRouter(prefix="/v1/imports", tags=["imports"])
REPORT = ("line", "external_id", "outcome", "column", "reason", "detail")
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


class TableFormat(StrEnum):
    JSON = "json"
    CSV = "csv"


class QuarantinedPhoto(Shown):
    """A photo that cannot be enriched, and why."""

    photo_id: int = Field(examples=[7])
    listing_id: int = Field(examples=[42])
    external_id: str = Field(examples=["TEE-0001"])
    source: str = Field(description="Without credentials and signatures.", examples=["https://img.example/1.jpg"])
    reason: Reason = Field(examples=["not_found"])
    detail: str | None = Field(examples=["https://img.example/1.jpg answered 404"])


class QuarantinePage(Shown):
    """`next` goes into the parameter `after`; null on the last page."""

    photos: list[QuarantinedPhoto]
    next: str | None = Field(examples=[None])


class QuarantineQuestion(Question):
    """In which form, and which page of it."""

    format: TableFormat = Field(TableFormat.JSON, description="json: page by page; csv: everything, streamed.")
    limit: int = Field(100, ge=1, le=1000, description="Photos a page of JSON.")
    after: Cursor | None = Field(None, description="The `next` of the page of JSON before.")


Asked = Annotated[QuarantineQuestion, Depends(asked(QuarantineQuestion))]


@router.get(
    "/{import_id}/report",
    operation_id="get_import_report",
    response_class=Response,
    responses={200: {"description": "A line a row of the feed.", "content": CSV}, **documented(404)},
)
def report(use: Use, import_id: ImportId) -> Response:
    """What became of every row of the feed, as CSV: its line there, the outcome, and why it was rejected."""
    with transaction(use.engine) as connection:
        import_status(connection, import_id)
    rows = ([getattr(row, name) for name in REPORT] for row in all_rows(use.engine, import_id))
    return csv_answer(f"import-{import_id}-report.csv", REPORT, rows)


@router.get(
    "/{import_id}/quarantine",
    operation_id="get_import_quarantine",
    response_model=QuarantinePage,
    responses={200: {"content": CSV}, **documented(404)},
    openapi_extra=parameters(QuarantineQuestion),
)
def quarantine(use: Use, import_id: ImportId, question: Asked) -> Response:
    """Photos of this import that cannot be enriched, each with its reason."""
    with transaction(use.engine) as connection:
        import_status(connection, import_id)
        if question.format is TableFormat.JSON:
            after = position_of(question.after) if question.after else 0
            found = quarantine_page(connection, import_id, after, question.limit + 1)
            return answer(page_of(found, question.limit))
    columns = tuple(QuarantinedPhoto.model_fields)
    rows = ([getattr(row, name) for name in columns] for row in shown(whole_quarantine(use.engine, import_id)))
    return csv_answer(f"import-{import_id}-quarantine.csv", columns, rows)


def page_of(found: list[QuarantineRow], limit: int) -> QuarantinePage:
    page = found[:limit]
    following = cursor_of(page[-1].photo_id) if len(found) > limit else None
    return QuarantinePage(photos=list(shown(page)), next=following)


def shown(rows: Iterable[QuarantineRow]) -> Iterable[QuarantinedPhoto]:
    for row in rows:
        values = {name: getattr(row, name) for name in QuarantinedPhoto.model_fields}
        yield QuarantinedPhoto(**values | {"source": public_source(row.source)})
