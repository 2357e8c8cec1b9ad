"""The route that tells what became of every row of an import. What it shows, the CLI exports too."""

from collections.abc import Iterable, Iterator
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
from api.tables import CSV, TableFormat, csv_answer
from db.engine import transaction
from db.imports import import_status
from db.row_reports import ReportRow, report_page, whole_report
from db.states import ReportOutcome

router = APIRouter(prefix="/v1/imports", tags=["imports"])
BETWEEN = "; "


class RowOfReport(Shown):
    """What became of one row of the feed; or that a listing which a whole feed did not have was withdrawn."""

    line: int | None = Field(description="Of the feed; null of a listing that was withdrawn.", examples=[42])
    external_id: str | None = Field(examples=["TEE-0001"])
    outcome: ReportOutcome = Field(examples=["changed"])
    changed: list[str] | None = Field(
        description="Of a changed row: fields, `metadata.KEY`, `photos`.", examples=[["price", "metadata.season"]]
    )
    column: str | None = Field(description="Of a rejected row.", examples=[None])
    reason: str | None = Field(examples=[None])
    detail: str | None = Field(examples=[None])


COLUMNS = tuple(RowOfReport.model_fields)


class ReportPage(Shown):
    """`next` goes into the parameter `after`; null on the last page."""

    rows: list[RowOfReport]
    next: str | None = Field(examples=[None])


class ReportQuestion(Question):
    """Which rows, in which form, and which page of it."""

    outcome: ReportOutcome | None = Field(None, description="Only rows of which this became.")
    format: TableFormat = Field(TableFormat.CSV, description="csv: everything, streamed; json: page by page.")
    limit: int = Field(100, ge=1, le=1000, description="Rows a page of JSON.")
    after: Cursor | None = Field(None, description="The `next` of the page of JSON before.")


FORMS: dict[int | str, dict[str, Any]] = {
    200: {"description": "A row a row of the feed, then withdrawn listings.", "content": CSV}
}


@router.get(
    "/{import_id}/report",
    operation_id="get_import_report",
    response_model=ReportPage,
    responses=FORMS | documented(404),
    openapi_extra=parameters(ReportQuestion),
)
def report(
    use: Use, import_id: ImportId, question: Annotated[ReportQuestion, Depends(asked(ReportQuestion))]
) -> Response:
    """What became of every row of the feed: its line there, the outcome, what changed, or why it was rejected."""
    with transaction(use.engine) as connection:
        import_status(connection, import_id)
        if question.format is TableFormat.JSON:
            after = position_of(question.after) if question.after else 0
            rows = report_page(connection, import_id, after=after, limit=question.limit + 1, outcome=question.outcome)
            return answer(page_of(rows, question.limit))
    found = whole_report(use.engine, import_id, question.outcome)
    return csv_answer(f"import-{import_id}-report.csv", COLUMNS, cells_of(found))


def page_of(rows: list[ReportRow], limit: int) -> ReportPage:
    page = rows[:limit]
    following = cursor_of(page[-1].place) if len(rows) > limit else None
    return ReportPage(rows=[shown(row) for row in page], next=following)


def shown(row: ReportRow) -> RowOfReport:
    return RowOfReport(**{name: getattr(row, name) for name in COLUMNS})


def cells_of(rows: Iterable[ReportRow]) -> Iterator[list[object]]:
    """As cells of a table; what changed in one cell."""
    for row in rows:
        changed = None if row.changed is None else BETWEEN.join(row.changed)
        yield [changed if name == "changed" else getattr(row, name) for name in COLUMNS]
