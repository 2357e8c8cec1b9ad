"""Modes, folding, diversity, and more ways to ask for similar listings."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None: ...


def downgrade() -> None: ...
