"""Imports: begun, counted, finished, and read back in O(1)."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from db.batches import Batch, Planned
from db.errors import ImportCancelled, UnknownImport
from db.states import ImportState, Lane, RowOutcome

# A planner that has not shown itself for this long is gone: its import is marked as failed by the sweep.
PLANNER_SILENCE_S = 120
# The share of the available listings that a whole feed may lack unless somebody says otherwise.
WITHDRAW_SHARE_MAX = 0.2
# The feed of an import that is one listing put by hand: there may be thousands, which lists of imports leave out.
ONE_LISTING = "one listing"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportStatus:
    """An import's counters; `photos_total` is the sum of the four that follow it."""

    id: int
    catalogue: str
    feed: str
    lane: Lane
    state: ImportState
    model_version: str
    error: str | None
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    rows_continued: int
    rows_rejected: int
    photos_total: int
    photos_enriched: int
    photos_quarantined: int
    photos_cancelled: int
    photos_pending: int
    photos_inferred: int
    whole: bool
    refetch: bool
    listings_withdrawn: int
    paused_at: datetime | None
    started_at: datetime
    planned_at: datetime | None
    finished_at: datetime | None
    running_s: float

    @property
    def rows(self) -> int:
        return self.rows_new + self.rows_changed + self.rows_unchanged + self.rows_continued + self.rows_rejected

    @property
    def finished(self) -> bool:
        """No photo is pending and none will come."""
        return self.state is ImportState.DONE or (
            self.state in (ImportState.FAILED, ImportState.CANCELLED) and self.photos_pending == 0
        )

    @property
    def waits(self) -> bool:
        """Its feed was looked at; whether it is imported is for a person to say."""
        return self.state is ImportState.PREVIEWED

    @property
    def shown_state(self) -> str:
        """The state as people read it: an import that rests is `paused`, whatever it was doing."""
        return "paused" if self.paused_at else self.state.value


STATUS = """
    SELECT i.id, i.catalogue, i.feed, i.lane, i.state, v.name AS model_version, i.error, i.rows_new, i.rows_changed,
           i.rows_unchanged, i.rows_continued, i.rows_rejected, i.photos_total, i.photos_enriched,
           i.photos_quarantined, i.photos_cancelled, i.photos_inferred,
           i.photos_total - i.photos_enriched - i.photos_quarantined - i.photos_cancelled AS photos_pending,
           i.whole, i.refetch, i.listings_withdrawn, i.paused_at, i.started_at, i.planned_at, i.finished_at,
           extract(epoch FROM coalesce(i.finished_at, clock_timestamp()) - i.started_at)::float8 AS running_s
    FROM modiste.import i JOIN modiste.model_version v ON v.id = i.model_version_id
"""


def begin_import(
    connection: Connection,
    *,
    catalogue: str,
    feed: str,
    lane: Lane,
    model_version_id: int,
    whole: bool = False,
    withdraw_share_max: float = WITHDRAW_SHARE_MAX,
    refetch: bool = False,
) -> int:
    import_id: int = connection.execute(
        text("""
            INSERT INTO modiste.import (catalogue, feed, lane, model_version_id, whole, withdraw_share_max, refetch)
            VALUES (:catalogue, :feed, :lane, :version, :whole, :share_max, :refetch) RETURNING id
        """),
        {
            "catalogue": catalogue,
            "feed": feed,
            "lane": lane,
            "version": model_version_id,
            "whole": whole,
            "share_max": withdraw_share_max,
            "refetch": refetch,
        },
    ).scalar_one()
    return import_id


def count_batch(connection: Connection, import_id: int, batch: Batch, planned: Planned) -> None:
    """Adds a batch to the counters: the last statement of its transaction, as the counter row is a hot one.

    Raises `ImportCancelled`: whoever cancels an import either waits for a batch that is counted, or sees none more.
    """
    rows = Counter(row.outcome for row in batch.rows)
    counted = connection.execute(
        text("""
            UPDATE modiste.import SET
                rows_new = rows_new + :new, rows_changed = rows_changed + :changed,
                rows_unchanged = rows_unchanged + :unchanged, rows_continued = rows_continued + :continued,
                rows_rejected = rows_rejected + :rejected,
                photos_total = photos_total + :photos, photos_quarantined = photos_quarantined + :quarantined,
                photos_enriched = photos_enriched + :recognised, planner_seen_at = clock_timestamp()
            WHERE id = :id AND state <> 'cancelled'
        """),
        {
            **{outcome.value: rows[outcome] for outcome in RowOutcome},
            "photos": planned.photos,
            "quarantined": planned.quarantined,
            "recognised": planned.recognised,
            "id": import_id,
        },
    ).rowcount
    if not counted:
        require_wanted(connection, import_id)


def require_wanted(connection: Connection, import_id: int) -> None:
    """Raises `ImportCancelled` where nobody wants the import any more."""
    if connection.scalar(text("SELECT state FROM modiste.import WHERE id = :id"), {"id": import_id}) == "cancelled":
        raise ImportCancelled(f"import {import_id} was cancelled while its feed was read; the rest of it was not taken")


def end_planning(connection: Connection, import_id: int, error: str | None = None) -> None:
    """All rows are read, or (with `error`) no more will be: the import is done when its last photo is."""
    connection.execute(
        text("""
            UPDATE modiste.import SET planned_at = clock_timestamp(), error = CAST(:error AS text),
                state = CASE WHEN CAST(:error AS text) IS NULL THEN 'running' ELSE 'failed' END
            WHERE id = :id AND state = 'planning'
        """),
        {"id": import_id, "error": error},
    )
    finish_if_complete(connection, import_id)


