"""Feeds that were handed in and wait to be planned: made, claimed, kept alive, given back and ended. As `db.shards`.

A planner checks its fencing token in the transaction of every batch, so a feed is planned once however often its
message arrives; one that takes over goes on behind the last line that is planned.

A plan made with `preview` is taken twice: to look at the feed, which leaves a forecast, and, once a person has started
the import, to plan it.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from db.errors import LeaseLost
from db.imports import end_planning, require_wanted
from db.states import Lane

ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedIn:
    """A feed to plan: a file of the store's feeds or a URL, with a zip of photos perhaps.

    `columns`: field → column, where names do not say it.
    """

    feed_url: str | None = None
    feed_file: str | None = None
    photos_file: str | None = None
    columns: Mapping[str, str]

    @property
    def files(self) -> list[str]:
        """Names of its files in the store's feeds."""
        return [name for name in (self.feed_file, self.photos_file) if name is not None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanLease:
    """The right to plan a feed, until another worker takes a newer token. Lines up to `planned_line` are planned."""

    import_id: int
    token: int
    attempt: int
    catalogue: str
    feed_name: str
    lane: Lane
    model_version_id: int
    whole: bool
    withdraw_share_max: float
    refetch: bool
    preview: bool
    planned_line: int
    handed_in: HandedIn


def hand_in(connection: Connection, import_id: int, feed: HandedIn, *, preview: bool = False) -> None:
    """Has a worker plan this feed for an import that has begun; with `preview`, only look at it."""
    connection.execute(
        text("""
            INSERT INTO modiste.plan (import_id, preview, feed_url, feed_file, photos_file, columns)
            VALUES (:id, :preview, :url, :file, :photos,
                    jsonb_object(CAST(:fields AS text[]), CAST(:names AS text[])))
        """),
        {
            "id": import_id,
            "preview": preview,
            "url": feed.feed_url,
            "file": feed.feed_file,
            "photos": feed.photos_file,
            "fields": list(feed.columns.keys()),
            "names": list(feed.columns.values()),
        },
    )


def claim_plan(connection: Connection, import_id: int, *, lease_s: float) -> PlanLease | None:
    """Takes the plan, or None where it is done, not due, held by a living worker, or waits for a person."""
    row = connection.execute(
        text("""
            UPDATE modiste.plan p SET token = token + 1, attempt = attempt + 1,
                lease_until = clock_timestamp() + make_interval(secs => :lease_s)
            FROM modiste.import i
            WHERE p.import_id = :id AND i.id = p.import_id AND not_before <= clock_timestamp() AND forecast IS NULL
              AND (lease_until IS NULL OR lease_until < clock_timestamp())
            RETURNING p.*, i.catalogue, i.feed, i.lane, i.model_version_id, i.refetch, i.whole,
                i.withdraw_share_max,
                coalesce((SELECT max(line) FROM modiste.import_row r WHERE r.import_id = i.id), 0) AS planned_line
        """),
        {"id": import_id, "lease_s": lease_s},
    ).one_or_none()
    if row is None:
        return None
    return PlanLease(
        import_id=import_id,
        token=row.token,
        attempt=row.attempt,
        catalogue=row.catalogue,
        feed_name=row.feed,
        lane=Lane(row.lane),
        model_version_id=row.model_version_id,
        whole=row.whole,
        withdraw_share_max=row.withdraw_share_max,
        refetch=row.refetch,
        preview=row.preview,
        planned_line=row.planned_line,
        handed_in=_handed_in(row),
    )


def take_plan_fence(connection: Connection, lease: PlanLease) -> None:
    """The first statement of a batch: raises `LeaseLost` where another plans this feed now, or `ImportCancelled`."""
    held = connection.scalar(
        text("SELECT 1 FROM modiste.plan WHERE import_id = :id AND token = :token FOR UPDATE"),
        {"id": lease.import_id, "token": lease.token},
    )
    if held is None:
        require_wanted(connection, lease.import_id)
        raise LeaseLost(f"import {lease.import_id} is planned by another worker; this work is dropped")


def keep_feed(connection: Connection, lease: PlanLease, feed_file: str) -> None:
    """A feed that was fetched from its URL stands in the store now: whoever takes over reads the same lines."""
    take_plan_fence(connection, lease)
    connection.execute(
        text("UPDATE modiste.plan SET feed_file = :file WHERE import_id = :id"),
        {"id": lease.import_id, "file": feed_file},
    )


def keep_forecast(connection: Connection, lease: PlanLease, forecast: Mapping[str, Any]) -> None:
    """The feed was looked at: what its import would do is kept, and the import waits for a person. Frees the plan."""
    take_plan_fence(connection, lease)
    connection.execute(
        text("""
            UPDATE modiste.plan SET forecast = CAST(:forecast AS jsonb), lease_until = NULL, attempt = 0
            WHERE import_id = :id
        """),
        {"id": lease.import_id, "forecast": json.dumps(forecast)},
    )
    connection.execute(
        text("UPDATE modiste.import SET state = 'previewed', paused_at = NULL WHERE id = :id AND state = 'planning'"),
        {"id": lease.import_id},
    )


def forecast_of(connection: Connection, import_id: int) -> Mapping[str, Any] | None:
    """What the import would do; None where its feed was not looked at first, is not read yet, or was started."""
    found: Mapping[str, Any] | None = connection.scalar(
        text("SELECT forecast FROM modiste.plan WHERE import_id = :id"), {"id": import_id}
    )
    return found


def feeds_in_use(connection: Connection) -> set[str]:
    """Names of files in the store's feeds that a plan needs."""
    rows = connection.execute(text("SELECT feed_file, photos_file FROM modiste.plan"))
    return {name for row in rows for name in row if name is not None}


def start_previewed(connection: Connection, import_id: int, *, model_version_id: int) -> None:
    """What was looked at is planned now, for this version. The caller sends the message after its commit."""
    connection.execute(
        text("""
            UPDATE modiste.plan SET preview = false, forecast = NULL, sent_at = NULL, not_before = clock_timestamp()
            WHERE import_id = :id
        """),
        {"id": import_id},
    )
    connection.execute(
        text("""
            UPDATE modiste.import SET state = 'planning', model_version_id = :version,
                started_at = clock_timestamp(), planner_seen_at = clock_timestamp()
            WHERE id = :id AND state = 'previewed'
        """),
        {"id": import_id, "version": model_version_id},
    )


def end_plan(connection: Connection, lease: PlanLease, error: str | None = None) -> HandedIn:
    """The feed is planned, or (with `error`) no more of it will be; returns what was handed in, whose files may go."""
    take_plan_fence(connection, lease)
    row = connection.execute(
        text("DELETE FROM modiste.plan WHERE import_id = :id RETURNING *"), {"id": lease.import_id}
    ).one()
    end_planning(connection, lease.import_id, error)
    return _handed_in(row)


def give_back_plan(connection: Connection, lease: PlanLease, *, delay_s: float = 0.0, counts: bool = True) -> None:
    """Returns the plan to the queue; without `counts` (a graceful stop) the attempt is not counted."""
    connection.execute(
        text("""
            UPDATE modiste.plan SET lease_until = NULL, sent_at = NULL,
                attempt = attempt - CASE WHEN :counts THEN 0 ELSE 1 END,
                not_before = clock_timestamp() + make_interval(secs => :delay)
            WHERE import_id = :id AND token = :token
        """),
        {"id": lease.import_id, "token": lease.token, "delay": delay_s, "counts": counts},
    )


def keep_plans_alive(connection: Connection, leases: Collection[tuple[int, int]], *, lease_s: float) -> set[int]:
    """Prolongs the leases given as (import id, token) and returns the imports whose plan was lost to others.

    A row that is locked is in a batch of its holder right now: it is passed over, not waited for.
    """
    if not leases:
        return set()
    held = {"ids": [import_id for import_id, _ in leases], "tokens": [token for _, token in leases]}
    connection.execute(
        text("""
            WITH mine AS (
                SELECT p.import_id FROM modiste.plan p
                JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS h (import_id, token)
                    USING (import_id, token)
                ORDER BY p.import_id FOR UPDATE OF p SKIP LOCKED
            )
            UPDATE modiste.plan p SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
            FROM mine WHERE p.import_id = mine.import_id
        """),
        {**held, "lease_s": lease_s},
    )
    lost = connection.scalars(
        text("""
            SELECT h.import_id FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS h (import_id, token)
            LEFT JOIN modiste.plan p USING (import_id, token) WHERE p.import_id IS NULL
        """),
        held,
    )
    return set(lost)


def withdraw_plan(connection: Connection, import_id: int) -> list[str]:
    """Nobody is to plan this feed any more; returns names of files in the store's feeds, which may go.

    Waits for a batch that is being written: the plan's row is locked before anything else of it.
    """
    row = connection.execute(
        text("DELETE FROM modiste.plan WHERE import_id = :id RETURNING *"), {"id": import_id}
    ).one_or_none()
    return [] if row is None else _handed_in(row).files


def requeue_abandoned_plans(connection: Connection) -> list[HandedIn]:
    """Puts plans whose lease ran out back on the queue.

    One that failed too often ends its import as failed; returns those, whose files may go.
    """
    abandoned = connection.execute(
        text("""
            SELECT * FROM modiste.plan
            WHERE lease_until < clock_timestamp() OR (lease_until IS NULL AND attempt >= :attempts)
            ORDER BY import_id FOR UPDATE SKIP LOCKED
        """),
        {"attempts": ATTEMPTS},
    ).all()
    given_up = [row for row in abandoned if row.attempt >= ATTEMPTS]
    connection.execute(
        text("UPDATE modiste.plan SET lease_until = NULL, sent_at = NULL WHERE import_id = ANY (:ids)"),
        {"ids": [row.import_id for row in abandoned]},
    )
    for row in given_up:
        connection.execute(text("DELETE FROM modiste.plan WHERE import_id = :id"), {"id": row.import_id})
        end_planning(connection, row.import_id, f"planning failed {ATTEMPTS} times; see a worker's log, import again")
    return [_handed_in(row) for row in given_up]


def take_unsent_plans(connection: Connection) -> list[int]:
    """Imports whose plan is due and has no message yet, marked as sent: the caller sends them after its commit."""
    return _import_ids(
        connection,
        """
            WITH due AS (
                SELECT import_id FROM modiste.plan
                WHERE sent_at IS NULL AND lease_until IS NULL AND not_before <= clock_timestamp()
                  AND forecast IS NULL
                ORDER BY import_id FOR UPDATE SKIP LOCKED
            )
            UPDATE modiste.plan p SET sent_at = clock_timestamp() FROM due WHERE p.import_id = due.import_id
            RETURNING p.import_id
        """,
    )


def forget_lost_plan_messages(
    connection: Connection, *, older_than_s: float, only: Collection[int] | None = None
) -> int:
    """Marks waiting plans as not sent. Call it when their queue is empty: their messages are lost."""
    return len(
        _import_ids(
            connection,
            """
                UPDATE modiste.plan SET sent_at = NULL
                WHERE lease_until IS NULL AND sent_at < clock_timestamp() - make_interval(secs => :age)
                  AND forecast IS NULL
                  AND (CAST(:only AS bigint[]) IS NULL OR import_id = ANY (CAST(:only AS bigint[])))
                RETURNING import_id
            """,
            age=older_than_s,
            only=None if only is None else list(only),
        )
    )


def _import_ids(connection: Connection, statement: str, **values: Any) -> list[int]:
    return sorted(connection.scalars(text(statement), values))


def _handed_in(row: Row[Any]) -> HandedIn:
    return HandedIn(feed_url=row.feed_url, feed_file=row.feed_file, photos_file=row.photos_file, columns=row.columns)
