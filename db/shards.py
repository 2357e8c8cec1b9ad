"""Work leases: shards are made, claimed, kept alive, given back and swept. Postgres is the only clock.

A shard is taken with a lease and a fencing token. Whoever holds the newest token may write; a worker that was believed
dead and comes back finds its token outdated and drops its work (`db.enrichments.write_shard`). What would be queued of
an import that rests is `paused` instead (`db.control`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from db.catalogues import lock_listings_of
from db.copying import field
from db.imports import finish_if_complete
from db.rows import is_url
from db.states import Lane, Reason

# A shard that was abandoned this often is split; a photo alone gets one more try before it is quarantined.
ATTEMPTS_BEFORE_SPLIT = 2
ATTEMPTS_ALONE = 3
SPLIT_WAYS = 8
# Any number will do as long as no other program uses it in this database.
SWEEP_LOCK = 0x6D6F6401
SHARD_PHOTOS_MIN, SHARD_PHOTOS_MAX = 32, 2048
SHARD_WORK_S = 5.0
# What a shard waits as. Read without a lock: an import that is paused at this moment is put right by the sweep.
WAITING = """
    CASE WHEN EXISTS (SELECT FROM modiste.import i WHERE i.id = import_id AND i.paused_at IS NOT NULL)
         THEN 'paused' ELSE 'queued' END
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkPhoto:
    """A pending photo of a shard, or any whose content is backfilled.

    `sha256` is known where its bytes were seen before, by whichever model version.

    `refetch`: its URL is to be asked, with `validator`, whether it still gives them.
    """

    id: int
    source: str
    sha256: bytes | None
    attempts: int
    recognised: bool  # its content was enriched by this model version meanwhile
    validator: str | None = None
    refetch: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to write a shard's results, until another worker takes a newer token."""

    shard_id: int
    token: int
    import_id: int
    model_version_id: int
    lane: Lane
    attempt: int
    photos: Sequence[WorkPhoto]


