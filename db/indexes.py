"""The HNSW indexes of a version's vectors: when one pays, and building it beside running reads and writes.

One is over all vectors. Beside it each large category has one of its own: a question for a category that lies far from
the asked vector walks the index of all for long and finds little, and comparing every vector of the category takes too
long as well.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from db.models import vector_schema
from db.servers import behind_a_pool

logger = logging.getLogger(__name__)

# Defaults (m 16, ef_construction 64) lose whole queries at a million vectors, and no ef_search repairs it; in a
# category's index they lose those that are asked from outside the category.
HNSW = "m = 24, ef_construction = 200"
# Below this, comparing everything is faster than walking an index, and exact.
VECTORS_WORTH_AN_INDEX = 10_000
CATEGORY_WORTH_AN_INDEX = 4_000
INDEX_LOCK = 0x6D6F6402
# Holds the graph of two million vectors of 256 numbers; one that does not fit is built many times slower.
INDEX_MEMORY = "1GB"


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorIndex:
    """An index that is to be built: of all vectors of a version, or of one category's."""

    version_id: int
    category: str | None = None


def wants_index(connection: Connection) -> VectorIndex | None:
    """The next index that a version in service lacks and has vectors enough for, unless an import is loading it.

    In service is the active version, which comes first, and one whose backfill is done. Loading without the index and
    building it afterwards is many times faster than inserting into a live one. How large categories are is read from
    PostgreSQL's statistics.
    """
    wanted = connection.execute(
        text("""
            WITH backfill AS (
                SELECT model_version_id AS id, bool_and(finished_at IS NOT NULL) AND bool_or(state = 'done') AS done
                FROM modiste.import WHERE lane = 'backfill' GROUP BY model_version_id
            ), loaded AS (
                SELECT v.id, v.state = 'active' AS active, v.index_built_at IS NOT NULL AS indexed,
                       'embedding_' || v.id AS vectors
                FROM modiste.model_version v LEFT JOIN backfill b USING (id)
                WHERE (v.state = 'active' OR (v.state = 'registered' AND b.done))
                  AND NOT EXISTS (SELECT FROM modiste.shard s WHERE s.state IN ('queued', 'leased')
                                  AND s.model_version_id = v.id)
                  AND (SELECT count(*) FROM (SELECT FROM modiste.enrichment e WHERE e.model_version_id = v.id
                                             LIMIT :enough) AS few) >= :enough
                  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index
                                  WHERE datname = current_database()
                                    AND relid = to_regclass('modiste.embedding_' || v.id))
            ), large AS (
                SELECT a.id, a.active, common.category, common.share
                FROM loaded a
                JOIN pg_stats t ON t.schemaname = 'modiste' AND t.tablename = a.vectors AND t.attname = 'category'
                JOIN pg_class c ON c.oid = to_regclass('modiste.' || a.vectors),
                     unnest(CAST(CAST(t.most_common_vals AS text) AS text[]), t.most_common_freqs)
                         AS common (category, share)
                WHERE a.indexed AND common.share * c.reltuples >= :large
                  AND NOT EXISTS (SELECT FROM modiste.category_index i WHERE i.model_version_id = a.id
                                  AND i.category = common.category AND i.built_at IS NOT NULL)
            )
            SELECT id, active, NULL AS category, 1 AS share FROM loaded WHERE NOT indexed
            UNION ALL SELECT id, active, category, share FROM large
            ORDER BY active DESC, id, share DESC LIMIT 1
        """),
        {"enough": VECTORS_WORTH_AN_INDEX, "large": CATEGORY_WORTH_AN_INDEX},
    ).one_or_none()
    return None if wanted is None else VectorIndex(version_id=wanted.id, category=wanted.category)


def lacks_index(connection: Connection, version_id: int) -> bool:
    """Whether the version has vectors enough for an index of all, and none is built."""
    return bool(
        connection.scalar(
            text("""
                SELECT v.index_built_at IS NULL AND (
                    SELECT count(*) FROM (SELECT FROM modiste.enrichment e WHERE e.model_version_id = v.id
                                          LIMIT :enough) AS few) >= :enough
                FROM modiste.model_version v WHERE v.id = :id AND v.state <> 'retired'
            """),
            {"enough": VECTORS_WORTH_AN_INDEX, "id": version_id},
        )
    )


def dead_indexes(connection: Connection) -> list[VectorIndex]:
    """Indexes that are noted as built and that PostgreSQL lacks, or cannot use: questions compare one by one."""
    rows = connection.execute(
        text("""
            WITH noted AS (
                SELECT id, NULL AS category, format('modiste.embedding_%s_vec_idx', id) AS name
                FROM modiste.model_version WHERE index_built_at IS NOT NULL AND state <> 'retired'
                UNION ALL
                SELECT model_version_id, category, format('modiste.embedding_%s_vec_%s_idx', model_version_id, id)
                FROM modiste.category_index WHERE built_at IS NOT NULL
            )
            SELECT id, category FROM noted
            WHERE NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(name) AND indisvalid AND indisready)
            ORDER BY id, category NULLS FIRST
        """)
    )
    return [VectorIndex(version_id=row.id, category=row.category) for row in rows]


