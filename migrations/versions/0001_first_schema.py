"""The first schema: tables, the listing_enrichment view, and the similarity functions.

The functions stand in migrations/sql/, in files that are never changed once released: a later migration brings its own.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


SQL = Path(__file__).resolve().parent.parent / "sql"


def vector_schema() -> str:
    """The schema of the pgvector extension, installed where it is missing and where that is allowed."""
    connection = op.get_bind()
    found = sa.text("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
    schema = connection.scalar(found)
    if schema is None:
        op.execute("CREATE EXTENSION vector SCHEMA public")
        schema = connection.scalar(found)
    return str(schema)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    schema = vector_schema()
    op.create_table(
        "catalogue",
        sa.Column("name", sa.TEXT(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("catalogue_pkey")),
        schema="modiste",
        comment="A named set of listings.",
    )
    op.create_table(
        "content",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=True),
        sa.Column("height_px", sa.Integer(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("content_sha256_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("content_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("content_sha256_key")),
        schema="modiste",
        comment="The bytes of a photo, known by SHA-256; many photos may show the same content.",
    )
    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.TEXT(), nullable=False),
        sa.Column("state", sa.TEXT(), server_default="registered", nullable=False),
        sa.Column("embedding_dim", sa.Integer(), nullable=False),
        sa.Column("exclusive_groups", postgresql.ARRAY(sa.TEXT()), server_default="{}", nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "registered_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("activated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("index_built_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('registered', 'active', 'retired')", name=op.f("model_version_state_check")),
        sa.CheckConstraint("embedding_dim BETWEEN 1 AND 4000", name=op.f("model_version_embedding_dim_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("model_version_pkey")),
        sa.UniqueConstraint("name", name=op.f("model_version_name_key")),
        schema="modiste",
        comment="A registered model, at most one of them active; its vectors are in the table embedding_<id>.",
    )
    op.create_index(
        "model_version_one_active_idx",
        "model_version",
        ["state"],
        unique=True,
        schema="modiste",
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "enrichment",
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("category_scores", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("attributes", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("attribute_scores", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column(
            "enriched_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["content_id"], ["modiste.content.id"], name=op.f("enrichment_content_id_fkey")),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["modiste.model_version.id"], name=op.f("enrichment_model_version_id_fkey")
        ),
        sa.PrimaryKeyConstraint("content_id", "model_version_id", name=op.f("enrichment_pkey")),
        schema="modiste",
        comment="What one model version says of one content: categories most probable first, attributes as group:value.",
    )
    op.create_table(
        "import",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("catalogue", sa.TEXT(), nullable=False),
        sa.Column("feed", sa.TEXT(), nullable=False),
        sa.Column("lane", sa.TEXT(), nullable=False),
        sa.Column("state", sa.TEXT(), server_default="planning", nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("error", sa.TEXT(), nullable=True),
        sa.Column("rows_new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_continued", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos_enriched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos_quarantined", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos_cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photos_inferred", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "planner_seen_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("planned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("lane IN ('interactive', 'bulk', 'backfill')", name=op.f("import_lane_check")),
        sa.CheckConstraint(
            "state IN ('planning', 'running', 'done', 'failed', 'cancelled')", name=op.f("import_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["catalogue"], ["modiste.catalogue.name"], name=op.f("import_catalogue_fkey"), onupdate="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["modiste.model_version.id"], name=op.f("import_model_version_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("import_pkey")),
        schema="modiste",
        comment="One run over a feed, with the counters that make its progress O(1) to read.",
    )
    op.create_index(op.f("import_catalogue_idx"), "import", ["catalogue"], unique=False, schema="modiste")
    op.create_table(
        "listing",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("catalogue", sa.TEXT(), nullable=False),
        sa.Column("external_id", sa.TEXT(), nullable=False),
        sa.Column("title", sa.TEXT(), nullable=True),
        sa.Column("brand", sa.TEXT(), nullable=True),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("currency", sa.TEXT(), nullable=True),
        sa.Column("gender", sa.TEXT(), nullable=True),
        sa.Column("colour", sa.TEXT(), nullable=True),
        sa.Column("size", sa.TEXT(), nullable=True),
        sa.Column("seller", sa.TEXT(), nullable=True),
        sa.Column("seller_category", sa.TEXT(), nullable=True),
        sa.Column("available", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("row_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalogue"], ["modiste.catalogue.name"], name=op.f("listing_catalogue_fkey"), onupdate="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("listing_pkey")),
        sa.UniqueConstraint("catalogue", "external_id", name=op.f("listing_catalogue_external_id_key")),
        schema="modiste",
        comment="One thing for sale: what the seller said of it. Stable for joins.",
        postgresql_with={"fillfactor": "85"},
    )
    op.create_index(
        op.f("listing_catalogue_brand_idx"), "listing", ["catalogue", "brand"], unique=False, schema="modiste"
    )
    op.create_index(
        op.f("listing_catalogue_price_idx"), "listing", ["catalogue", "price"], unique=False, schema="modiste"
    )
    op.create_index(
        op.f("listing_catalogue_seller_category_idx"),
        "listing",
        ["catalogue", "seller_category"],
        unique=False,
        schema="modiste",
    )
    op.create_index(
        op.f("listing_metadata_idx"),
        "listing",
        ["metadata"],
        unique=False,
        schema="modiste",
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    )
    op.create_table(
        "import_row",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.TEXT(), nullable=True),
        sa.Column("outcome", sa.TEXT(), nullable=False),
        sa.Column("column_name", sa.TEXT(), nullable=True),
        sa.Column("reason", sa.TEXT(), nullable=True),
        sa.Column("detail", sa.TEXT(), nullable=True),
        sa.CheckConstraint("(outcome = 'rejected') = (reason IS NOT NULL)", name=op.f("import_row_reason_check")),
        sa.CheckConstraint(
            "outcome IN ('new', 'changed', 'unchanged', 'continued', 'rejected')",
            name=op.f("import_row_outcome_check"),
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["modiste.import.id"], name=op.f("import_row_import_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("import_row_pkey")),
        schema="modiste",
        comment="What became of each row of a feed: the import's report.",
    )
    op.create_index(
        op.f("import_row_import_id_external_id_idx"),
        "import_row",
        ["import_id", "external_id"],
        unique=False,
        schema="modiste",
    )
    op.create_table(
        "listing_summary",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.TEXT(), nullable=False),
        sa.Column("category_score", sa.REAL(), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("corrected", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attributes", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("attribute_scores", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("enriched_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"],
            ["modiste.listing.id"],
            name=op.f("listing_summary_listing_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["modiste.model_version.id"],
            name=op.f("listing_summary_model_version_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("listing_id", "model_version_id", name=op.f("listing_summary_pkey")),
        schema="modiste",
        comment="What one model version says of a listing, over all its photos. Read it as the view listing_enrichment.",
    )
    op.create_index(
        op.f("listing_summary_attributes_idx"),
        "listing_summary",
        ["attributes"],
        unique=False,
        schema="modiste",
        postgresql_using="gin",
    )
    op.create_index(
        op.f("listing_summary_model_version_id_category_idx"),
        "listing_summary",
        ["model_version_id", "category"],
        unique=False,
        schema="modiste",
    )
    op.create_table(
        "photo",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.TEXT(), nullable=False),
        sa.Column("validator", sa.TEXT(), nullable=True),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.TEXT(), nullable=False),
        sa.Column("reason", sa.TEXT(), nullable=True),
        sa.Column("detail", sa.TEXT(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(state = 'quarantined') = (reason IS NOT NULL)", name=op.f("photo_quarantined_check")),
        sa.CheckConstraint(
            "reason IN ('not_an_image', 'truncated', 'damaged', 'decompression_bomb', 'too_small', 'too_large', 'unsupported_format', 'unsupported_mode', 'empty', 'not_found', 'gone', 'forbidden', 'bad_url', 'refused_host', 'http_error', 'rate_limited', 'server_error', 'too_many_redirects', 'bad_response', 'timeout', 'dns', 'connection', 'crashed_worker')",
            name=op.f("photo_reason_check"),
        ),
        sa.CheckConstraint("state <> 'enriched' OR content_id IS NOT NULL", name=op.f("photo_enriched_check")),
        sa.CheckConstraint(
            "state IN ('pending', 'enriched', 'cancelled', 'quarantined')", name=op.f("photo_state_check")
        ),
        sa.ForeignKeyConstraint(["content_id"], ["modiste.content.id"], name=op.f("photo_content_id_fkey")),
        sa.ForeignKeyConstraint(["import_id"], ["modiste.import.id"], name=op.f("photo_import_id_fkey")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["modiste.listing.id"], name=op.f("photo_listing_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("photo_pkey")),
        sa.UniqueConstraint("listing_id", "source", name=op.f("photo_listing_id_source_key")),
        schema="modiste",
        comment="An image of a listing: pending, enriched, cancelled, or quarantined with a reason.",
    )
    op.create_index(op.f("photo_content_id_idx"), "photo", ["content_id"], unique=False, schema="modiste")
    op.create_index(
        "photo_unfinished_idx",
        "photo",
        ["import_id"],
        unique=False,
        schema="modiste",
        postgresql_where=sa.text("state IN ('pending', 'quarantined')"),
    )
    op.create_table(
        "shard",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("lane", sa.TEXT(), nullable=False),
        sa.Column("state", sa.TEXT(), server_default="queued", nullable=False),
        sa.Column("photo_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("worker", sa.TEXT(), nullable=True),
        sa.Column("lease_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("work_s", sa.REAL(), nullable=True),
        sa.Column("error", sa.TEXT(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("lane IN ('interactive', 'bulk', 'backfill')", name=op.f("shard_lane_check")),
        sa.CheckConstraint(
            "state IN ('queued', 'leased', 'done', 'split', 'cancelled')", name=op.f("shard_state_check")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["modiste.import.id"], name=op.f("shard_import_id_fkey"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["modiste.model_version.id"], name=op.f("shard_model_version_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shard_pkey")),
        schema="modiste",
        comment="The unit of work a worker takes: a bounded group of photos, under a lease and a fencing token.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(op.f("shard_import_id_idx"), "shard", ["import_id"], unique=False, schema="modiste")
    op.create_index(
        "shard_open_idx",
        "shard",
        ["lane", "id"],
        unique=False,
        schema="modiste",
        postgresql_where=sa.text("state IN ('queued', 'leased')"),
    )
    for name in ("summaries", "filters", "similarity"):
        statements = (SQL / f"0001_{name}.sql").read_text().replace("{vector}", schema)
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def downgrade() -> None:
    """Drops everything that modiste made, the vector tables included."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        DO $$
        DECLARE
            thing text;
        BEGIN
            DROP VIEW modiste.listing_enrichment;
            FOR thing IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'modiste'::regnamespace LOOP
                EXECUTE 'DROP FUNCTION ' || thing || ' CASCADE';
            END LOOP;
            DROP TYPE modiste.similar_listing, modiste.near_listing;
            FOR thing IN SELECT oid::regclass FROM pg_class
                         WHERE relnamespace = 'modiste'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
            LOOP
                EXECUTE 'DROP TABLE ' || thing || ' CASCADE';
            END LOOP;
        END
        $$
        """
    )