def make_shards(
    connection: Connection,
    *,
    import_id: int,
    model_version_id: int,
    lane: Lane,
    photo_ids: Sequence[int],
    photos_per_shard: int,
    delay_s: float = 0.0,
    attempt: int = 0,
    tries: int = 0,
) -> list[int]:
    """Cuts `photo_ids` into shards of about equal size; they are due after `delay_s`.

    `tries`: of a backfill, how often these were tried before.
    """
    if not photo_ids:
        return []
    pieces = -(-len(photo_ids) // photos_per_shard)
    size = -(-len(photo_ids) // pieces)
    made = connection.scalars(
        text(f"""
            INSERT INTO modiste.shard (import_id, model_version_id, lane, photo_ids, attempt, tries, not_before, state)
            SELECT import_id, :version, :lane, CAST(photo_ids AS bigint[]), :attempt, :tries,
                   clock_timestamp() + make_interval(secs => :delay), {WAITING}
            FROM (SELECT CAST(:import_id AS bigint), unnest(CAST(:pieces AS text[]))) AS made (import_id, photo_ids)
            RETURNING id
        """),
        {
            "import_id": import_id,
            "version": model_version_id,
            "lane": lane,
            "pieces": [field(photo_ids[start : start + size]) for start in range(0, len(photo_ids), size)],
            "attempt": attempt,
            "tries": tries,
            "delay": delay_s,
        },
    )
    return list(made)


def photos_per_shard(connection: Connection, model_version_id: int) -> int:
    """About five seconds of work, by the rate of the shards done lately."""
    rate = connection.scalar(
        text("""
            SELECT sum(cardinality(photo_ids)) / nullif(sum(work_s), 0) FROM (
                SELECT photo_ids, work_s FROM modiste.shard
                WHERE state = 'done' AND model_version_id = :version AND work_s > 0 ORDER BY id DESC LIMIT 20) AS lately
        """),
        {"version": model_version_id},
    )
    if rate is None:
        return 256
    return int(min(max(rate * SHARD_WORK_S, SHARD_PHOTOS_MIN), SHARD_PHOTOS_MAX))


def has_failed(connection: Connection, shard_id: int) -> bool:
    """Whether the shard failed, or was held by a worker that died, and may be why."""
    attempt = connection.scalar(text("SELECT attempt FROM modiste.shard WHERE id = :id"), {"id": shard_id})
    return bool(attempt)


def claim(connection: Connection, shard_id: int, *, worker: str, lease_s: float) -> Lease | None:
    """Takes the shard, or None where it is done, not due, held by a living worker, or of an import that rests."""
    row = connection.execute(
        text(f"""
            UPDATE modiste.shard SET state = 'leased', token = token + 1, attempt = attempt + 1, worker = :worker,
                lease_until = clock_timestamp() + make_interval(secs => :lease_s)
            WHERE id = :id AND not_before <= clock_timestamp()
              AND (state = 'queued' OR (state = 'leased' AND lease_until < clock_timestamp()))
              AND {WAITING} = 'queued'
            RETURNING token, import_id, model_version_id, lane, attempt
        """),
        {"id": shard_id, "worker": worker, "lease_s": lease_s},
    ).one_or_none()
    if row is None:
        return None
    return Lease(
        shard_id=shard_id,
        token=row.token,
        import_id=row.import_id,
        model_version_id=row.model_version_id,
        lane=Lane(row.lane),
        attempt=row.attempt,
        photos=_pending_photos(connection, shard_id),
    )


def _pending_photos(connection: Connection, shard_id: int) -> list[WorkPhoto]:
    rows = connection.execute(
        text("""
            SELECT p.id, p.source, p.validator, c.sha256, e.content_id IS NOT NULL AS recognised, i.refetch,
                   CASE s.lane WHEN 'backfill' THEN s.tries ELSE p.attempts END AS attempts
            FROM modiste.shard s JOIN modiste.import i ON i.id = s.import_id
            CROSS JOIN unnest(s.photo_ids) WITH ORDINALITY AS asked (id, place)
            JOIN modiste.photo p ON p.id = asked.id
            LEFT JOIN modiste.content c ON c.id = p.content_id
            LEFT JOIN modiste.enrichment e ON e.content_id = c.id AND e.model_version_id = s.model_version_id
            WHERE s.id = :id
              AND CASE s.lane WHEN 'backfill' THEN p.content_id IS NOT NULL AND p.state <> 'quarantined'
                              ELSE p.state = 'pending' AND p.import_id = s.import_id END
            ORDER BY asked.place
        """),
        {"id": shard_id},
    )
    return [
        WorkPhoto(
            id=row.id,
            source=row.source,
            sha256=None if row.sha256 is None else bytes(row.sha256),
            attempts=row.attempts,
            recognised=row.recognised,
            validator=row.validator,
            refetch=row.refetch and row.sha256 is not None and is_url(row.source),
        )
        for row in rows
    ]


def keep_alive(connection: Connection, leases: Collection[tuple[int, int]], *, lease_s: float) -> set[int]:
    """Prolongs the leases given as (shard id, token) and returns the shards that were lost to others.

    A row that is locked is being written or claimed right now: it is passed over, not waited for.
    """
    if not leases:
        return set()
    ids, tokens = [shard for shard, _ in leases], [token for _, token in leases]
    connection.execute(
        text("""
            WITH mine AS (
                SELECT s.id FROM modiste.shard s
                JOIN unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS held (id, token) USING (id, token)
                WHERE s.state = 'leased' ORDER BY s.id FOR UPDATE OF s SKIP LOCKED
            )
            UPDATE modiste.shard s SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
            FROM mine WHERE s.id = mine.id
        """),
        {"ids": ids, "tokens": tokens, "lease_s": lease_s},
    )
    lost = connection.scalars(
        text("""
            SELECT held.id FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS held (id, token)
            LEFT JOIN modiste.shard s USING (id, token) WHERE s.id IS NULL OR s.state IN ('split', 'cancelled')
        """),
        {"ids": ids, "tokens": tokens},
    )
    return set(lost)


def give_back(
    connection: Connection, lease: Lease, *, error: str | None = None, delay_s: float = 0.0, counts: bool = True
) -> bool:
    """Returns the shard to the queue.

    The attempt does not count without `error` (a graceful stop), nor where no photo of the shard can be at fault.
    """
    return bool(
        connection.execute(
            text(f"""
                UPDATE modiste.shard SET state = {WAITING}, lease_until = NULL, worker = NULL, sent_at = NULL,
                    attempt = attempt - CASE WHEN :counts THEN 0 ELSE 1 END, error = coalesce(:error, error),
                    not_before = clock_timestamp() + make_interval(secs => :delay)
                WHERE id = :id AND token = :token AND state = 'leased'
            """),
            {
                "id": lease.shard_id,
                "token": lease.token,
                "error": error,
                "delay": delay_s,
                "counts": counts and error is not None,
            },
        ).rowcount
    )


def sweeps_alone(connection: Connection) -> bool:
    """Whether no other process sweeps now; holds until the transaction ends, behind a pooling proxy too."""
    return bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": SWEEP_LOCK}))


def requeue_abandoned(connection: Connection, limit: int = 100) -> Sequence[int]:
    """Puts shards whose lease ran out back on the queue; their ids. The DB's clock decides, whatever workers' say."""
    return connection.scalars(
        text(f"""
            WITH dead AS (
                SELECT id FROM modiste.shard WHERE state = 'leased' AND lease_until < clock_timestamp()
                ORDER BY id FOR UPDATE SKIP LOCKED LIMIT :limit
            )
            UPDATE modiste.shard s SET state = {WAITING}, lease_until = NULL, worker = NULL, sent_at = NULL,
                error = coalesce(error, 'the worker vanished')
            FROM dead WHERE s.id = dead.id RETURNING s.id
        """),
        {"limit": limit},
    ).all()


def settle_pauses(connection: Connection) -> int:
    """Shards that were made or given back in the very moment in which their import was paused or resumed.

    Those that are locked are being claimed or written: the next pass sees to them. An import rests no longer where
    nothing of it is left: another import took over its photos meanwhile.
    """
    connection.execute(
        text("""
            UPDATE modiste.import SET paused_at = NULL WHERE id IN (
                SELECT id FROM modiste.import WHERE paused_at IS NOT NULL AND state IN ('running', 'failed')
                    AND photos_total = photos_enriched + photos_quarantined + photos_cancelled
                ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
        """)
    )
    rest = text("""
        UPDATE modiste.shard SET state = 'paused' WHERE id IN (
            SELECT s.id FROM modiste.import i JOIN modiste.shard s ON s.import_id = i.id
            WHERE i.paused_at IS NOT NULL AND s.state = 'queued' ORDER BY s.id FOR UPDATE OF s SKIP LOCKED)
    """)
    wake = text("""
        UPDATE modiste.shard SET state = 'queued', sent_at = NULL WHERE id IN (
            SELECT s.id FROM modiste.import i JOIN modiste.shard s ON s.import_id = i.id
            WHERE i.paused_at IS NULL AND i.finished_at IS NULL AND s.state = 'paused'
            ORDER BY s.id FOR UPDATE OF s SKIP LOCKED)
    """)
    return sum(connection.execute(statement).rowcount for statement in (rest, wake))


def isolate_poison(connection: Connection) -> int:
    """Splits shards that keep failing, until the culprit stands alone and is quarantined. Returns how many it found.

    Locks as `db.enrichments.write_shard` does: shards, listings, photos, counters.
    """
    suspects = connection.execute(
        text("""
            SELECT id, import_id, model_version_id, lane, photo_ids, tries, error FROM modiste.shard
            WHERE state = 'queued' AND attempt >= CASE cardinality(photo_ids) WHEN 1 THEN :alone ELSE :split END
            ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 100
        """),
        {"alone": ATTEMPTS_ALONE, "split": ATTEMPTS_BEFORE_SPLIT},
    ).all()
    for shard in suspects:
        if len(shard.photo_ids) == 1:
            continue
        make_shards(
            connection,
            import_id=shard.import_id,
            model_version_id=shard.model_version_id,
            lane=Lane(shard.lane),
            photo_ids=shard.photo_ids,
            photos_per_shard=-(-len(shard.photo_ids) // SPLIT_WAYS),
            attempt=ATTEMPTS_BEFORE_SPLIT - 1,
            tries=shard.tries,
        )
        connection.execute(
            text("UPDATE modiste.shard SET state = 'split', finished_at = clock_timestamp() WHERE id = :id"),
            {"id": shard.id},
        )
    _quarantine_alone(connection, [shard for shard in suspects if len(shard.photo_ids) == 1])
    return len(suspects)


def _quarantine_alone(connection: Connection, shards: Sequence[Row[Any]]) -> None:
    """Quarantines the one photo of each of these shards, counts it, and ends an import that waited for it alone.

    One of a backfill is only counted: it stays what it is under the version that saw it.
    """
    if not shards:
        return
    lock_listings_of(connection, [shard.photo_ids[0] for shard in shards])
    connection.execute(
        text("""
            WITH alone AS (
                UPDATE modiste.shard SET state = 'done', finished_at = clock_timestamp() WHERE id = ANY (:ids)
                RETURNING import_id, photo_ids[1] AS photo_id, error, lane
            ), quarantined AS (
                UPDATE modiste.photo p SET state = 'quarantined', reason = :reason, detail = alone.error,
                    updated_at = now()
                FROM alone WHERE p.id = alone.photo_id AND p.state = 'pending' AND p.import_id = alone.import_id
                RETURNING p.import_id
            )
            UPDATE modiste.import i SET photos_quarantined = photos_quarantined + n.photos
            FROM (SELECT import_id, count(*) AS photos
                  FROM (SELECT import_id FROM quarantined
                        UNION ALL SELECT import_id FROM alone WHERE lane = 'backfill') AS counted
                  GROUP BY import_id) AS n
            WHERE i.id = n.import_id
        """),
        {"ids": [shard.id for shard in shards], "reason": Reason.CRASHED_WORKER},
    )
    for import_id in sorted({shard.import_id for shard in shards}):
        finish_if_complete(connection, import_id)


def take_unsent(connection: Connection, limit: int = 500) -> list[tuple[int, Lane]]:
    """Shards that are due and have no message yet, marked as sent: the caller sends them after its commit.

    A message that is lost between the two is found by `forget_lost_messages`; one sent twice does no harm.
    """
    rows = connection.execute(
        text("""
            WITH due AS (
                SELECT id FROM modiste.shard
                WHERE state = 'queued' AND sent_at IS NULL AND not_before <= clock_timestamp()
                ORDER BY id FOR UPDATE SKIP LOCKED LIMIT :limit
            )
            UPDATE modiste.shard s SET sent_at = clock_timestamp() FROM due WHERE s.id = due.id
            RETURNING s.id, s.lane
        """),
        {"limit": limit},
    )
    return sorted((row.id, Lane(row.lane)) for row in rows)


def forget_lost_messages(
    connection: Connection, lane: Lane, *, older_than_s: float, only: Collection[int] | None = None
) -> int:
    """Marks queued shards of a lane as not sent. Call it when the lane's queue is empty: their messages are lost."""
    return connection.execute(
        text("""
            UPDATE modiste.shard SET sent_at = NULL
            WHERE id IN (
                SELECT id FROM modiste.shard
                WHERE state = 'queued' AND lane = :lane AND sent_at < clock_timestamp() - make_interval(secs => :age)
                  AND (CAST(:only AS bigint[]) IS NULL OR id = ANY (CAST(:only AS bigint[])))
                ORDER BY id FOR UPDATE SKIP LOCKED)
        """),
        {"lane": lane, "age": older_than_s, "only": None if only is None else list(only)},
    ).rowcount
