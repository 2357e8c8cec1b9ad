"""`modiste report`: what became of every row of an import, to read or to keep."""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands.importing import show_status
from cli.export.target import opened
from cli.opening import Stack, open_stack
from cli.output import out, plain, print_table
from cli.settings import Settings
from db.engine import transaction
from db.imports import import_status
from db.row_reports import ReportRow, report_page, whole_report
from db.states import ReportOutcome

COLUMNS = ("line", "external_id", "outcome", "changed", "column", "reason", "detail")
STDOUT = Path("-")


def report(
    import_id: Annotated[int, typer.Argument(metavar="IMPORT", help="Its number, as modiste status lists it.")],
    outcome: Annotated[
        ReportOutcome | None, typer.Option(metavar="OUTCOME", help="Only rows of which this became, e.g. changed.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE|-", help="All rows as a table; - is stdout.")] = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many rows to show on the terminal.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="All rows as JSON on stdout.")] = False,
) -> None:
    """Show what became of the rows of an import: what changed in each, why it was rejected, what was withdrawn."""
    with open_stack(Settings()) as stack:
        with transaction(stack.engine) as connection:
            status = import_status(connection, import_id)
        if csv is not None:
            write_table(stack, import_id, outcome, csv)
        elif as_json:
            sys.stdout.writelines(as_array(whole_report(stack.engine, import_id, outcome)))
        else:
            show_status(status)
            show_rows(stack, import_id, outcome, limit)


def write_table(stack: Stack, import_id: int, outcome: ReportOutcome | None, file: Path) -> None:
    from api.reports import cells_of  # with FastAPI, which most commands do without
    from api.tables import pieces

    with opened(None if file == STDOUT else file) as target:
        target.writelines(pieces(COLUMNS, cells_of(whole_report(stack.engine, import_id, outcome))))


def as_array(rows: Iterator[ReportRow]) -> Iterator[str]:
    """One JSON document, written while it is read."""
    before = "[\n"
    for row in rows:
        yield f"{before}{json.dumps(values_of(row), ensure_ascii=False)}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def values_of(row: ReportRow) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in COLUMNS}


def show_rows(stack: Stack, import_id: int, outcome: ReportOutcome | None, limit: int) -> None:
    with transaction(stack.engine) as connection:
        rows = report_page(connection, import_id, after=0, limit=limit + 1, outcome=outcome)
    if not rows:
        out.print("No such rows." if outcome else "No row was read.")
        return
    print_table("", ["line", "listing", "outcome", "says"], [shown(row) for row in islice(rows, limit)])
    if len(rows) > limit:
        out.print(f"There are more: modiste report {import_id} --csv report.csv writes them all.")


def shown(row: ReportRow) -> list[object]:
    """`says`: what changed, or why it was rejected."""
    rejected = ": ".join(filter(None, (row.column, row.reason, row.detail)))
    return [row.line, row.external_id, row.outcome.value, ", ".join(row.changed or ()) or rejected]
