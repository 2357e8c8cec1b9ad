"""The route that tells what became of every row of an import."""

from fastapi import APIRouter, Response

from api.imports import ImportId
from api.problems import documented
from api.resources import Use
from api.tables import CSV, csv_answer
from db.engine import transaction
from db.imports import import_status
from db.reports import all_rows

router = APIRouter(prefix="/v1/imports", tags=["imports"])
REPORT = ("line", "external_id", "outcome", "column", "reason", "detail")


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
