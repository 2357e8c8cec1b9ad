"""Filters of attributes are checked: what is no group:value, or of a group that the active version lacks, is an error."""

import re
from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"

SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    run((SQL / "0015_attribute_filters.sql").read_text())


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    earlier = (SQL / "0010_filters.sql").read_text()
    before = re.search(r"CREATE OR REPLACE FUNCTION modiste\.filter_condition\(.*?\n\$\$;", earlier, re.DOTALL)
    if before is None:
        raise LookupError("0010_filters.sql has no filter_condition")
    run(before.group())
    run("DROP FUNCTION modiste.check_attributes(text[])")


def run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
