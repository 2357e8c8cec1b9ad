"""What became of every row of an import's feed, and which listings were withdrawn because it did not have them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from db.engine import transaction
from db.states import ReportOutcome

PAGE = 5_000
# Withdrawn listings have no line: in the order of the report they stand behind every line there can be.
BEHIND_THE_FEED = 1 << 62


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRow:
    """What became of one row of a feed, or (without a line) that a listing was withdrawn and still is.

    `changed` names fields, `metadata.KEY` and `photos` of a changed row. `place` orders the report. Rows of listings
    that were erased since have lost their id and detail.
    """

    place: int
    line: int | None
    external_id: str | None
    outcome: ReportOutcome
    changed: Sequence[str] | None
    column: str | None
    reason: str | None
    detail: str | None


def report_page(
    connection: Connection, import_id: int, *, after: int, limit: int, outcome: ReportOutcome | None = None
) -> list[ReportRow]:
    """Rows of the report behind a place: those of the feed by line, then withdrawn listings."""
    rows: list[ReportRow] = []
    if after < BEHIND_THE_FEED and outcome is not ReportOutcome.WITHDRAWN:
        rows = _rows_of_the_feed(connection, import_id, after, limit, outcome)
    if len(rows) < limit and outcome in (None, ReportOutcome.WITHDRAWN):
        rows += _withdrawn(connection, import_id, max(0, after - BEHIND_THE_FEED), limit - len(rows))
    return rows


def _rows_of_the_feed(
    connection: Connection, import_id: int, after: int, limit: int, outcome: ReportOutcome | None
) -> list[ReportRow]:
    rows = connection.execute(
        text("""
            SELECT line AS place, line, external_id, outcome, changed, column_name AS column, reason, detail
            FROM modiste.import_row
            WHERE import_id = :id AND line > :after AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome)
            ORDER BY line LIMIT :limit
        """),
        {"id": import_id, "after": after, "outcome": outcome, "limit": limit},
    )
    return [ReportRow(**{**row._mapping, "outcome": ReportOutcome(row.outcome)}) for row in rows]


def _withdrawn(connection: Connection, import_id: int, after_listing: int, limit: int) -> list[ReportRow]:
    rows = connection.execute(
        text("""
            SELECT id, external_id FROM modiste.listing
            WHERE withdrawn_in = :id AND id > :after ORDER BY id LIMIT :limit
        """),
        {"id": import_id, "after": after_listing, "limit": limit},
    )
    return [
        ReportRow(
            place=BEHIND_THE_FEED + row.id,
            line=None,
            external_id=row.external_id,
            outcome=ReportOutcome.WITHDRAWN,
            changed=None,
            column=None,
            reason=None,
            detail=None,
        )
        for row in rows
    ]


def whole_report(engine: Engine, import_id: int, outcome: ReportOutcome | None = None) -> Iterator[ReportRow]:
    """All of it. A transaction a page: a slow reader holds no connection."""
    after = 0
    while True:
        with transaction(engine) as connection:
            page = report_page(connection, import_id, after=after, limit=PAGE, outcome=outcome)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].place
