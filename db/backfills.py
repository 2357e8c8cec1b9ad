"""A second model version brought up to the first: what it lacks, put to work as imports in the lane `backfill`.

Its unit is the content, for which one of the photos that show it stands in a shard. Photos keep their state and their
import, so answers stay what they are under the active version; counters are those of the shards
(`db.enrichments.settle_contents`). Pausing, resuming and cancelling are those of any import.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.errors import UnknownModelVersion
from db.imports import begin_import, end_planning
from db.shards import make_shards, photos_per_shard
from db.states import Lane

# Contents that answers rest on: of photos that are enriched, or show what was seen while they are asked for again.
SHOWN = """
    p.content_id IS NOT NULL
    AND (p.state = 'enriched' OR (p.state <> 'quarantined' AND EXISTS (
            SELECT FROM modiste.enrichment seen WHERE seen.content_id = p.content_id)))
"""
URL = "^[a-z][a-z0-9+.-]*://"
# What a version lacks of them, and all photos that show it. Materialized: no statistic knows how many those are.
MISSING = """
    missing AS MATERIALIZED (
        SELECT DISTINCT p.content_id FROM modiste.photo p
        WHERE {which} AND NOT EXISTS (SELECT FROM modiste.enrichment e
                                      WHERE e.content_id = p.content_id AND e.model_version_id = :version)
    ), missing_photo AS MATERIALIZED (
        SELECT p.id, p.content_id, p.listing_id, p.source, p.state, p.updated_at
        FROM missing JOIN modiste.photo p USING (content_id)
    )
"""
# Of these, contents that wait in a shard of the version, whoever made it.
WAITING = """
    SELECT p.content_id FROM modiste.shard s JOIN modiste.import i ON i.id = s.import_id
    CROSS JOIN unnest(s.photo_ids) AS asked (id) JOIN missing_photo p ON p.id = asked.id
    WHERE s.model_version_id = :version AND s.state IN ('queued', 'paused', 'leased') AND i.state <> 'cancelled'
"""
# Of these, contents that a backfill of the version has been through with, unless their photo shows others by now.
ENDED = """
    SELECT p.content_id FROM modiste.shard s CROSS JOIN unnest(s.photo_ids) AS asked (id)
    JOIN missing_photo p ON p.id = asked.id AND p.updated_at <= s.finished_at
    WHERE s.model_version_id = :version AND s.lane = 'backfill' AND s.state = ANY (CAST(:ended AS text[]))
"""
# From when on contents are late: the last backfill put to work what it found, and did not find them yet. Without one, for
# the active version, its activation. A write that the backfill could not see may be some seconds older than it.
SINCE = """
    SELECT coalesce(max(i.started_at) FILTER (WHERE v.state = 'active' OR i.state <> 'cancelled') - interval '1 minute',
                    max(v.activated_at) FILTER (WHERE v.state = 'active'))
    FROM modiste.model_version v
    LEFT JOIN modiste.import i ON i.model_version_id = v.id AND i.lane = 'backfill'
    WHERE v.id = :version
"""
# Photos that imports had seen for another version since then; one goes on with the version that it began with.
LATE = f"""
    SELECT unnest(s.photo_ids) FROM modiste.shard s
    WHERE s.state = 'done' AND s.lane <> 'backfill' AND s.model_version_id <> :version AND s.finished_at > ({SINCE})
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Of the photo contents that answers rest on, those that a version has enriched.

    `given_up`: those that its backfill could not have, as their bytes are lost, or damaged, or bring workers down.
    `late`: those that imports brought since it was begun.
    """

    shown: int
    covered: int
    given_up: int
    late: int

    @property
    def lacking(self) -> int:
        """Those that it has not tried, or not yet: the late ones among them."""
        return self.shown - self.covered - self.given_up

    @property
    def share(self) -> float:
        """0 to 1; 1 where there is nothing to cover."""
        return self.covered / self.shown if self.shown else 1.0


def coverage(connection: Connection, version_id: int) -> Coverage:
    """Counts contents: not for a hot path."""
    row = connection.execute(
        text(f"""
            WITH {MISSING.format(which=SHOWN)},
            given_up AS (SELECT content_id FROM missing INTERSECT ({ENDED}) EXCEPT ({WAITING})),
            late AS (SELECT p.content_id FROM missing_photo p WHERE p.id IN ({LATE})
                     EXCEPT SELECT content_id FROM given_up)
            SELECT shown, shown - (SELECT count(*) FROM missing) AS covered,
                   (SELECT count(*) FROM given_up) AS given_up, (SELECT count(*) FROM late) AS late
            FROM (SELECT count(DISTINCT p.content_id) AS shown FROM modiste.photo p WHERE {SHOWN}) AS counted
        """),
        {"version": version_id, "ended": ["done"]},
    ).one()
    return Coverage(**row._mapping)


def begin_backfill(connection: Connection, name: str, *, again: bool = True) -> list[int]:
    """Puts to work what a version lacks and nobody is at; returns the imports of the backfill that are to be done.

    One import a catalogue. Where one is still open, what the version lacks by now is added to it: to begin again is
    to go on. `again`: also what an earlier backfill could not have, or was cancelled with. All in this one
    transaction: whoever dies in it leaves nothing half planned. The caller sends messages. Raises
    `UnknownModelVersion`, also for a version that is retired.
    """
    version_id = lock_version(connection, name)
    put_to_work(connection, version_id, name, lacking(connection, version_id, again=again))
    return open_backfills(connection, version_id)


def follow_up(connection: Connection) -> int:
    """Puts to work for the active version what imports brought late: seen for another one, and not by its backfill.

    Returns how many photos those are; the caller sends messages. What is cancelled is left alone.
    """
    active = connection.execute(
        text("SELECT id, name FROM modiste.model_version WHERE state = 'active' FOR NO KEY UPDATE")
    ).one_or_none()
    if active is None:
        return 0
    late = lacking(connection, active.id, again=False, only_late=True)
    put_to_work(connection, active.id, active.name, late)
    return sum(len(photo_ids) for _, photo_ids in late)


def put_to_work(
    connection: Connection, version_id: int, name: str, photos: Sequence[tuple[str, Sequence[int]]]
) -> None:
    """Adds photos, given by catalogue, to the version's backfill; the caller holds the lock of the version."""
    size = photos_per_shard(connection, version_id)
    for catalogue, photo_ids in photos:
        import_id = open_import(connection, version_id, catalogue) or begin_import(
            connection,
            catalogue=catalogue,
            feed=f"backfill of {name}",
            lane=Lane.BACKFILL,
            model_version_id=version_id,
        )
        make_shards(
            connection,
            import_id=import_id,
            model_version_id=version_id,
            lane=Lane.BACKFILL,
            photo_ids=photo_ids,
            photos_per_shard=size,
        )
        connection.execute(
            text("UPDATE modiste.import SET photos_total = photos_total + :n WHERE id = :id"),
            {"n": len(photo_ids), "id": import_id},
        )
        end_planning(connection, import_id)


