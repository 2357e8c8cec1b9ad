"""Imports paused, resumed, cancelled and played again: what a person decides, kept in the tables and in no process.

An import that is cancelled is marked first, so that nothing is added to it any more, and then emptied shard by shard;
whoever does that may die: the sweep goes on with it. Locks as `db.enrichments.write_shard` takes them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from db.catalogues import lock_listings_of
from db.engine import transaction
from db.errors import ImportCancelled, ImportFinished
from db.imports import ImportStatus, finish_if_complete, import_status
from db.models import active_model
from db.plans import start_previewed, withdraw_plan
from db.shards import make_shards, photos_per_shard
from db.states import MAY_PASS, ImportState, Lane, Reason

# A transaction's worth: a few seconds of locks, however large the import.
SHARDS_AT_ONCE = 20
PHOTOS_AT_ONCE = 10_000
# Photos whose bytes can be had again: a file beside a feed is gone with it, unless the store has it.
AT_HAND = r"(p.content_id IS NOT NULL OR p.source ~* '^[a-z][a-z0-9+.-]*://')"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedAgain:
    """`photos` are pending once more. `left` stay in quarantine, by reason, as their reason was not asked for;
    `without_file` stay though it was: they came beside a feed, and the store has no bytes of them.
    """

    photos: int
    left: Mapping[Reason, int]
    without_file: int


def pause_import(connection: Connection, import_id: int) -> None:
    """Hands out nothing more of an import until it is resumed; shards that workers hold are finished.

    A feed that is being read is read to its end. Raises `UnknownImport` or `ImportFinished`.
    """
    if _require_open(connection, import_id, "paused").waits:
        raise ImportFinished(f"import {import_id} was only looked at; nothing of it goes on that could be paused")
    _turn_shards(connection, import_id, "queued", "paused")
    connection.execute(
        text("""
            UPDATE modiste.import SET paused_at = coalesce(paused_at, clock_timestamp())
            WHERE id = :id AND finished_at IS NULL AND state <> 'cancelled'
        """),
        {"id": import_id},
    )


def resume_import(connection: Connection, import_id: int) -> None:
    """Lets an import go on, or begin whose feed was looked at first; the caller sends messages after its commit.

    Raises as `pause_import` does.
    """
    if _require_open(connection, import_id, "resumed").waits:
        start_previewed(connection, import_id, model_version_id=active_model(connection).id)
    _turn_shards(connection, import_id, "paused", "queued")
    connection.execute(text("UPDATE modiste.import SET paused_at = NULL WHERE id = :id"), {"id": import_id})


def _require_open(connection: Connection, import_id: int, what: str) -> ImportStatus:
    status = import_status(connection, import_id)
    if status.finished or status.state is ImportState.CANCELLED:
        raise ImportFinished(f"import {import_id} is {status.state.value}; it cannot be {what}")
    return status


def _turn_shards(connection: Connection, import_id: int, before: str, after: str) -> None:
    connection.execute(
        text("""
            UPDATE modiste.shard SET state = :after, sent_at = NULL WHERE id IN (
                SELECT id FROM modiste.shard WHERE import_id = :id AND state = :before ORDER BY id FOR UPDATE)
        """),
        {"id": import_id, "before": before, "after": after},
    )


def begin_cancelling(connection: Connection, import_id: int) -> list[str]:
    """Marks an import as cancelled: its feed is read no further, and `finish_cancelling` does the rest.

    Returns names of files in the store's feeds that may go. Once more does no harm. Raises `UnknownImport` or
    `ImportFinished`. Waits for a batch that is being planned, and takes no other lock meanwhile.
    """
    if import_status(connection, import_id).state is ImportState.CANCELLED:
        return []
    _require_open(connection, import_id, "cancelled")
    files = withdraw_plan(connection, import_id)
    connection.execute(
        text("""
            UPDATE modiste.import SET paused_at = NULL,
                error = CASE state WHEN 'planning' THEN 'cancelled before the end of its feed'
                                   WHEN 'previewed' THEN 'discarded after its preview' ELSE error END,
                state = 'cancelled'
            WHERE id = :id AND finished_at IS NULL
        """),
        {"id": import_id},
    )
    return files


def finish_cancelling(engine: Engine, import_id: int) -> None:
    """Cancels what is left of an import that was marked, in transactions of bounded size."""
    left = True
    while left:
        with transaction(engine) as connection:
            left = _cancel_shards(connection, import_id)


def _cancel_shards(connection: Connection, import_id: int) -> bool:
    """Cancels some shards with their photos; whether others are left.

    Whoever holds one of them finds its token outdated. A shard that is being written is waited for. No photo belongs
    to a backfill: of its shards all photos count.
    """
    photo_ids = connection.scalars(
        text("""
            WITH stopped AS (
                UPDATE modiste.shard SET state = 'cancelled', token = token + 1, lease_until = NULL,
                    finished_at = clock_timestamp()
                WHERE id IN (
                    SELECT id FROM modiste.shard WHERE import_id = :id AND state IN ('queued', 'paused', 'leased')
                    ORDER BY id FOR UPDATE LIMIT :n)
                RETURNING photo_ids
            )
            SELECT unnest(photo_ids) FROM stopped
        """),
        {"id": import_id, "n": SHARDS_AT_ONCE},
    ).all()
    lock_listings_of(connection, photo_ids)
    connection.execute(
        text("""
            WITH gone AS (
                UPDATE modiste.photo SET state = 'cancelled', updated_at = now()
                WHERE id = ANY (:photos) AND state = 'pending' AND import_id = :id RETURNING 1
            )
            UPDATE modiste.import SET photos_cancelled = photos_cancelled
                + CASE lane WHEN 'backfill' THEN :stopped ELSE (SELECT count(*) FROM gone) END
            WHERE id = :id
        """),
        {"photos": photo_ids, "stopped": len(photo_ids), "id": import_id},
    )
    left = connection.scalar(
        text("""
            SELECT EXISTS (SELECT FROM modiste.shard
                           WHERE import_id = :id AND state IN ('queued', 'paused', 'leased'))
        """),
        {"id": import_id},
    )
    if not left:
        finish_if_complete(connection, import_id)
    return bool(left)


def half_cancelled(connection: Connection) -> list[int]:
    """Imports that were marked as cancelled and still have photos to do: whoever cancelled them is at it, or died."""
    return list(
        connection.scalars(
            text("SELECT id FROM modiste.import WHERE state = 'cancelled' AND finished_at IS NULL ORDER BY id")
        )
    )


def play_again(engine: Engine, import_id: int, reasons: Collection[Reason] = MAY_PASS) -> PlayedAgain:
    """Puts photos of an import that are in quarantine for these reasons to work again, all their tries before them.

    The active model version looks at them. The caller sends the messages. Page by page, each photo once, however soon
    it is back. Raises `UnknownImport`, `NoActiveModel`, or `ImportCancelled` while the import is being cancelled.
    """
    photos, after = 0, 0
    with transaction(engine) as connection:
        version_id = active_model(connection).id
        lane = import_status(connection, import_id).lane
    while True:
        with transaction(engine) as connection:
            page = _page_to_play(connection, import_id, reasons, after)
            if page:
                photos += _play(connection, import_id, lane, version_id, page)
        if len(page) < PHOTOS_AT_ONCE:
            break
        after = page[-1]
    with transaction(engine) as connection:
        left, without_file = _left_in_quarantine(connection, import_id, reasons)
    return PlayedAgain(photos=photos, left=left, without_file=without_file)


def _page_to_play(connection: Connection, import_id: int, reasons: Collection[Reason], after: int) -> list[int]:
    return list(
        connection.scalars(
            text(f"""
                SELECT p.id FROM modiste.photo p
                WHERE p.import_id = :id AND p.state = 'quarantined' AND p.reason = ANY (:reasons) AND p.id > :after
                  AND {AT_HAND}
                ORDER BY p.id LIMIT :n
            """),
            {"id": import_id, "reasons": list(reasons), "after": after, "n": PHOTOS_AT_ONCE},
        )
    )


def _play(connection: Connection, import_id: int, lane: Lane, version_id: int, photo_ids: list[int]) -> int:
    """How many of these photos were in quarantine until now. They go back to work in the order of the feed."""
    lock_listings_of(connection, photo_ids)
    pending = connection.scalars(
        text("""
            WITH played AS (
                UPDATE modiste.photo SET state = 'pending', reason = NULL, detail = NULL, attempts = 0,
                    updated_at = now()
                WHERE id = ANY (:photos) AND state = 'quarantined' AND import_id = :id
                RETURNING id, listing_id, position
            )
            SELECT id FROM played ORDER BY listing_id, position, id
        """),
        {"photos": photo_ids, "id": import_id},
    ).all()
    make_shards(
        connection,
        import_id=import_id,
        model_version_id=version_id,
        lane=lane,
        photo_ids=pending,
        photos_per_shard=photos_per_shard(connection, version_id),
    )
    open_again = connection.execute(
        text("""
            UPDATE modiste.import SET photos_quarantined = photos_quarantined - :n, finished_at = NULL,
                state = CASE WHEN state = 'planning' THEN state WHEN error IS NULL THEN 'running' ELSE 'failed' END
            WHERE id = :id AND (state <> 'cancelled' OR finished_at IS NOT NULL)
        """),
        {"n": len(pending), "id": import_id},
    ).rowcount
    if not open_again:
        raise ImportCancelled(f"import {import_id} is being cancelled; wait until it is done")
    return len(pending)


def _left_in_quarantine(
    connection: Connection, import_id: int, reasons: Collection[Reason]
) -> tuple[dict[Reason, int], int]:
    """By reason, those whose reason was not asked for; and how many others there are, of which nobody has the bytes."""
    rows = connection.execute(
        text(f"""
            SELECT p.reason, p.reason = ANY (:reasons) AS asked, count(*) FILTER (WHERE NOT {AT_HAND}) AS without_file,
                   count(*) AS photos
            FROM modiste.photo p WHERE p.import_id = :id AND p.state = 'quarantined'
            GROUP BY p.reason ORDER BY photos DESC, p.reason
        """),
        {"id": import_id, "reasons": list(reasons)},
    ).all()
    left = {Reason(row.reason): row.photos for row in rows if not row.asked}
    return left, sum(row.without_file for row in rows if row.asked)
