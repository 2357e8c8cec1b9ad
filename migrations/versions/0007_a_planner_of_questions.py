"""Similar listings are planned: an estimate, a walk that judges itself on the way, and comparing where that is better.

A filter that keeps many listings, all far from the asked vector, was walked past without a word.
"""

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).resolve().parent.parent / "sql"
NEAREST_BEFORE = "modiste.nearest_listings(integer, {vector}.halfvec, bigint, integer, jsonb, boolean)"
NEW = (
    "modiste.nearest_listings(integer, {vector}.halfvec, bigint, integer, jsonb, double precision)",
    "modiste.indexed_category(integer, jsonb)",
    "modiste.walk(integer, {vector}.halfvec, bigint, integer, jsonb, double precision, text)",
    "modiste.kept_if_many(integer, jsonb)",
    "modiste.estimate_kept(integer, jsonb)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "category_index",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.TEXT(), nullable=False),
        sa.Column("built_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["modiste.model_version.id"],
            name=op.f("category_index_model_version_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("category_index_pkey")),
        sa.UniqueConstraint("model_version_id", "category", name=op.f("category_index_model_version_id_category_key")),
        schema="modiste",
        comment="A category whose vectors have an HNSW index of their own, once `built_at` is set.",
    )
    op.drop_index("photo_content_id_idx", "photo", schema="modiste")
    op.create_index(
        "photo_content_id_idx",
        "photo",
        ["content_id"],
        schema="modiste",
        postgresql_include=["id", "listing_id", "state"],
    )
    op.create_index(
        "photo_listing_id_idx",
        "photo",
        ["listing_id"],
        schema="modiste",
        postgresql_include=["id", "content_id", "state"],
        postgresql_where=sa.text("content_id IS NOT NULL"),
    )
    run((SQL / "0007_similarity.sql").read_text())
    run(f"DROP FUNCTION {NEAREST_BEFORE}; DROP FUNCTION modiste.walk_pays(integer, jsonb)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    run("".join(f"DROP FUNCTION {function};" for function in NEW))
    run(function("walk_pays", "0001_similarity.sql"))
    run(function("nearest_listings", "0006_similarity.sql"))
    run(function("describe_similar", "0001_similarity.sql"))
    op.drop_index("photo_listing_id_idx", "photo", schema="modiste")
    op.drop_index("photo_content_id_idx", "photo", schema="modiste")
    op.create_index("photo_content_id_idx", "photo", ["content_id"], schema="modiste")
    drop_indexes_of_categories()
    op.drop_table("category_index", schema="modiste")


def drop_indexes_of_categories() -> None:
    connection = op.get_bind()
    numbers = connection.execute(sa.text("SELECT model_version_id, id FROM modiste.category_index"))
    for version_id, number in numbers.all():
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS modiste.embedding_{version_id}_vec_{number}_idx")


def function(name: str, file: str) -> str:
    """As an earlier migration made it."""
    found = re.search(rf"FUNCTION modiste\.{name}\(.*?\n\$\$;", (SQL / file).read_text(), re.DOTALL)
    if found is None:
        raise LookupError(f"{file} makes no function {name}")
    return f"CREATE OR REPLACE {found.group()}"


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
