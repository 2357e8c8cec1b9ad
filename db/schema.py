"""The tables of schema `modiste`. One table more per model version, `embedding_N`, is made by `db.models`."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, REAL, TEXT, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger, Integer

from db.states import ImportState, KeyScope, Lane, ModelState, PhotoState, Reason, RowOutcome, ShardState

SCHEMA = "modiste"
NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Types by annotation: text, bigint and timestamptz are the defaults. Docstrings open with the table's comment."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        str: TEXT,
        int: BigInteger,
        float: REAL,
        bytes: BYTEA,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(TEXT),
        list[float]: ARRAY(REAL),
        list[int]: ARRAY(BigInteger),
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        assert isinstance(cls.__table__, Table)
        cls.__table__.comment = (cls.__doc__ or "").splitlines()[0]


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A closed set as a check, which a later migration can widen without rewriting the table."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def key() -> Mapped[int]:
    return mapped_column(Identity(always=True), primary_key=True)


def count() -> Mapped[int]:
    return mapped_column(Integer, server_default="0")


def now() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


# What a listing is found by; `db.browsing` asks with the same expression, or the index is of no use.
LISTING_WORDS = (
    "to_tsvector('simple'::regconfig, (((COALESCE(title, ''::text) || ' '::text) || COALESCE(brand, ''::text)) "
    "|| ' '::text) || external_id)"
)


class Catalogue(Base):
    """A named set of listings."""

    __tablename__ = "catalogue"

    name: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = now()


class ModelVersion(Base):
    """A registered model, at most one of them active; its vectors are in the table embedding_<id>.

    `index_built_at` is empty until the HNSW index of that table is valid; until then searches are exact.
    """

    __tablename__ = "model_version"
    __table_args__ = (
        one_of("state", ModelState),
        CheckConstraint("embedding_dim BETWEEN 1 AND 4000", name="embedding_dim"),
        # `active` is checked by the database, not by care: two versions can never both be.
        Index("model_version_one_active_idx", "state", unique=True, postgresql_where=text("state = 'active'")),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(server_default=ModelState.REGISTERED)
    embedding_dim: Mapped[int] = mapped_column(Integer)
    exclusive_groups: Mapped[list[str]] = mapped_column(server_default="{}")
    manifest: Mapped[dict[str, Any]]
    registered_at: Mapped[datetime] = now()
    activated_at: Mapped[datetime | None]
    index_built_at: Mapped[datetime | None]


class CategoryIndex(Base):
    """A category whose vectors have an HNSW index of their own, once `built_at` is set."""

    __tablename__ = "category_index"
    __table_args__ = (UniqueConstraint("model_version_id", "category"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id", ondelete="CASCADE"))
    category: Mapped[str]
    built_at: Mapped[datetime | None]


class Import(Base):
    """One run over a feed, with the counters that make its progress O(1) to read.

    photos_total = photos_enriched + photos_quarantined + photos_cancelled + those still pending.
    `photos_inferred` of the enriched went through the network; the others were known by their content.
    One in the lane `backfill` has no feed and no photo belongs to it: it puts contents to work (`db.backfills`).
    While `paused_at` is set none of its shards is handed out. `whole`: the feed is all the catalogue has, and other
    listings become unavailable, unless they are more than `withdraw_share_max` of those available. `refetch`: URLs
    that are known are asked again whether they changed.
    """

    __tablename__ = "import"
    __table_args__ = (one_of("state", ImportState), one_of("lane", Lane), Index(None, "catalogue"))

    id: Mapped[int] = key()
    catalogue: Mapped[str] = mapped_column(ForeignKey("catalogue.name", onupdate="CASCADE"))
    feed: Mapped[str]
    lane: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=ImportState.PLANNING)
    model_version_id: Mapped[int] = mapped_column(Integer, ForeignKey("model_version.id"))
    error: Mapped[str | None]
    rows_new: Mapped[int] = count()
    rows_changed: Mapped[int] = count()
    rows_unchanged: Mapped[int] = count()
    rows_continued: Mapped[int] = count()
    rows_rejected: Mapped[int] = count()
    photos_total: Mapped[int] = count()
    photos_enriched: Mapped[int] = count()
    photos_quarantined: Mapped[int] = count()
    photos_cancelled: Mapped[int] = count()
    photos_inferred: Mapped[int] = count()
    whole: Mapped[bool] = mapped_column(server_default="false")
    withdraw_share_max: Mapped[float] = mapped_column(server_default="0.2")
    listings_withdrawn: Mapped[int] = count()
    refetch: Mapped[bool] = mapped_column(server_default="false")
    paused_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = now()
    planner_seen_at: Mapped[datetime] = now()
    planned_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportRow(Base):
    """What became of each row of a feed: the import's report."""

    __tablename__ = "import_row"
    __table_args__ = (
        one_of("outcome", RowOutcome),
        CheckConstraint("(outcome = 'rejected') = (reason IS NOT NULL)", name="reason"),
        Index(None, "import_id", "external_id"),
    )

    # No foreign key, here and in `photo`: its check cost more than writing the row (migration 0005).
    import_id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    external_id: Mapped[str | None]
    outcome: Mapped[str]
    column_name: Mapped[str | None]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    changed: Mapped[list[str] | None]  # fields and metadata of a changed row, `photos` among them


