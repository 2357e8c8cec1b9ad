"""Alembic's entry point. `modiste migrate` hands over a connection; the alembic command needs DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import Connection, text

from db.engine import open_engine
from db.schema import SCHEMA, Base


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Everything in schema modiste but the vector tables, which `db.models` makes per model version."""
    if kind == "schema":
        return name == SCHEMA
    return not (kind == "table" and name is not None and name.startswith("embedding_"))


def run(connection: Connection) -> None:
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    # For a role named modiste our schema is the default one, which Alembic would compare as nameless.
    connection.dialect.default_schema_name = "public"
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=is_ours,
        version_table_schema=SCHEMA,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL is not set; `modiste migrate` also works on the embedded stack")
    with open_engine(url).begin() as opened:
        run(opened)
