"""Imports read back, page by page: their list, their rate, and what became of every row."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from db.engine import transaction
from db.imports import ONE_LISTING, STATUS, ImportStatus, status_of
from db.states import ImportState, Lane, RowOutcome

PAGE = 5_000
RATE_OVER_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportRow:
    """What became of one row of a feed. Rows of listings that were erased since have lost their id and detail."""

    line: int
    external_id: str | None
    outcome: RowOutcome
    column: str | None
    reason: str | None
    detail: str | None


def import_page(
    connection: Connection,
    *,
    before: int,
    limit: int,
    catalogue: str | None = None,
    state: ImportState | None = None,
    lane: Lane | None = None,
) -> list[ImportStatus]:
    """Imports before this id, newest first; single listings only where their lane is asked for."""
    rows = connection.execute(
        text(f"""
            {STATUS} WHERE i.id < :before
              AND (CAST(:catalogue AS text) IS NULL OR i.catalogue = :catalogue)
              AND (CAST(:state AS text) IS NULL OR i.state = :state)
              AND (CAST(:lane AS text) IS NULL AND i.feed <> :single OR i.lane = :lane)
            ORDER BY i.id DESC LIMIT :limit
        """),
        {
            "before": before,
            "limit": limit,
            "catalogue": catalogue,
            "state": state,
            "lane": lane,
            "single": ONE_LISTING,
        },
    )
    return [status_of(row) for row in rows]


def photos_per_s(connection: Connection, import_id: int) -> float:
    """How many photos of an import workers finished a second, over the last minute of it."""
    return float(
        connection.execute(
            text("""
                SELECT coalesce(sum(cardinality(s.photo_ids)), 0)
                       / least(:over_s, greatest(1, extract(epoch FROM clock_timestamp() - min(i.started_at))))
                FROM modiste.import i JOIN modiste.shard s ON s.import_id = i.id
                WHERE i.id = :id AND s.state = 'done'
                  AND s.finished_at > clock_timestamp() - make_interval(secs => :over_s)
            """),
            {"id": import_id, "over_s": RATE_OVER_S},
        ).scalar_one()
        or 0
    )


def report_page(connection: Connection, import_id: int, after: int, limit: int) -> list[ReportRow]:
    """Rows of the feed behind line `after`."""
    rows = connection.execute(
        text("""
            SELECT line, external_id, outcome, column_name AS column, reason, detail FROM modiste.import_row
            WHERE import_id = :id AND line > :after ORDER BY line LIMIT :limit
        """),
        {"id": import_id, "after": after, "limit": limit},
    )
    return [ReportRow(**{**row._mapping, "outcome": RowOutcome(row.outcome)}) for row in rows]


def all_rows(engine: Engine, import_id: int) -> Iterator[ReportRow]:
    """The whole report. A transaction a page: a slow reader holds no connection."""
    after = 0
    while True:
        with transaction(engine) as connection:
            page = report_page(connection, import_id, after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].line
