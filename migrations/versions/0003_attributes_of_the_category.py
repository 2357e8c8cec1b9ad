"""A listing is said to have only attributes that apply to its category, and a category that a person corrected stays.

Summaries that stand already are put right here: whoever's photos do not change would otherwise never be looked at again.
As a group applies or does not, whole, this needs no look at photos: one pass over `listing_summary`, which rewrites only
the rows that say something they should not.
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


SQL = Path(__file__).resolve().parent.parent / "sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Whoever writes summaries has locked their listings before: it waits here, and then calls the new function.
    # Without this it could write what the old one says after the pass below, or meet it in a deadlock. Reading goes on.
    op.execute("LOCK TABLE modiste.listing IN EXCLUSIVE MODE")
    replace_function((SQL / "0003_summaries.sql").read_text())
    op.execute(
        """
        WITH narrow AS MATERIALIZED (
            SELECT v.id AS model_version_id, jsonb_object_agg(label ->> 'name', label -> 'categories') AS groups
            FROM modiste.model_version v,
                 jsonb_path_query(v.manifest, '$.labels.groups[*] ? (@.categories.size() > 0)') AS label
            GROUP BY v.id
        )
        UPDATE modiste.listing_summary s
        SET (attributes, attribute_scores) = (
            SELECT coalesce(array_agg(attribute ORDER BY place), '{}'), coalesce(array_agg(score ORDER BY place), '{}')
            FROM unnest(s.attributes, s.attribute_scores) WITH ORDINALITY AS said (attribute, score, place)
            WHERE coalesce(n.groups -> split_part(attribute, ':', 1) ? s.category, true))
        FROM narrow n
        WHERE n.model_version_id = s.model_version_id
          AND EXISTS (SELECT FROM unnest(s.attributes) AS said (attribute)
                      WHERE NOT coalesce(n.groups -> split_part(attribute, ':', 1) ? s.category, true))
        """
    )


def downgrade() -> None:
    """The first function again; the attributes it would have kept come back when a listing's photos next change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    first, _, _ = (SQL / "0001_summaries.sql").read_text().partition("COMMENT ON FUNCTION")
    replace_function(first.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def replace_function(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
