"""What a forecast of an import rests on: how many vectors there are, and how fast photos were looked at lately."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.models import active_model

# An HNSW index of halfvec keeps two bytes a number, and of each vector its links and headers: with m = 24, 902 MB were
# measured for a million vectors of 256 numbers.
BYTES_A_NUMBER = 2
BYTES_OF_LINKS = 390
# Fewer photos say little of how long many take.
PHOTOS_FOR_A_RATE = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """Of the active model version.

    `photos_per_s`: of the last import whose photos went through it; None where there is none.
    """

    version_id: int
    vectors: int
    embedding_dim: int
    photos_per_s: float | None

    def index_bytes(self, more: int) -> int:
        """Memory that the index takes once there are so many vectors more."""
        return (self.vectors + more) * (BYTES_A_NUMBER * self.embedding_dim + BYTES_OF_LINKS)


def capacity(connection: Connection) -> Capacity:
    """Raises `NoActiveModel`."""
    model = active_model(connection)
    return Capacity(
        version_id=model.id,
        vectors=connection.execute(text(f"SELECT count(*) FROM modiste.embedding_{model.id}")).scalar_one(),
        embedding_dim=model.embedding_dim,
        photos_per_s=latest_rate(connection, model.id),
    )


def latest_rate(connection: Connection, model_version_id: int) -> float | None:
    """Photos a second of the last import of a feed, all its workers together, over its last 200 shards.

    One whose photos were known says nothing of how long it takes to look at them: it is passed over.
    """
    row = connection.execute(
        text("""
            SELECT sum(cardinality(photo_ids)) AS photos,
                   extract(epoch FROM max(finished_at) - min(finished_at - make_interval(secs => work_s)))::float8 AS s
            FROM (
                SELECT photo_ids, finished_at, work_s FROM modiste.shard
                WHERE state = 'done' AND work_s > 0 AND import_id = (
                    SELECT i.id FROM modiste.import i
                    WHERE i.model_version_id = :version AND i.lane <> 'interactive' AND i.photos_inferred >= :enough
                      AND EXISTS (
                        SELECT FROM modiste.shard s WHERE s.import_id = i.id AND s.state = 'done' AND s.work_s > 0)
                    ORDER BY i.id DESC LIMIT 1)
                ORDER BY id DESC LIMIT 200) AS lately
        """),
        {"version": model_version_id, "enough": PHOTOS_FOR_A_RATE},
    ).one()
    return float(row.photos) / float(row.s) if row.s else None
