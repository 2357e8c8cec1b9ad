"""A second version beside the active one: backfill, canary, rollback, retirement."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None: ...


def downgrade() -> None: ...