class Listing(Base):
    """One thing for sale: what the seller said of it. Stable for joins.

    `withdrawn_in` is the import whose feed was all there is and no longer had it; it is unavailable since.
    """

    __tablename__ = "listing"
    __table_args__ = (
        UniqueConstraint("catalogue", "external_id"),
        Index(None, "catalogue", "brand"),
        Index(None, "catalogue", "seller_category"),
        Index(None, "catalogue", "price"),
        Index(None, "metadata", postgresql_using="gin", postgresql_ops={"metadata": "jsonb_path_ops"}),
        Index("listing_words_idx", text(LISTING_WORDS), postgresql_using="gin"),
        Index(None, "withdrawn_in", postgresql_where=text("withdrawn_in IS NOT NULL")),
        # most changes are prices and availability: leave room for them on the page
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[int] = key()
    catalogue: Mapped[str] = mapped_column(ForeignKey("catalogue.name", onupdate="CASCADE"))
    external_id: Mapped[str]
    title: Mapped[str | None]
    brand: Mapped[str | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    currency: Mapped[str | None]
    gender: Mapped[str | None]
    colour: Mapped[str | None]
    size: Mapped[str | None]
    seller: Mapped[str | None]
    seller_category: Mapped[str | None]
    available: Mapped[bool] = mapped_column(server_default="true")
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    row_hash: Mapped[bytes]
    withdrawn_in: Mapped[int | None]
    created_at: Mapped[datetime] = now()
    updated_at: Mapped[datetime] = now()


class Content(Base):
    """The bytes of a photo, known by SHA-256; many photos may show the same content.

    `fingerprint`: 96 bytes that nearly agree where two contents show the same photo; empty where none was computed.
    """

    __tablename__ = "content"
    __table_args__ = (CheckConstraint("octet_length(sha256) = 32", name="sha256"),)

    id: Mapped[int] = key()
    sha256: Mapped[bytes] = mapped_column(unique=True)
    size_bytes: Mapped[int]
    width_px: Mapped[int | None] = mapped_column(Integer)
    height_px: Mapped[int | None] = mapped_column(Integer)
    fingerprint: Mapped[bytes | None]
    created_at: Mapped[datetime] = now()


class Photo(Base):
    """An image of a listing: pending, enriched, cancelled, or quarantined with a reason.

    `source` is the URL, or the name of the file that came with the feed; `validator` changes when that file does, and
    is of a URL what its server said for asking again (`etag:…` or `modified:…`).
    """

    __tablename__ = "photo"
    __table_args__ = (
        UniqueConstraint("listing_id", "source"),
        one_of("state", PhotoState),
        one_of("reason", Reason),
        CheckConstraint("(state = 'quarantined') = (reason IS NOT NULL)", name="quarantined"),
        CheckConstraint("state <> 'enriched' OR content_id IS NOT NULL", name="enriched"),
        # Both are read without the table, for each listing that a question compares or walks past.
        Index(None, "content_id", postgresql_include=["id", "listing_id", "state"]),
        Index(
            None,
            "listing_id",
            postgresql_include=["id", "content_id", "state"],
            postgresql_where=text("content_id IS NOT NULL"),
        ),
        Index("photo_unfinished_idx", "import_id", postgresql_where=text("state IN ('pending', 'quarantined')")),
    )

    id: Mapped[int] = key()
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[str]
    validator: Mapped[str | None]
    content_id: Mapped[int | None] = mapped_column(ForeignKey("content.id"))
    state: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    import_id: Mapped[int]
    updated_at: Mapped[datetime] = now()


class Shard(Base):
    """The unit of work a worker takes: a bounded group of photos, under a lease and a fencing token.

    In the lane `backfill` a photo stands for its content, whatever its own state; `tries` is how often each was tried.
    """

    __tablename__ = "shard"
    __table_args__ = (
        one_of("state", ShardState),
        one_of("lane", Lane),
        Index(None, "import_id"),
        # not on lease_until: a heartbeat must stay a HOT update
        Index("shard_open_idx", "lane", "id", postgresql_where=text("state IN ('queued', 'leased')")),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[int] = key()
    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"))
    model_version_id: Mapped[int] = mapped_column(Integer, ForeignKey("model_version.id"))
    lane: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=ShardState.QUEUED)
    photo_ids: Mapped[list[int]]
    token: Mapped[int] = mapped_column(server_default="0")
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime] = now()
    sent_at: Mapped[datetime | None]
    work_s: Mapped[float | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = now()
    finished_at: Mapped[datetime | None]


class Plan(Base):
    """A feed that was handed in and waits to be planned, under a lease and a fencing token like a shard's.

    `feed_file` and `photos_file` name files of the store's feeds; a feed at `feed_url` is put there when it is fetched.
    The row goes when its feed is planned: what came of it is in the import. With `preview` a worker only looks at the
    feed and leaves its `forecast`; the row waits then until a person starts the import or discards it.
    """

    __tablename__ = "plan"

    import_id: Mapped[int] = mapped_column(ForeignKey("import.id", ondelete="CASCADE"), primary_key=True)
    feed_url: Mapped[str | None]
    feed_file: Mapped[str | None]
    photos_file: Mapped[str | None]
    columns: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    token: Mapped[int] = mapped_column(server_default="0")
    attempt: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime] = now()
    sent_at: Mapped[datetime | None]
    preview: Mapped[bool] = mapped_column(server_default="false")
    forecast: Mapped[dict[str, Any] | None]


class Erasure(Base):
    """A photo content that was erased from the tables and whose files in the store have still to go."""

    __tablename__ = "erasure"

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime] = now()


