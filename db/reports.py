"""Imports read back: their list, page by page, and their rate."""

from sqlalchemy import Connection, text

from db.imports import ONE_LISTING, STATUS, ImportStatus, status_of
from db.states import ImportState, Lane

RATE_OVER_S = 60.0


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
