"""The model registry: versions, their vector tables and indexes, and which one is active."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from db.errors import ModelDoesNotFit, NoActiveModel, UnknownModelVersion
from db.states import ModelState

# Defaults (m 16, ef_construction 64) lose whole queries at a million vectors, and no ef_search repairs it.
HNSW = "m = 24, ef_construction = 200"
# Below this, comparing everything is faster than walking an index, and exact.
VECTORS_WORTH_AN_INDEX = 10_000
INDEX_LOCK = 0x6D6F6402
# What pgvector can index as halfvec.
LONGEST_EMBEDDING = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisteredModel:
    """A model version as the registry has it."""

    id: int
    name: str
    state: ModelState
    embedding_dim: int
    registered_at: datetime
    activated_at: datetime | None
    indexed: bool
    manifest: Mapping[str, Any]


SELECT = """
    SELECT v.id, v.name, v.state, v.embedding_dim, v.registered_at, v.activated_at,
           v.index_built_at IS NOT NULL AS indexed, v.manifest
    FROM modiste.model_version v
"""


def register_model(
    connection: Connection,
    *,
    name: str,
    embedding_dim: int,
    exclusive_groups: Sequence[str],
    manifest: Mapping[str, Any],
) -> int:
    """Registers a version and makes its vector table. Again with the same manifest: nothing; with another: refused.

    Raises `ModelDoesNotFit`, also for an embedding of a length that no index can hold.
    """
    if not 1 <= embedding_dim <= LONGEST_EMBEDDING:
        raise ModelDoesNotFit(
            f"model version {name} has embeddings of {embedding_dim} numbers; 1 to {LONGEST_EMBEDDING} can be searched"
        )
    values = {
        "name": name,
        "dim": embedding_dim,
        "groups": list(exclusive_groups),
        "manifest": json.dumps(dict(manifest)),
    }
    # Two workers that start on an empty registry come here at once: the second waits, then finds the first's.
    version_id: int | None = connection.scalar(
        text("""
            INSERT INTO modiste.model_version (name, embedding_dim, exclusive_groups, manifest)
            VALUES (:name, :dim, :groups, CAST(:manifest AS jsonb)) ON CONFLICT (name) DO NOTHING RETURNING id
        """),
        values,
    )
    if version_id is None:
        return registered_as_is(connection, values)
    make_vector_table(connection, version_id, embedding_dim)
    return version_id


def registered_as_is(connection: Connection, values: Mapping[str, Any]) -> int:
    """The id of a version registered before. Raises `ModelDoesNotFit` if it was another model under this name."""
    known = connection.execute(
        text("""
            SELECT id, (manifest, embedding_dim, exclusive_groups)
                     = (CAST(:manifest AS jsonb), :dim, CAST(:groups AS text[])) AS same
            FROM modiste.model_version WHERE name = :name
        """),
        values,
    ).one()
    if not known.same:
        raise ModelDoesNotFit(
            f"model version {values['name']} is registered with another manifest; give the new model a new version"
        )
    return int(known.id)


def make_vector_table(connection: Connection, version_id: int, embedding_dim: int) -> None:
    # A plain table a version, not a partition: making or dropping it never waits for readers of another version.
    # No foreign key on content: it would cost a lock a row, and `enrichment` beside it has one.
    connection.execute(
        text(f"""
            CREATE TABLE modiste.embedding_{version_id} (
                content_id bigint PRIMARY KEY, category text NOT NULL,
                vec {vector_schema(connection)}.halfvec({int(embedding_dim)}) NOT NULL)
        """)
    )
    connection.execute(
        text(f"COMMENT ON TABLE modiste.embedding_{version_id} IS 'Vectors of one version, one row a content'")
    )


def vector_schema(connection: Connection) -> str:
    """Where pgvector was installed, quoted: in many managed databases not on the search path."""
    return str(
        connection.scalar(text("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"))
    )


def activate_model(connection: Connection, name: str) -> None:
    """Makes `name` the one active version, in one transaction: no reader sees none or two."""
    # All rows, so that two who activate at once take turns; in a mode that lets writers of enrichments refer to them.
    connection.execute(text("SELECT FROM modiste.model_version ORDER BY id FOR NO KEY UPDATE"))
    target = connection.scalar(
        text("SELECT id FROM modiste.model_version WHERE name = :name AND state <> 'retired'"), {"name": name}
    )
    if target is None:
        raise UnknownModelVersion(f"there is no model version {name} to activate; `modiste models` lists them")
    connection.execute(text("UPDATE modiste.model_version SET state = 'registered' WHERE state = 'active'"))
    connection.execute(
        text("UPDATE modiste.model_version SET state = 'active', activated_at = clock_timestamp() WHERE id = :id"),
        {"id": target},
    )


def list_models(connection: Connection) -> list[RegisteredModel]:
    return [_model(row) for row in connection.execute(text(f"{SELECT} ORDER BY v.id"))]


def active_model(connection: Connection) -> RegisteredModel:
    """Raises `NoActiveModel`."""
    row = connection.execute(text(f"{SELECT} WHERE v.state = 'active'")).one_or_none()
    if row is None:
        raise NoActiveModel
    return _model(row)


def model_by_id(connection: Connection, version_id: int) -> RegisteredModel:
    """Raises `UnknownModelVersion`."""
    row = connection.execute(text(f"{SELECT} WHERE v.id = :id"), {"id": version_id}).one_or_none()
    if row is None:
        raise UnknownModelVersion
    return _model(row)


def model_by_name(connection: Connection, name: str) -> RegisteredModel:
    """Raises `UnknownModelVersion`."""
    row = connection.execute(text(f"{SELECT} WHERE v.name = :name"), {"name": name}).one_or_none()
    if row is None:
        raise UnknownModelVersion(f"there is no model version {name}; `modiste models` lists them")
    return _model(row)


def _model(row: Row[Any]) -> RegisteredModel:
    return RegisteredModel(**{**row._mapping, "state": ModelState(row.state)})


def enriched_contents(connection: Connection, version_id: int) -> int:
    """How many photo contents the version has enriched. Counts them: not for a hot path."""
    return int(
        connection.execute(
            text("SELECT count(*) FROM modiste.enrichment WHERE model_version_id = :id"), {"id": version_id}
        ).scalar_one()
    )


def photos_unseen(connection: Connection, version_id: int) -> int:
    """Photos that count as enriched, by other versions only. Counts them: not for a hot path."""
    return int(
        connection.execute(
            text("""
                SELECT count(*) FROM modiste.photo p WHERE p.state = 'enriched' AND NOT EXISTS (
                    SELECT FROM modiste.enrichment e
                    WHERE e.content_id = p.content_id AND e.model_version_id = :id)
            """),
            {"id": version_id},
        ).scalar_one()
    )


def wants_index(connection: Connection) -> int | None:
    """The active version, if it has vectors enough for an index, has none, and no first import is still loading it.

    Loading without the index and building it afterwards is many times faster than inserting into a live one.
    """
    version: int | None = connection.scalar(
        text("""
            SELECT v.id FROM modiste.model_version v
            WHERE v.state = 'active' AND v.index_built_at IS NULL
              AND NOT EXISTS (SELECT FROM modiste.shard s WHERE s.state IN ('queued', 'leased')
                              AND s.model_version_id = v.id)
              AND (SELECT count(*) FROM (SELECT FROM modiste.enrichment e WHERE e.model_version_id = v.id
                                         LIMIT :enough) AS few) >= :enough
              AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index
                              WHERE datname = current_database()
                                AND relid = to_regclass('modiste.embedding_' || v.id))
        """),
        {"enough": VECTORS_WORTH_AN_INDEX},
    )
    return version


def build_index(engine: Engine, version_id: int, *, memory: str = "1GB") -> bool:
    """Builds the HNSW index of a version beside running reads and writes; minutes for a million vectors.

    Returns False, having done nothing, while another process builds it. An index that an interrupted build left
    invalid is dropped first. `memory` raises the server's maintenance_work_mem, never lowers it.
    """
    # The lock is of a transaction, so that it survives a pooler; idle, it holds no snapshot that the build waits for.
    with engine.connect() as guard, guard.begin():
        if not guard.scalar(
            text("SELECT pg_try_advisory_xact_lock(:lock, :id)"), {"lock": INDEX_LOCK, "id": version_id}
        ):
            return False
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            drop_invalid_index(connection, version_id)
            create_index(connection, version_id, memory)
            connection.execute(
                text("UPDATE modiste.model_version SET index_built_at = clock_timestamp() WHERE id = :id"),
                {"id": version_id},
            )
    return True


def drop_invalid_index(connection: Connection, version_id: int) -> None:
    name = index_of(version_id)
    if connection.scalar(
        text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": f"modiste.{name}"}
    ):
        connection.execute(text(f"DROP INDEX CONCURRENTLY modiste.{name}"))


def create_index(connection: Connection, version_id: int, memory: str) -> None:
    connection.execute(
        text("""
            SELECT set_config('maintenance_work_mem', :memory, false)
            WHERE pg_size_bytes(:memory) > pg_size_bytes(current_setting('maintenance_work_mem'))
        """),
        {"memory": memory},
    )
    try:
        connection.execute(
            text(f"""
                CREATE INDEX CONCURRENTLY IF NOT EXISTS {index_of(version_id)} ON modiste.embedding_{int(version_id)}
                USING hnsw (vec {vector_schema(connection)}.halfvec_cosine_ops) WITH ({HNSW})
            """)
        )
    finally:
        connection.execute(text("RESET maintenance_work_mem"))


def index_of(version_id: int) -> str:
    return f"embedding_{int(version_id)}_vec_idx"
