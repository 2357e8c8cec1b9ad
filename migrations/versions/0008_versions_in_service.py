"""A second version beside the active one: backfill, canary, rollback, retirement.

A backfill's shard counts the tries of its photos itself, as those in `photo` are the import's that the photo belongs to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("shard", sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False), schema="modiste")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    cancel_backfills()
    make_dropped_tables()
    op.drop_column("shard", "tries", schema="modiste")


def cancel_backfills() -> None:
    """What was there before does not know how to work on them."""
    op.execute("""
        UPDATE modiste.shard SET state = 'cancelled', token = token + 1, lease_until = NULL, finished_at = now()
        WHERE lane = 'backfill' AND state IN ('queued', 'paused', 'leased')
    """)
    op.execute("""
        UPDATE modiste.import SET state = 'cancelled', paused_at = NULL, finished_at = now(),
            photos_cancelled = photos_total - photos_enriched - photos_quarantined
        WHERE lane = 'backfill' AND finished_at IS NULL
    """)


def make_dropped_tables() -> None:
    """What was there before looks for erased contents in the table of every version; those of retired ones are gone."""
    connection = op.get_bind()
    schema = connection.scalar(
        sa.text("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
    )
    retired = connection.execute(sa.text("SELECT id, embedding_dim FROM modiste.model_version WHERE state = 'retired'"))
    for version_id, embedding_dim in retired.all():
        connection.exec_driver_sql(f"""
            CREATE TABLE IF NOT EXISTS modiste.embedding_{version_id} (
                content_id bigint PRIMARY KEY, category text NOT NULL, vec {schema}.halfvec({embedding_dim}) NOT NULL)
        """)