def finish_if_complete(connection: Connection, import_id: int) -> None:
    connection.execute(
        text("""
            UPDATE modiste.import SET finished_at = clock_timestamp(), paused_at = NULL,
                state = CASE state WHEN 'running' THEN 'done' ELSE state END
            WHERE id = :id AND state IN ('running', 'failed', 'cancelled') AND finished_at IS NULL
              AND photos_total = photos_enriched + photos_quarantined + photos_cancelled
        """),
        {"id": import_id},
    )


def show_planners(connection: Connection, leases: Collection[tuple[int, int]], *, lease_s: float) -> set[int]:  # noqa: ARG001
    """Planners show themselves, given as (import id, any number); returns those imports that others have ended.

    A row that is locked is in a batch of its planner right now: it is passed over, not waited for.
    """
    ids = {"ids": [import_id for import_id, _ in leases]}
    connection.execute(
        text("""
            UPDATE modiste.import SET planner_seen_at = clock_timestamp() WHERE id IN (
                SELECT id FROM modiste.import WHERE id = ANY (:ids) AND state = 'planning'
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
        """),
        ids,
    )
    ended = connection.scalars(text("SELECT id FROM modiste.import WHERE id = ANY (:ids) AND state <> 'planning'"), ids)
    return set(ended)


def fail_abandoned_plans(connection: Connection) -> int:
    """Imports whose planner was killed: what it planned goes on, the rest needs the import to be run again."""
    abandoned = connection.scalars(
        text("""
            SELECT id FROM modiste.import i WHERE state = 'planning'
            AND planner_seen_at < clock_timestamp() - make_interval(secs => :silence)
            AND NOT EXISTS (SELECT FROM modiste.plan p WHERE p.import_id = i.id)  -- handed in: db.plans sees to it
        """),
        {"silence": PLANNER_SILENCE_S},
    ).all()
    for import_id in abandoned:
        end_planning(connection, import_id, "the planner stopped before the end of the feed; run the import again")
    return len(abandoned)


def import_status(connection: Connection, import_id: int) -> ImportStatus:
    """Raises `UnknownImport`."""
    row = connection.execute(text(f"{STATUS} WHERE i.id = :id"), {"id": import_id}).one_or_none()
    if row is None:
        raise UnknownImport(f"there is no import {import_id}; `modiste status` lists them")
    return status_of(row)


def recent_imports(connection: Connection, limit: int = 20) -> list[ImportStatus]:
    """Newest first; single listings are left out."""
    rows = connection.execute(
        text(f"{STATUS} WHERE i.feed <> :single ORDER BY i.id DESC LIMIT :n"), {"n": limit, "single": ONE_LISTING}
    )
    return [status_of(row) for row in rows]


def unfinished_imports(connection: Connection) -> list[int]:
    """Imports with photos to work on, of which an earlier run may have been stopped; not those that rest."""
    return list(
        connection.scalars(
            text("""
                SELECT id FROM modiste.import
                WHERE state IN ('running', 'failed') AND finished_at IS NULL AND paused_at IS NULL ORDER BY id
            """)
        )
    )


def photos_waiting(connection: Connection, import_id: int | None = None) -> int:
    """Photos that a worker has still to do, of one import or of all; those of imports that rest are none of them."""
    return int(
        connection.execute(
            text("""
                SELECT coalesce(sum(photos_total - photos_enriched - photos_quarantined - photos_cancelled), 0)
                FROM modiste.import
                WHERE finished_at IS NULL AND state <> 'cancelled' AND paused_at IS NULL
                  AND (CAST(:id AS bigint) IS NULL OR id = :id)
            """),
            {"id": import_id},
        ).scalar_one()
    )


def photos_unseen(connection: Connection, catalogues: Collection[str] | None = None) -> int:
    """Photos of these catalogues, or of all, that answers lack as nobody has looked at them yet."""
    return int(
        connection.execute(
            text("""
                SELECT coalesce(sum(photos_total - photos_enriched - photos_quarantined - photos_cancelled), 0)
                FROM modiste.import
                WHERE finished_at IS NULL AND lane <> 'backfill'
                  AND (CAST(:names AS text[]) IS NULL OR catalogue = ANY (:names))
            """),
            {"names": None if catalogues is None else list(catalogues)},
        ).scalar_one()
    )


def retries(connection: Connection, import_id: int) -> tuple[int, float]:
    """How many photos of an import wait to be fetched again, and in how many seconds the next of them is due."""
    row = connection.execute(
        text("""
            SELECT coalesce(sum(cardinality(photo_ids)), 0)::int AS photos,
                   coalesce(extract(epoch FROM min(not_before) - clock_timestamp()), 0)::float8 AS due_s
            FROM modiste.shard WHERE import_id = :id AND state = 'queued' AND not_before > clock_timestamp()
        """),
        {"id": import_id},
    ).one()
    return row.photos, row.due_s


def status_of(row: Row[tuple[object, ...]]) -> ImportStatus:
    values = dict(row._mapping)
    return ImportStatus(**{**values, "lane": Lane(values["lane"]), "state": ImportState(values["state"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedRow:
    """A row of the feed that was not taken, and why."""

    line: int
    external_id: str | None
    column: str | None
    reason: str
    detail: str | None


def rejected_rows(connection: Connection, import_id: int, limit: int = 100) -> list[RejectedRow]:
    rows = connection.execute(
        text("""
            SELECT line, external_id, column_name AS column, reason, detail FROM modiste.import_row
            WHERE import_id = :id AND outcome = 'rejected' ORDER BY line LIMIT :n
        """),
        {"id": import_id, "n": limit},
    )
    return [RejectedRow(**row._mapping) for row in rows]
