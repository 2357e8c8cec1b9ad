"""The model registry: versions, their vector tables, and which one is active."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from db.errors import ModelDoesNotFit, NoActiveModel, UnknownModelVersion
from db.states import ModelState

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
    """The id of a version registered before. Raises `ModelDoesNotFit` if it was another model, or is retired."""
    known = connection.execute(
        text("""
            SELECT id, state, (manifest, embedding_dim, exclusive_groups)
                     = (CAST(:manifest AS jsonb), :dim, CAST(:groups AS text[])) AS same
            FROM modiste.model_version WHERE name = :name
        """),
        values,
    ).one()
    if not known.same:
        raise ModelDoesNotFit(
            f"model version {values['name']} is registered with another manifest; give the new model a new version"
        )
    if known.state == ModelState.RETIRED:
        raise ModelDoesNotFit(f"model version {values['name']} is retired; register the model under a new version")
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
    connection.execute(text("SELECT modiste.grant_reading()"))


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


def model_before(connection: Connection) -> RegisteredModel:
    """The version that was active last before the one that is. Raises `UnknownModelVersion` where there was none."""
    row = connection.execute(
        text(f"""
            {SELECT} WHERE v.state = 'registered' AND v.activated_at IS NOT NULL
            ORDER BY v.activated_at DESC LIMIT 1
        """)
    ).one_or_none()
    if row is None:
        raise UnknownModelVersion(
            "no other model version was active before, or it is retired; `modiste models` lists them"
        )
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
