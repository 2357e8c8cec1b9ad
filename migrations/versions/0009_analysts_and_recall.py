"""A role that may only read, views for whoever writes SQL, and the measured recall of searches."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).resolve().parent.parent / "sql"
NEW = (
    "FUNCTION modiste.exact_listings(bigint, integer, jsonb)",
    "FUNCTION modiste.count_kept(integer, jsonb)",
    "FUNCTION modiste.grant_reading()",
    "FUNCTION modiste.missing_grants()",
    "VIEW modiste.import_counts",
    "VIEW modiste.listing_attribute",
    "VIEW modiste.listing_photo",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "recall_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("checked_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("kept_share", sa.REAL(), nullable=False),
        sa.Column("estimated_share", sa.REAL(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("below_half", sa.Integer(), nullable=False),
        sa.Column("recall", sa.REAL(), nullable=True),
        sa.Column("p50_ms", sa.REAL(), nullable=True),
        sa.Column("p95_ms", sa.REAL(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["modiste.model_version.id"],
            name=op.f("recall_check_model_version_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("recall_check_pkey")),
        schema="modiste",
        comment="How much of what comparing everything finds similar_listings found: a row a check and filter.",
    )
    op.create_index(
        op.f("recall_check_model_version_id_checked_at_idx"),
        "recall_check",
        ["model_version_id", "checked_at"],
        unique=False,
        schema="modiste",
    )
    run((SQL / "0009_recall.sql").read_text())
    run((SQL / "0009_reading.sql").read_text())
    run("SELECT modiste.grant_reading()")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for thing in NEW:
        op.execute(f"DROP {thing}")
    op.drop_table("recall_check", schema="modiste")
    run((SQL / "0009_no_reading.sql").read_text())


def run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements.replace("{vector}", vector_schema()).replace("%", "%%"))


def vector_schema() -> str:
    return str(
        op.get_bind().scalar(
            sa.text("""
                SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                WHERE e.extname = 'vector'
            """)
        )
    )
