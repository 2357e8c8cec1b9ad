"""A photo shows what was seen in its bytes, also while its URL is asked whether it still gives them.

Until now only photos that are enriched did: asking for all of a catalogue's photos again would have emptied every answer.
"""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


SQL = Path(__file__).resolve().parent.parent / "sql"
FIRST = re.compile(r"CREATE (FUNCTION modiste\.(?:nearest|similar)_listings\(.*?\n\$\$;)", re.DOTALL)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_functions((SQL / "0006_summaries.sql").read_text())
    replace_functions((SQL / "0006_similarity.sql").read_text())


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_functions((SQL / "0004_summaries.sql").read_text())
    for function in FIRST.findall((SQL / "0001_similarity.sql").read_text()):
        replace_functions(f"CREATE OR REPLACE {function}")


def replace_functions(statements: str) -> None:
    connection = op.get_bind()
    schema = connection.scalar(
        sa.text("""
            SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'vector'
        """)
    )
    connection.exec_driver_sql(statements.replace("{vector}", str(schema)).replace("%", "%%"))
