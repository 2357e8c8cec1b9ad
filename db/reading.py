"""The role `modiste_reader`, for whoever only asks and reads (migrations/sql/0009_reading.sql)."""

from collections.abc import Sequence

from sqlalchemy import Connection, text


def missing_grants(connection: Connection) -> Sequence[str] | None:
    """What the role lacks, as GRANT says it; None where there is no such role."""
    if connection.scalar(text("SELECT to_regrole('modiste_reader') IS NULL")):
        return None
    return connection.scalars(text("SELECT * FROM modiste.missing_grants()")).all()
