"""How much of what answers rest on a model version has seen: counted from the tables, kept nowhere.

Its unit is the content. What a version lacks waits in a shard, was tried by its backfill, came late, or was forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

# Contents that answers rest on: of photos that are enriched, or show what was seen while they are asked for again.
SHOWN = """
    p.content_id IS NOT NULL
    AND (p.state = 'enriched' OR (p.state <> 'quarantined' AND EXISTS (
            SELECT FROM modiste.enrichment seen WHERE seen.content_id = p.content_id)))
"""
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
# From when on contents are late: the last backfill put to work what it found, and did not find them yet. Without one,
# for the active version, its activation. A write that the backfill could not see may be some seconds older than it.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenUp:
    """A photo whose content a backfill could not have."""

    photo_id: int
    catalogue: str
    external_id: str
    source: str


def given_up(connection: Connection, version_id: int, *, limit: int) -> Sequence[GivenUp]:
    """The first photos, in the order of their ids, of contents that the version's backfill could not have."""
    rows = connection.execute(
        text(f"""
            WITH {MISSING.format(which=SHOWN)}, given_up AS ({ENDED} EXCEPT ({WAITING}))
            SELECT p.id AS photo_id, l.catalogue, l.external_id, p.source
            FROM missing_photo p JOIN given_up USING (content_id) JOIN modiste.listing l ON l.id = p.listing_id
            WHERE p.state <> 'quarantined' ORDER BY p.id LIMIT :n
        """),
        {"version": version_id, "ended": ["done"], "n": limit},
    )
    return [GivenUp(**row._mapping) for row in rows]
