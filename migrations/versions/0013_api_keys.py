"""API keys: a row each, of which only the token's hash is kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Nothing is granted: the role modiste_reader is given its tables by name, and this is none of them."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.TEXT(), nullable=False),
        sa.Column("scope", sa.TEXT(), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.Column("prefix", sa.TEXT(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.CheckConstraint("scope IN ('read', 'import', 'admin')", name=op.f("api_key_scope_check")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("api_key_hash_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("hash", name=op.f("api_key_hash_key")),
        schema="modiste",
        comment="A key to the HTTP API and the pages.",
    )
    op.create_index(
        op.f("api_key_name_idx"),
        "api_key",
        ["name"],
        unique=True,
        schema="modiste",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("api_key", schema="modiste")