def lock_version(connection: Connection, name: str) -> int:
    """Two who begin a backfill take turns, and neither does while the version is retired."""
    version_id: int | None = connection.scalar(
        text("SELECT id FROM modiste.model_version WHERE name = :name AND state <> 'retired' FOR NO KEY UPDATE"),
        {"name": name},
    )
    if version_id is None:
        raise UnknownModelVersion(f"there is no model version {name} in service; `modiste models` lists them")
    return version_id


def lacking(
    connection: Connection, version_id: int, *, again: bool, only_late: bool = False
) -> list[tuple[str, Sequence[int]]]:
    """By catalogue, a photo for each content that the version lacks and that waits in none of its shards.

    A photo with a URL rather than one without: its bytes can be had again.
    """
    rows = connection.execute(
        text(f"""
            WITH {MISSING.format(which=SHOWN + (f"AND p.id IN ({LATE})" if only_late else ""))},
            waiting AS ({WAITING}), ended AS ({ENDED}), chosen AS (
                SELECT DISTINCT ON (p.content_id) p.id, p.listing_id FROM missing_photo p
                WHERE p.state <> 'quarantined'
                  AND NOT EXISTS (SELECT FROM waiting w WHERE w.content_id = p.content_id)
                  AND NOT EXISTS (SELECT FROM ended e WHERE e.content_id = p.content_id)
                ORDER BY p.content_id, p.source !~* :url, p.id
            )
            SELECT l.catalogue, array_agg(c.id ORDER BY c.id) AS photo_ids
            FROM chosen c JOIN modiste.listing l ON l.id = c.listing_id GROUP BY l.catalogue ORDER BY l.catalogue
        """),
        {"version": version_id, "url": URL, "ended": [] if again else ["done", "cancelled"]},
    )
    return [(row.catalogue, row.photo_ids) for row in rows]


def open_import(connection: Connection, version_id: int, catalogue: str) -> int | None:
    """The import of a backfill that is not done yet, kept from being finished by its last shard in this moment."""
    found: int | None = connection.scalar(
        text("""
            SELECT id FROM modiste.import
            WHERE model_version_id = :version AND catalogue = :catalogue AND lane = 'backfill' AND state = 'running'
            ORDER BY id LIMIT 1 FOR NO KEY UPDATE
        """),
        {"version": version_id, "catalogue": catalogue},
    )
    return found


def open_backfills(connection: Connection, version_id: int) -> list[int]:
    """Imports of the version's backfill that are not done; those that rest too."""
    return list(
        connection.scalars(
            text("""
                SELECT id FROM modiste.import
                WHERE model_version_id = :version AND lane = 'backfill' AND state = 'running' ORDER BY id
            """),
            {"version": version_id},
        )
    )


def feeds_of(connection: Connection, version_id: int) -> list[int]:
    """Imports that are read for the version, or have photos left that it is to see; its backfill is none of them."""
    return list(
        connection.scalars(
            text("""
                SELECT id FROM modiste.import
                WHERE state = 'planning' AND lane <> 'backfill' AND model_version_id = :version
                UNION
                SELECT import_id FROM modiste.shard
                WHERE state IN ('queued', 'paused', 'leased') AND lane <> 'backfill' AND model_version_id = :version
                ORDER BY 1
            """),
            {"version": version_id},
        )
    )
