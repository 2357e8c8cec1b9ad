"""Functions, views and tables of the schema `modiste` with their comments, read from a database just migrated."""

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, text

from cli.stack.embedded import EmbeddedPair
from db.engine import open_engine
from db.migrate import migrate
from references.markdown import code, table
from references.markdown import page as made

OPENING = """What stands in PostgreSQL after `modiste migrate`, with the words that `COMMENT ON` gives it; `\\df+` and
`\\d+` in psql show the same. What is without a comment is modiste's own and is not listed; of what is, the
[changelog](changelog.md) tells each change. [SQL](../sql.md) tells how to ask."""
FUNCTIONS = """
SELECT proname AS name, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result,
       obj_description(oid, 'pg_proc') AS said
FROM pg_proc
WHERE pronamespace = 'modiste'::regnamespace AND obj_description(oid, 'pg_proc') IS NOT NULL ORDER BY proname
"""
RELATIONS = """
SELECT c.relname AS name, c.relkind = 'v' AS is_view, obj_description(c.oid, 'pg_class') AS said,
       a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       col_description(c.oid, a.attnum) AS column_said
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'modiste'::regnamespace AND c.relkind IN ('r', 'v', 'p')
  AND obj_description(c.oid, 'pg_class') IS NOT NULL
ORDER BY NOT c.relkind = 'v', c.relname, a.attnum
"""


def page() -> str:
    with tempfile.TemporaryDirectory(prefix="modiste-docs-") as home, EmbeddedPair.start(Path(home)) as pair:
        engine = open_engine(pair.database_url)
        migrate(engine)
        with engine.connect() as connection:
            parts = [*functions(connection), *relations(connection)]
        engine.dispose()
    return made("SQL objects", OPENING, parts)


def functions(connection: Connection) -> Iterator[str]:
    yield "## Functions"
    for row in connection.execute(text(FUNCTIONS)):
        yield f"### `{row.name}`"
        yield f"```sql\nmodiste.{row.name}({laid_out(row.arguments)})\n-- {row.result}\n```"
        yield row.said


def laid_out(arguments: str) -> str:
    """A line an argument where one line is too long for a phone; no default of ours holds a comma."""
    return arguments if len(arguments) < 60 else "\n    " + arguments.replace(", ", ",\n    ") + "\n"


def relations(connection: Connection) -> Iterator[str]:
    rows = connection.execute(text(RELATIONS)).all()
    for is_view, of_kind in groupby(rows, key=lambda row: row.is_view):
        yield "## Views" if is_view else "## Tables"
        for (name, said), columns in groupby(of_kind, key=lambda row: (row.name, row.said)):
            yield f"### `{name}`"
            yield said
            yield table(("column", "type", "what"), [(code(c.column), c.type, c.column_said or "") for c in columns])
