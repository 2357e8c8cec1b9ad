"""How the work stands, in numbers for an operator: what waits, what is held, what is wrong. Cheap enough to ask often.

Shards and imports are read by counters and small indexes. Only the quarantine is counted row by row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from db.recall import last_checks, limit_statements
from db.states import Lane

LIMIT_S = 5.0
# Smaller tables are vacuumed in a moment, and are full of dead rows until then.
WORTH_VACUUMING_ROWS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Vitals:
    """By lane: shards that are `waiting` (due and not taken) and `leased`, the wait of the `oldest_s`, photos pending.

    `overdue`: leases that ran out and that no sweep has taken back. `imports` under way by state, `paused` among them.
    `recall` and when it was checked are those of the active version's index, None where it was not measured.
    `dead_rows`: share of a table's rows.
    """

    waiting: Mapping[str, float]
    oldest_s: Mapping[str, float]
    leased: Mapping[str, float]
    overdue: int
    pending: Mapping[str, float]
    imports: Mapping[str, float]
    quarantined: Mapping[str, float]
    active_model: str | None
    recall: float | None
    recall_checked_at: datetime | None
    dead_rows: Mapping[str, float]


def vitals(connection: Connection) -> Vitals:
    """Each statement within `LIMIT_S`. Raises SQLAlchemy's OperationalError beyond."""
    limit_statements(connection, LIMIT_S)
    shards = connection.execute(
        text("""
            SELECT lane, count(*) FILTER (WHERE state = 'queued') AS waiting,
                   coalesce(extract(epoch FROM clock_timestamp() - min(not_before) FILTER (WHERE state = 'queued')), 0)
                       AS oldest_s,
                   count(*) FILTER (WHERE state = 'leased') AS leased,
                   count(*) FILTER (WHERE state = 'leased' AND lease_until < clock_timestamp()) AS overdue
            FROM modiste.shard
            WHERE state IN ('queued', 'leased') AND (state = 'leased' OR not_before <= clock_timestamp())
            GROUP BY lane
        """)
    ).all()
    imports = connection.execute(
        text("""
            SELECT lane, CASE WHEN paused_at IS NULL THEN state ELSE 'paused' END AS state, count(*) AS imports,
                   sum(photos_total - photos_enriched - photos_quarantined - photos_cancelled) AS pending
            FROM modiste.import WHERE finished_at IS NULL GROUP BY 1, 2
        """)
    ).all()
    active = connection.scalar(text("SELECT name FROM modiste.model_version WHERE state = 'active'"))
    check = next((check for check in last_checks(connection, 1) if check.model_version == active), None)
    return Vitals(
        waiting=by_lane({row.lane: row.waiting for row in shards}),
        oldest_s=by_lane({row.lane: float(row.oldest_s) for row in shards}),
        leased=by_lane({row.lane: row.leased for row in shards}),
        overdue=sum(row.overdue for row in shards),
        pending={lane: sum(row.pending for row in imports if row.lane == lane) for lane in Lane},
        imports={
            state: sum(row.imports for row in imports if row.state == state)
            for state in ("planning", "previewed", "running", "paused")
        },
        quarantined=quarantined(connection),
        active_model=active,
        recall=check.recall if check else None,
        recall_checked_at=check.checked_at if check else None,
        dead_rows=dead_rows(connection),
    )


def by_lane(values: Mapping[str, float]) -> dict[str, float]:
    """Every lane: a series that comes and goes cannot be alerted on."""
    return {lane.value: values.get(lane.value, 0) for lane in Lane}


def quarantined(connection: Connection) -> dict[str, float]:
    rows = connection.execute(
        text("SELECT reason, count(*) AS photos FROM modiste.photo WHERE state = 'quarantined' GROUP BY reason")
    )
    return {row.reason: row.photos for row in rows}


def dead_rows(connection: Connection) -> dict[str, float]:
    rows = connection.execute(
        text("""
            SELECT relname, n_dead_tup::float / (n_live_tup + n_dead_tup) AS share FROM pg_stat_user_tables
            WHERE schemaname = 'modiste' AND n_live_tup + n_dead_tup >= :rows
        """),
        {"rows": WORTH_VACUUMING_ROWS},
    )
    return {row.relname: row.share for row in rows}
