"""Modes, folding, diversity, and more ways to ask for similar listings; fingerprints of photos, which tell the same one.

Contents of before have no fingerprint: of these, only equal bytes or all but equal vectors count as the same photo.
"""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

SQL = Path(__file__).resolve().parent.parent / "sql"
NEW = (
    "similar_batch(bigint[], integer, jsonb, jsonb)",
    "listings_like(text[], integer, jsonb)",
    "similar_to_many(bigint[], bigint[], integer, jsonb, jsonb)",
    "liked_vector(integer, bigint[], bigint[])",
    "refuse_unseen(bigint)",
    "photos_of(integer, bigint)",
    "default_filters(bigint[], jsonb)",
    "colours_of(integer, bigint[])",
    "answer_similar(integer, bigint[], {vector}.halfvec[], bigint[], bigint[], integer, jsonb, jsonb)",
    "describe_similar(integer, bigint[], modiste.chosen_listing[], integer, text)",
    "choose_apart(integer, modiste.chosen_listing[], integer, double precision, boolean)",
    "same_items(integer, bigint[], modiste.chosen_listing[])",
    "nearest_pairs(integer, bigint[], {vector}.halfvec[], bigint[], integer, jsonb)",
    "sharing_photos(integer, bigint[], bigint[])",
    "looks_of(integer, bigint[])",
    "same_photo(bigint, {vector}.halfvec, bigint, {vector}.halfvec, double precision)",
    "colour_word(text[], text)",
)
REPLACED = {
    "filter_condition": "0001_filters.sql",
    "filtered_listings": "0001_similarity.sql",
    "check_question": "0001_similarity.sql",
    "similar_to": "0001_similarity.sql",
    "similar_listings": "0006_similarity.sql",
    "describe_similar": "0007_similarity.sql",
}
DESCRIBED = ("similar_listings", "similar_to")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("content", sa.Column("fingerprint", sa.LargeBinary(), nullable=True), schema="modiste")
    for subject in ("filters", "choosing", "asking", "many"):
        run((SQL / f"0010_{subject}.sql").read_text())


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    run("".join(f"DROP FUNCTION modiste.{function};" for function in NEW))
    run("DROP TYPE modiste.similar_in_batch, modiste.chosen_listing")
    for name, file in REPLACED.items():
        run(f"CREATE OR REPLACE {before(f'FUNCTION modiste.{name}', file, end='$$;')}")
    for name in DESCRIBED:
        run(before(f"COMMENT ON FUNCTION modiste.{name}", "0001_similarity.sql", end="';"))
    op.drop_column("content", "fingerprint", schema="modiste")


def before(start: str, file: str, *, end: str) -> str:
    """A statement as an earlier migration made it."""
    found = re.search(rf"{re.escape(start)}\(.*?{re.escape(end)}$", (SQL / file).read_text(), re.DOTALL | re.MULTILINE)
    if found is None:
        raise LookupError(f"{file} has no {start}")
    return found.group()


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
