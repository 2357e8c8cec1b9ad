"""The route that writes a catalogue out: what its sellers say with what was found, whole or what changed since."""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import Engine

from api.problems import documented
from api.questions import Question, asked, parameters
from api.resources import Use
from api.sources import public_source
from api.tables import CSV, csv_answer
from api.texts import CatalogueName, Text
from db.engine import transaction
from db.found import FoundListing, Selection, begin_export, found_page
from db.found_table import FoundTable
from db.found_text import guarded, json_line, text_of
from db.training import metadata_keys

router = APIRouter(prefix="/v1", tags=["catalogues"])
ROWS_A_PAGE = 1_000
CURSOR = "Modiste-Cursor"
JSON_LINES = "application/jsonl"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class ExportQuestion(Question):
    """Which listings, and in which form."""

    format: ExportFormat = Field(ExportFormat.JSONL, description="jsonl: an object a line; csv: for spreadsheets.")
    changes_since: Text | None = Field(
        None, description=f"The header {CURSOR} of an export before: only what changed since."
    )


Asked = Annotated[ExportQuestion, Depends(asked(ExportQuestion))]
ANSWER: dict[str, Any] = {
    "description": "A line a listing, with the columns of `modiste export`.",
    "content": {JSON_LINES: {"schema": {"type": "string"}}, **CSV},
    "headers": {CURSOR: {"description": "For `changes_since` of the next export.", "schema": {"type": "string"}}},
}


@router.get(
    "/catalogues/{catalogue}/export",
    operation_id="export_catalogue",
    response_class=Response,
    responses={200: ANSWER, **documented(404)},
    openapi_extra=parameters(ExportQuestion),
)
def export(use: Use, catalogue: CatalogueName, question: Asked) -> Response:
    """All listings with what was found, streamed, or those that changed since an export before.

    The header `Modiste-Cursor` is for the next one, once the last line of this has come.
    """
    selection, cursor = begin_export(use.engine, catalogue, question.changes_since)
    seer, headers = selection.seer, {CURSOR: cursor.encoded()}
    table = FoundTable(groups=seer.groups if seer else {}, model_version=seer.name if seer else None)
    pages = all_pages(use.engine, selection)
    if question.format is ExportFormat.JSONL:
        lines = (b"".join(json_line(table.record(listing, None)) for listing in page) for page in pages)
        return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)
    with transaction(use.engine) as connection:
        table = replace(table, keys=metadata_keys(connection, catalogue))
    rows = (table.row(listing, None) for listing in chain.from_iterable(pages))
    cells = ([guarded(text_of(value)) for value in row] for row in rows)
    return csv_answer("export.csv", [guarded(name) for name in table.columns], cells, headers=headers)


def all_pages(engine: Engine, selection: Selection) -> Iterator[list[FoundListing]]:
    """A transaction a page: a slow reader holds no connection. What changes meanwhile is told after the cursor."""
    after = 0
    while True:
        with transaction(engine) as connection:
            page = found_page(connection, selection, after=after, limit=ROWS_A_PAGE)
        yield [replace(listing, photos=[public_source(photo) for photo in listing.photos]) for listing in page]
        if len(page) < ROWS_A_PAGE:
            return
        after = page[-1].id
