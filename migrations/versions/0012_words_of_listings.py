"""Listings are found by words of their title, brand and seller's id."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# As it is read back from PostgreSQL, so that the check of the schema knows it again.
WORDS = (
    "to_tsvector('simple'::regconfig, (((COALESCE(title, ''::text) || ' '::text) || COALESCE(brand, ''::text)) "
    "|| ' '::text) || external_id)"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "listing_words_idx", "listing", [sa.text(WORDS)], unique=False, schema="modiste", postgresql_using="gin"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("listing_words_idx", table_name="listing", schema="modiste")