class Enrichment(Base):
    """What one model version says of one content: categories most probable first, attributes as group:value."""

    __tablename__ = "enrichment"

    content_id: Mapped[int] = mapped_column(ForeignKey("content.id"), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(Integer, ForeignKey("model_version.id"), primary_key=True)
    categories: Mapped[list[str]]
    category_scores: Mapped[list[float]]
    abstained: Mapped[bool]
    attributes: Mapped[list[str]]
    attribute_scores: Mapped[list[float]]
    enriched_at: Mapped[datetime] = now()


class ListingSummary(Base):
    """What one model version says of a listing, over all its photos. Read it as the view listing_enrichment.

    `changed_at`: begin of the transaction that last changed a word of it.
    """

    __tablename__ = "listing_summary"
    __table_args__ = (
        Index(None, "model_version_id", "category"),
        Index(None, "attributes", postgresql_using="gin"),
    )

    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id", ondelete="CASCADE"), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(Integer, ForeignKey("model_version.id"), primary_key=True)
    category: Mapped[str]
    category_score: Mapped[float]
    abstained: Mapped[bool]
    corrected: Mapped[bool] = mapped_column(server_default="false")
    attributes: Mapped[list[str]]
    attribute_scores: Mapped[list[float]]
    photos: Mapped[int] = mapped_column(Integer)
    enriched_at: Mapped[datetime]
    changed_at: Mapped[datetime] = now()


class Correction(Base):
    """What a person said is true of a listing, or that it is right (was = now).

    `field`: category, or an attribute group; `now` is empty where none of the group's words is true. `photo_id` is the
    photo that was looked at. The last row of a field that nobody took back (`undone_at`) counts.
    """

    __tablename__ = "correction"
    __table_args__ = (
        CheckConstraint("field <> 'category' OR now IS NOT NULL", name="now"),
        Index(None, "listing_id"),
        Index(None, "photo_id"),
    )

    id: Mapped[int] = key()
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id", ondelete="CASCADE"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id", ondelete="SET NULL"))
    field: Mapped[str]
    was: Mapped[str | None]
    now: Mapped[str | None]
    who: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())  # `now` is a column here
    undone_at: Mapped[datetime | None]


class RecallCheck(Base):
    """How much of what comparing everything finds similar_listings found: a row a check and filter.

    `filter` is what was asked, `inside` whether by listings that pass it, `kept_share` how much of the catalogue's
    available listings it keeps and `estimated_share` what the planner takes that for. `recall`: share of the first k
    found, mean over `queries`, and `below_half` of them found less than half. Empty, with the times, where no
    comparison came to an end within the check's time.
    """

    __tablename__ = "recall_check"
    __table_args__ = (Index(None, "model_version_id", "checked_at"),)

    id: Mapped[int] = key()
    checked_at: Mapped[datetime] = now()
    model_version_id: Mapped[int] = mapped_column(Integer, ForeignKey("model_version.id", ondelete="CASCADE"))
    filter: Mapped[dict[str, Any]]
    inside: Mapped[bool]
    kept_share: Mapped[float]
    estimated_share: Mapped[float]
    k: Mapped[int] = mapped_column(Integer)
    queries: Mapped[int] = mapped_column(Integer)
    below_half: Mapped[int] = mapped_column(Integer)
    recall: Mapped[float | None]
    p50_ms: Mapped[float | None]
    p95_ms: Mapped[float | None]


class ApiKey(Base):
    """A key to the HTTP API and the pages.

    `hash`: SHA-256 of the token, which is kept nowhere; `prefix`: its first characters, to recognise it by.
    `last_used_at` is right to the hour. An expired key still stands: only revoking takes it away.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        one_of("scope", KeyScope),
        CheckConstraint("octet_length(hash) = 32", name="hash"),
        UniqueConstraint("hash"),
        Index(None, "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[int] = key()
    name: Mapped[str]
    scope: Mapped[str]
    hash: Mapped[bytes]
    prefix: Mapped[str]
    created_at: Mapped[datetime] = now()
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