def forget_dead_indexes(connection: Connection) -> list[VectorIndex]:
    """Has `wants_index` name them again, so that they are built anew; returns them."""
    dead = dead_indexes(connection)
    for index in dead:
        if index.category is None:
            statement = "UPDATE modiste.model_version SET index_built_at = NULL WHERE id = :id"
        else:
            statement = """
                UPDATE modiste.category_index SET built_at = NULL WHERE model_version_id = :id AND category = :category
            """
        connection.execute(text(statement), {"id": index.version_id, "category": index.category})
    return dead


def build_index(engine: Engine, wanted: VectorIndex, *, memory: str = INDEX_MEMORY) -> bool:
    """Builds an index beside running reads and writes; minutes for a million vectors.

    Returns False, having done nothing, while another process builds one of the version. An index that an interrupted
    build left invalid is dropped first. `memory` raises the server's maintenance_work_mem, never lowers it, and not
    behind a pool.
    """
    # The lock is of a transaction, so that it survives a pooler; idle, it holds no snapshot that the build waits for.
    with engine.connect() as guard, guard.begin():
        if not guard.scalar(
            text("SELECT pg_try_advisory_xact_lock(:lock, :id)"), {"lock": INDEX_LOCK, "id": wanted.version_id}
        ):
            return False
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = index_name(connection, wanted)
            drop_invalid_index(connection, name)
            create_index(connection, name, wanted, memory)
            mark_built(connection, wanted)
    return True


def index_name(connection: Connection, wanted: VectorIndex) -> str:
    """A category's name may be anything: its index is called by a number, under which it is noted."""
    if wanted.category is None:
        return index_of(wanted.version_id)
    values = {"version": wanted.version_id, "category": wanted.category}
    connection.execute(
        text("""
            INSERT INTO modiste.category_index (model_version_id, category) VALUES (:version, :category)
            ON CONFLICT DO NOTHING
        """),
        values,
    )
    number = connection.scalar(
        text("SELECT id FROM modiste.category_index WHERE model_version_id = :version AND category = :category"),
        values,
    )
    return f"embedding_{int(wanted.version_id)}_vec_{number}_idx"


def index_of(version_id: int) -> str:
    """The name of the index of all vectors."""
    return f"embedding_{int(version_id)}_vec_idx"


def drop_invalid_index(connection: Connection, name: str) -> None:
    if connection.scalar(
        text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": f"modiste.{name}"}
    ):
        connection.execute(text(f"DROP INDEX CONCURRENTLY modiste.{name}"))


def create_index(connection: Connection, name: str, wanted: VectorIndex, memory: str) -> None:
    only = "" if wanted.category is None else " WHERE category = %L"
    statement = connection.scalar(
        text("SELECT format(:statement, CAST(:category AS text))"),
        {
            "statement": f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON modiste.embedding_{wanted.version_id} "
            f"USING hnsw (vec {vector_schema(connection)}.halfvec_cosine_ops) "
            f"WITH ({HNSW}){only}",
            "category": wanted.category,
        },
    )
    with raised_memory(connection, memory):
        connection.exec_driver_sql(str(statement).replace("%", "%%"))


@contextmanager
def raised_memory(connection: Connection, memory: str) -> Iterator[None]:
    """Raises the session's maintenance_work_mem in the block, where it is less.

    Not behind a pool, which may have another server process do the next statement: the build would lack the memory, and
    somebody else have it for good. SET LOCAL cannot help, as CREATE INDEX CONCURRENTLY runs in no transaction.
    """
    has = memory_if_less(connection, memory)
    if has is None:
        yield
    elif behind_a_pool(connection):
        logger.warning(
            "the index is built through a pool, with PostgreSQL's maintenance_work_mem of %s; see doctor", has
        )
        yield
    else:
        connection.execute(text("SELECT set_config('maintenance_work_mem', :memory, false)"), {"memory": memory})
        try:
            yield
        finally:
            connection.execute(text("RESET maintenance_work_mem"))


def memory_if_less(connection: Connection, memory: str = INDEX_MEMORY) -> str | None:
    """maintenance_work_mem as PostgreSQL says it; None where it is as much as `memory`, or more."""
    has: str | None = connection.scalar(
        text("""
            SELECT current_setting('maintenance_work_mem')
            WHERE pg_size_bytes(:memory) > pg_size_bytes(current_setting('maintenance_work_mem'))
        """),
        {"memory": memory},
    )
    return has


def mark_built(connection: Connection, wanted: VectorIndex) -> None:
    """From now on questions walk it."""
    if wanted.category is None:
        statement = """
            UPDATE modiste.model_version SET index_built_at = clock_timestamp() WHERE id = :id AND state <> 'retired'
        """
    else:
        statement = """
            UPDATE modiste.category_index SET built_at = clock_timestamp()
            WHERE model_version_id = :id AND category = :category
        """
    connection.execute(text(statement), {"id": wanted.version_id, "category": wanted.category})
