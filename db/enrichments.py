"""What the network saw, written once: a shard's results, in one transaction behind its fencing token."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, text

from db.batches import ContentRef
from db.catalogues import lock_listings, lock_listings_of, stage_contents
from db.copying import Vector, stage
from db.engine import end_if_left_alone
from db.erasure import erase_orphans
from db.errors import LeaseLost
from db.imports import finish_if_complete
from db.shards import Lease, make_shards
from db.states import Lane, PhotoState, Reason

# Between two statements of a write lie milliseconds.
LEFT_ALONE_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one model version says of one content.

    Categories most probable first, attributes as `group:value`, scores 0 to 1; `embedding` is L2-normalised and of the
    model version's dimension.
    """

    categories: Sequence[str]
    category_scores: Sequence[float]
    abstained: bool
    attributes: Sequence[str]
    attribute_scores: Sequence[float]
    embedding: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a photo: exactly one of seen, recognised, quarantined (`reason`) or deferred (`retry_in_s`).

    `recognised`: this model version has enriched the same content before. `attempt`: a deferred photo was tried, and
    is the poorer by one of its tries. `validator`: what the server of a photo that was fetched said for asking again,
    empty where it said nothing; None of a photo that was not fetched.
    """

    photo_id: int
    content: ContentRef | None = None
    seen: Seen | None = None
    recognised: bool = False
    reason: Reason | None = None
    detail: str | None = None
    retry_in_s: float | None = None
    attempt: bool = True
    validator: str | None = None


def recognise(connection: Connection, digests: Iterable[bytes], model_version_id: int) -> set[bytes]:
    """Which of these contents (SHA-256, 32 bytes) the model version has enriched already."""
    rows = connection.scalars(
        text("""
            SELECT c.sha256 FROM modiste.content c
            JOIN modiste.enrichment e ON e.content_id = c.id AND e.model_version_id = :version
            WHERE c.sha256 = ANY (:digests)
        """),
        {"version": model_version_id, "digests": list(digests)},
    )
    return {bytes(digest) for digest in rows}


def write_shard(connection: Connection, lease: Lease, outcomes: Sequence[Outcome], *, work_s: float) -> None:
    """Writes all results of a shard and ends it. Raises `LeaseLost`, having written nothing, if the token is outdated.

    Locks are taken in one order by every writer: shard, contents by digest, listings by id, the import's counters last.
    """
    require_all(lease, outcomes)
    end_if_left_alone(connection, LEFT_ALONE_S)
    backfill = lease.lane is Lane.BACKFILL
    if backfill:
        outcomes = without_other_bytes(lease, outcomes)
    take_fence(connection, lease)
    stage_contents(connection, [o.content for o in outcomes if o.content])
    write_seen(connection, lease.model_version_id, [o for o in outcomes if o.seen])
    outcomes = look_again_at_erased(connection, lease.model_version_id, outcomes)
    if backfill:
        settle_contents(connection, lease, outcomes)
    else:
        lock_listings_of(connection, [o.photo_id for o in outcomes])
        settle_photos(connection, lease, outcomes)
    erase_orphans(connection, [o.content.sha256 for o in outcomes if o.content])
    retry_later(connection, lease, [o for o in outcomes if o.retry_in_s is not None])
    connection.execute(
        text("""
            UPDATE modiste.shard SET state = 'done', lease_until = NULL, finished_at = clock_timestamp(),
                work_s = :work_s WHERE id = :id
        """),
        {"id": lease.shard_id, "work_s": work_s},
    )
    count_settled(connection, lease)
    connection.execute(text("DROP TABLE settled"))


def require_all(lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """A photo left out would stay pending for ever in a shard that is done."""
    missing = {photo.id for photo in lease.photos} - {outcome.photo_id for outcome in outcomes}
    if missing:
        raise ValueError(f"shard {lease.shard_id} has photos without an outcome: {sorted(missing)[:10]}")


def take_fence(connection: Connection, lease: Lease) -> None:
    """The first statement of the write: locks the shard's row, so that a claimer waits and then sees it done.

    A late writer whose lease ran out but whom nobody replaced still has the newest token, and may write.
    """
    held = connection.scalar(
        text("""
            SELECT 1 FROM modiste.shard
            WHERE id = :id AND token = :token AND state IN ('leased', 'queued', 'paused') FOR UPDATE
        """),
        {"id": lease.shard_id, "token": lease.token},
    )
    if held is None:
        raise LeaseLost(f"shard {lease.shard_id} was taken over by another worker, or cancelled; this work is dropped")


def write_seen(connection: Connection, model_version_id: int, outcomes: Sequence[Outcome]) -> None:
    """One enrichment and one vector a content and version, whoever comes first.

    `vec` becomes a halfvec on assignment: no name of pgvector's stands here, whose schema may not be on the path.
    """
    if not outcomes:
        return
    stage(
        connection,
        "seen",
        "sha256 bytea, categories text[], category_scores real[], abstained boolean, attributes text[], "
        "attribute_scores real[], vec real[]",
        (
            (
                o.content.sha256,
                o.seen.categories,
                o.seen.category_scores,
                o.seen.abstained,
                o.seen.attributes,
                o.seen.attribute_scores,
                Vector(o.seen.embedding),
            )
            for o in outcomes
            if o.content and o.seen
        ),
    )
    connection.execute(
        text("""
            INSERT INTO modiste.enrichment (content_id, model_version_id, categories, category_scores, abstained,
                                            attributes, attribute_scores)
            SELECT DISTINCT ON (c.id) c.id, :version, s.categories, s.category_scores, s.abstained, s.attributes,
                   s.attribute_scores
            FROM seen s JOIN modiste.content c USING (sha256) ORDER BY c.id
            ON CONFLICT DO NOTHING
        """),
        {"version": model_version_id},
    )
    connection.execute(
        text(f"""
            INSERT INTO modiste.embedding_{int(model_version_id)} (content_id, category, vec)
            SELECT DISTINCT ON (c.id) c.id, s.categories[1], s.vec
            FROM seen s JOIN modiste.content c USING (sha256) ORDER BY c.id
            ON CONFLICT DO NOTHING
        """)
    )
    connection.execute(text("DROP TABLE seen"))


def look_again_at_erased(
    connection: Connection, model_version_id: int, outcomes: Sequence[Outcome]
) -> Sequence[Outcome]:
    """A content that was recognised and has been erased since has no enrichment: its photo is looked at once more."""
    recognised = {o.content.sha256 for o in outcomes if o.recognised and o.content}
    erased = recognised - recognise(connection, recognised, model_version_id) if recognised else set()
    return [
        Outcome(photo_id=o.photo_id, retry_in_s=0.0) if o.content and o.content.sha256 in erased else o
        for o in outcomes
    ]


def settle_photos(connection: Connection, lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Gives each photo its state and brings the summaries of their listings up to date.

    A photo that another import has taken over meanwhile is left to that one. What was settled stays in the temporary
    table `settled` for the counters.
    """
    stage(
        connection,
        "outcome",
        "photo_id bigint, sha256 bytea, state text, reason text, detail text, inferred boolean, validator text",
        (
            (
                o.photo_id,
                o.content and o.content.sha256,
                state_of(o),
                o.reason,
                o.detail,
                o.seen is not None,
                o.validator,
            )
            for o in outcomes
            if o.retry_in_s is None
        ),
    )
    connection.execute(
        text("CREATE TEMPORARY TABLE settled (listing_id bigint, state text, inferred boolean) ON COMMIT DROP")
    )
    connection.execute(
        text("""
            WITH done AS (
                UPDATE modiste.photo p SET state = o.state, reason = o.reason, detail = o.detail, updated_at = now(),
                    content_id = coalesce(c.id, p.content_id),
                    validator = CASE WHEN o.validator IS NULL THEN p.validator ELSE nullif(o.validator, '') END
                FROM outcome o LEFT JOIN modiste.content c USING (sha256)
                WHERE p.id = o.photo_id AND p.state = 'pending' AND p.import_id = :import_id
                RETURNING p.listing_id, o.state, o.inferred
            )
            INSERT INTO settled SELECT * FROM done
        """),
        {"import_id": lease.import_id},
    )
    connection.execute(text("SELECT modiste.refresh_summaries(array_agg(DISTINCT listing_id)) FROM settled"))
    connection.execute(text("DROP TABLE outcome"))


