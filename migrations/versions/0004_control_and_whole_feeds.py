"""Imports that rest, feeds that are all there is, which columns a row changed, and when a summary changed.

Columns with a constant default and columns that may be empty are added without rewriting a table.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


SQL = Path(__file__).resolve().parent.parent / "sql"
BEFORE = ("queued", "leased", "done", "split", "cancelled")
NEW = (
    ("import", sa.Column("whole", sa.Boolean(), server_default="false", nullable=False)),
    ("import", sa.Column("withdraw_share_max", sa.REAL(), server_default="0.2", nullable=False)),
    ("import", sa.Column("listings_withdrawn", sa.Integer(), server_default="0", nullable=False)),
    ("import", sa.Column("refetch", sa.Boolean(), server_default="false", nullable=False)),
    ("import", sa.Column("paused_at", postgresql.TIMESTAMP(timezone=True), nullable=True)),
    ("import_row", sa.Column("changed", postgresql.ARRAY(sa.TEXT()), nullable=True)),
    ("listing", sa.Column("withdrawn_in", sa.BigInteger(), nullable=True)),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, column in NEW:
        op.add_column(table, column, schema="modiste")
    # Summaries that stand are as old as what they say: now() would make all of them changed at once.
    op.add_column(
        "listing_summary",
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        schema="modiste",
    )
    op.execute("UPDATE modiste.listing_summary SET changed_at = enriched_at")
    op.create_index(
        op.f("listing_withdrawn_in_idx"),
        "listing",
        ["withdrawn_in"],
        schema="modiste",
        postgresql_where=sa.text("withdrawn_in IS NOT NULL"),
    )
    allow_shard_states(*BEFORE, "paused")
    replace_function("0004_summaries.sql")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    replace_function("0003_summaries.sql")
    op.execute("UPDATE modiste.shard SET state = 'queued', sent_at = NULL WHERE state = 'paused'")
    allow_shard_states(*BEFORE)
    op.drop_index(op.f("listing_withdrawn_in_idx"), "listing", schema="modiste")
    op.drop_column("listing_summary", "changed_at", schema="modiste")
    for table, column in reversed(NEW):
        op.drop_column(table, column.name, schema="modiste")


def allow_shard_states(*states: str) -> None:
    allowed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint(op.f("shard_state_check"), "shard", schema="modiste", type_="check")
    op.create_check_constraint(op.f("shard_state_check"), "shard", f"state IN ({allowed})", schema="modiste")


def replace_function(file: str) -> None:
    op.get_bind().exec_driver_sql((SQL / file).read_text().replace("%", "%%"))
