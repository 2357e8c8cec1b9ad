"""A feed that was handed in may be looked at first: what its import would do, told before anything is changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

BEFORE = ("planning", "running", "done", "failed", "cancelled")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("plan", sa.Column("preview", sa.Boolean(), server_default="false", nullable=False), schema="modiste")
    op.add_column("plan", sa.Column("forecast", postgresql.JSONB(), nullable=True), schema="modiste")
    allow(*BEFORE, "previewed")


def downgrade() -> None:
    """Whoever waited for a person's word is ended: nothing of it was taken."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        UPDATE modiste.import SET state = 'cancelled', finished_at = now()
        WHERE state = 'previewed' OR id IN (SELECT import_id FROM modiste.plan WHERE preview)
    """)
    op.execute("DELETE FROM modiste.plan WHERE preview")
    allow(*BEFORE)
    op.drop_column("plan", "forecast", schema="modiste")
    op.drop_column("plan", "preview", schema="modiste")


def allow(*states: str) -> None:
    """Checked row by row as rows are written, and of those that are there without keeping anybody from writing."""
    listed = ", ".join(f"'{state}'" for state in states)
    op.execute("ALTER TABLE modiste.import DROP CONSTRAINT import_state_check")
    op.execute(f"ALTER TABLE modiste.import ADD CONSTRAINT import_state_check CHECK (state IN ({listed}))")
