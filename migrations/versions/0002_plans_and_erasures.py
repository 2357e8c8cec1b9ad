"""Feeds handed in over HTTP wait in `plan`; what was erased and has still to leave the store waits in `erasure`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "plan",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("feed_url", sa.TEXT(), nullable=True),
        sa.Column("feed_file", sa.TEXT(), nullable=True),
        sa.Column("photos_file", sa.TEXT(), nullable=True),
        sa.Column("columns", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["import_id"], ["modiste.import.id"], name=op.f("plan_import_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("plan_pkey")),
        schema="modiste",
        comment="A feed that was handed in and waits to be planned, under a lease and a fencing token like a shard's.",
    )
    op.create_table(
        "erasure",
        sa.Column("sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("erased_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("erasure_pkey")),
        schema="modiste",
        comment="A photo content that was erased from the tables and whose files in the store have still to go.",
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("erasure", schema="modiste")
    op.drop_table("plan", schema="modiste")
