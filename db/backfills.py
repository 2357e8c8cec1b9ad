"""A second model version brought up to the first: what it lacks, put to work as imports in the lane `backfill`.

Its unit is the content, for which one of the photos that show it stands in a shard. Photos keep their state and their
import, so answers stay what they are under the active version; counters are those of the shards
(`db.enrichments.settle_contents`). Pausing, resuming and cancelling are those of any import.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from db.coverage import ENDED, LATE, MISSING, SHOWN, WAITING
from db.errors import UnknownModelVersion
from db.imports import begin_import, end_planning
from db.shards import make_shards, photos_per_shard
from db.states import Lane

URL = "^[a-z][a-z0-9+.-]*://"


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
