"""A model version out of service: its vectors, enrichments and summaries go, its row in the registry stays.

Marked first, so that nothing is added to it any more, then emptied step by step; whoever does that may die, and to
retire it again goes on.
"""

import time

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from db.backfills import feeds_of, open_backfills
from db.control import begin_cancelling, finish_cancelling
from db.engine import transaction
from db.errors import ModelInUse, UnknownModelVersion

# A transaction's worth of rows of all versions: parts of a second, however many there are.
ROWS_AT_ONCE = 20_000
# Who waits for a table's lock holds up whoever asks for it later: short waits, and many of them.
DROP_WAIT_MS = 200
DROP_AGAIN_S = 0.5
DROP_TRIES = 60
LOCK_NOT_AVAILABLE = "55P03"


def retire_model(engine: Engine, name: str) -> None:
    """Cancels the version's backfill and deletes what it saw. Once more goes on where somebody was stopped.

    Raises `UnknownModelVersion`, or `ModelInUse` for the active version, while imports work with it, or when its
    vectors are read for half a minute on end.
    """
    with transaction(engine) as connection:
        version_id, backfills = begin_retiring(connection, name)
    for import_id in backfills:
        finish_cancelling(engine, import_id)
    drop_vectors(engine, version_id, name)
    delete_rows(engine, version_id, table="enrichment", key="content_id")
    delete_rows(engine, version_id, table="listing_summary", key="listing_id")


def begin_retiring(connection: Connection, name: str) -> tuple[int, list[int]]:
    """Marks the version; its id, and the imports of its backfill, which are marked as cancelled."""
    row = connection.execute(
        text("SELECT id, state FROM modiste.model_version WHERE name = :name FOR NO KEY UPDATE"), {"name": name}
    ).one_or_none()
    if row is None:
        raise UnknownModelVersion(f"there is no model version {name}; `modiste models` lists them")
    if row.state == "active":
        raise ModelInUse(f"model version {name} is the active one; activate another before it is retired")
    if imports := feeds_of(connection, row.id):
        numbers = ", ".join(map(str, imports[:10]))
        raise ModelInUse(
            f"model version {name} is still used by imports ({numbers}): wait until they are done, or cancel them with "
            "`modiste cancel`"
        )
    backfills = open_backfills(connection, row.id)
    for import_id in backfills:
        begin_cancelling(connection, import_id)
    connection.execute(
        text("UPDATE modiste.model_version SET state = 'retired', index_built_at = NULL WHERE id = :id"), {"id": row.id}
    )
    connection.execute(text("DELETE FROM modiste.category_index WHERE model_version_id = :id"), {"id": row.id})
    return row.id, backfills


def drop_vectors(engine: Engine, version_id: int, name: str) -> None:
    """Drops the version's table with its indexes; nobody waits longer for it than for one short lock."""
    for _ in range(DROP_TRIES):
        try:
            with transaction(engine) as connection:
                connection.execute(text(f"SET LOCAL lock_timeout = {DROP_WAIT_MS}"))
                connection.execute(text(f"DROP TABLE IF EXISTS modiste.embedding_{version_id}"))
            return
        except OperationalError as error:
            if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
                raise
            time.sleep(DROP_AGAIN_S)
    raise ModelInUse(
        f"the vectors of model version {name} are being read or indexed; retire it again when that is over"
    )


def delete_rows(engine: Engine, version_id: int, *, table: str, key: str) -> None:
    """Deletes the version's rows of a table in the order of its primary key, in transactions of bounded size."""
    after: int | None = 0
    while after is not None:
        with transaction(engine) as connection:
            upto: int | None = connection.scalar(
                text(f"""
                    SELECT max({key}) FROM (
                        SELECT {key} FROM modiste.{table} WHERE {key} > :after ORDER BY {key} LIMIT :n) AS page
                """),
                {"after": after, "n": ROWS_AT_ONCE},
            )
            connection.execute(
                text(f"""
                    DELETE FROM modiste.{table}
                    WHERE model_version_id = :version AND {key} > :after AND {key} <= :upto
                """),
                {"version": version_id, "after": after, "upto": upto},
            )
        after = upto