def without_other_bytes(lease: Lease, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """A backfill looks at the bytes that answers show: at none where they are lost and their URL gives others now."""
    shown = {photo.id: photo.sha256 for photo in lease.photos}
    return [
        replace(o, seen=None, recognised=False, reason=Reason.GONE, detail="its URL gives other bytes now")
        if o.content and o.content.sha256 != shown[o.photo_id]
        else o
        for o in outcomes
    ]


def settle_contents(connection: Connection, lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Of a backfill: brings the summaries of all listings up to date that show what was seen; photos stay as they are.

    Listings are looked up while the contents are locked: whoever begins to show one of them locks it first. Counted is
    what the shard was made with: photos that are gone meanwhile as cancelled.
    """
    listing_ids = connection.scalars(
        text("""
            SELECT DISTINCT p.listing_id FROM modiste.photo p JOIN modiste.content c ON c.id = p.content_id
            WHERE c.sha256 = ANY (:digests)
        """),
        {"digests": [o.content.sha256 for o in outcomes if o.content and o.seen]},
    ).all()
    lock_listings(connection, listing_ids)
    connection.execute(text("SELECT modiste.refresh_summaries(CAST(:ids AS bigint[]))"), {"ids": sorted(listing_ids)})
    stage(
        connection,
        "settled",
        "state text, inferred boolean",
        ((state_of(o), o.seen is not None) for o in outcomes if o.retry_in_s is None),
    )
    connection.execute(
        text("""
            INSERT INTO settled SELECT 'cancelled', false
            FROM modiste.shard s, generate_series(1, cardinality(s.photo_ids) - :worked_on) WHERE s.id = :id
        """),
        {"worked_on": len(lease.photos), "id": lease.shard_id},
    )


def state_of(outcome: Outcome) -> PhotoState:
    return PhotoState.QUARANTINED if outcome.reason else PhotoState.ENRICHED


def retry_later(connection: Connection, lease: Lease, outcomes: Sequence[Outcome]) -> None:
    """Photos whose fault may pass go on in shards of their own, those together that are due at about the same time."""
    connection.execute(
        text("""
            UPDATE modiste.photo SET attempts = attempts + 1
            WHERE id = ANY (:ids) AND state = 'pending' AND import_id = :import_id
        """),
        {"ids": [o.photo_id for o in outcomes if o.attempt], "import_id": lease.import_id},
    )
    for tries, alike in by_tries(lease, outcomes).items():
        for delay_s, photo_ids in due_together(alike):
            make_shards(
                connection,
                import_id=lease.import_id,
                model_version_id=lease.model_version_id,
                lane=lease.lane,
                photo_ids=photo_ids,
                photos_per_shard=len(photo_ids),
                delay_s=delay_s,
                tries=tries,
            )


def by_tries(lease: Lease, outcomes: Sequence[Outcome]) -> dict[int, list[Outcome]]:
    """By what their next shard notes of their tries: of photos that belong to their import nothing, they know it."""
    tried = {photo.id: photo.attempts for photo in lease.photos} if lease.lane is Lane.BACKFILL else {}
    groups: dict[int, list[Outcome]] = {}
    for o in outcomes:
        groups.setdefault(tried[o.photo_id] + o.attempt if tried else 0, []).append(o)
    return groups


def due_together(outcomes: Sequence[Outcome]) -> list[tuple[float, list[int]]]:
    """Waits in seconds and their photos: none waits more than about twice as long as it asked for."""
    groups: list[tuple[float, list[int]]] = []
    shortest_s = 0.0
    for wait_s, photo_id in sorted((o.retry_in_s or 0.0, o.photo_id) for o in outcomes):
        if groups and wait_s <= 2 * shortest_s + 1:
            groups[-1] = (wait_s, [*groups[-1][1], photo_id])
        else:
            shortest_s = wait_s
            groups.append((wait_s, [photo_id]))
    return groups


def count_settled(connection: Connection, lease: Lease) -> None:
    """The import's counters, last: all shards of an import meet at this one row."""
    connection.execute(
        text("""
            UPDATE modiste.import i SET
                photos_enriched = photos_enriched + n.enriched, photos_quarantined = photos_quarantined + n.quarantined,
                photos_cancelled = photos_cancelled + n.cancelled, photos_inferred = photos_inferred + n.inferred
            FROM (SELECT count(*) FILTER (WHERE state = 'enriched') AS enriched,
                         count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
                         count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
                         count(*) FILTER (WHERE inferred) AS inferred FROM settled) AS n
            WHERE i.id = :id
        """),
        {"id": lease.import_id},
    )
    finish_if_complete(connection, lease.import_id)
