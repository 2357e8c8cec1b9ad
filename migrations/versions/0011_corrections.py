"""What people say is true of a listing: a row each, which counts before what any model version says."""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).resolve().parent.parent / "sql"
NEW = (
    "VIEW modiste.listing_correction",
    "FUNCTION modiste.undo_correction(bigint)",
    "FUNCTION modiste.correct_listing(bigint, text, text, text, bigint)",
    "FUNCTION modiste.correctable_words(jsonb, text)",
    "FUNCTION modiste.place_corrected(bigint[])",
    "FUNCTION modiste.standing_corrections(bigint[])",
)
TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "correction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=True),
        sa.Column("field", sa.TEXT(), nullable=False),
        sa.Column("was", sa.TEXT(), nullable=True),
        sa.Column("now", sa.TEXT(), nullable=True),
        sa.Column("who", sa.TEXT(), nullable=False),
        sa.Column("made_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", TIME, nullable=True),
        sa.CheckConstraint("field <> 'category' OR now IS NOT NULL", name=op.f("correction_now_check")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["modiste.listing.id"], name=op.f("correction_listing_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["modiste.photo.id"], name=op.f("correction_photo_id_fkey"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("correction_pkey")),
        schema="modiste",
        comment="What a person said is true of a listing, or that it is right (was = now).",
    )
    for column in ("listing_id", "photo_id"):
        op.create_index(op.f(f"correction_{column}_idx"), "correction", [column], unique=False, schema="modiste")
    run((SQL / "0011_corrections.sql").read_text())
    run((SQL / "0011_summaries.sql").read_text())
    run("SELECT modiste.grant_reading()")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    run((SQL / "0006_summaries.sql").read_text())
    earlier = (SQL / "0009_reading.sql").read_text()
    grants = re.search(r"FUNCTION modiste\.missing_grants\(\).*?\n\$\$;", earlier, re.DOTALL)
    if grants is None:
        raise LookupError("0009_reading.sql has no missing_grants")
    run(f"CREATE OR REPLACE {grants.group()}")
    for thing in NEW:
        op.execute(f"DROP {thing}")
    op.drop_table("correction", schema="modiste")


def run(statements: str) -> None:
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
