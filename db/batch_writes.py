"""One batch of a planned import, written in few statements, and nothing in it row by row.

What is new goes straight into its table by COPY, under ids that were drawn before; what is known is staged and updated.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from db.batches import Batch, KnownPhoto, PhotoToPlan, Planned
from db.catalogues import lock_listings, stage_contents
from db.copying import copy_rows, stage
from db.listings import ListingData
from db.states import PhotoState

SAID = (
    "external_id, title, brand, price, currency, gender, colour, size, seller, seller_category, available, metadata, "
    "row_hash"
)


def write_batch(
    connection: Connection, *, import_id: int, catalogue: str, model_version_id: int, batch: Batch
) -> Planned:
    """Writes a batch: listings, photos, the report of its rows.

    The caller holds `lock_catalogue`, so that what was new when the batch was compared still is; it makes shards of the
    pending photos, and counts with `db.imports.count_batch`. Locks are taken in the order of
    `db.enrichments.write_shard`: contents, listings, photos, counters.
    """
    stage_contents(connection, [p.content for p in batch.photos if p.content])
    lock_listings(connection, {*batch.known.values(), *batch.touched_listing_ids})
    copy_rows(
        connection,
        "modiste.import_row (import_id, line, external_id, outcome, column_name, reason, detail, changed)",
        ((import_id, r.line, r.external_id, r.outcome, r.column, r.reason, r.detail, r.changed) for r in batch.rows),
    )
    update_listings(connection, batch)
    new = add_listings(connection, catalogue, [listing for listing in batch.listings if is_new(batch, listing[0])])
    touch_listings(connection, batch.touched_listing_ids)
    drop_photos(connection, gone=batch.gone, replaced=batch.replaced)
    planned = plan_photos(connection, import_id, model_version_id, batch, new)
    if batch.touched_listing_ids or planned.recognised:
        with_photos = {(new if p.external_id in new else batch.known)[p.external_id] for p in batch.photos}
        refresh_summaries(connection, with_photos | {*batch.touched_listing_ids})
    return planned


def is_new(batch: Batch, listing: ListingData) -> bool:
    return listing.external_id not in batch.known


def add_listings(
    connection: Connection, catalogue: str, listings: Sequence[tuple[ListingData, bytes]]
) -> dict[str, int]:
    """Copies new listings in; their ids by external id."""
    ids = draw_ids(connection, "listing", len(listings))
    copy_rows(
        connection,
        f"modiste.listing (id, catalogue, {SAID})",
        ((id_, catalogue, *said(data), row_hash) for id_, (data, row_hash) in zip(ids, listings, strict=True)),
    )
    return {data.external_id: id_ for id_, (data, _) in zip(ids, listings, strict=True)}


def draw_ids(connection: Connection, table: str, count: int) -> Sequence[int]:
    """Ids for `count` new rows of a table."""
    if not count:
        return ()
    # One array, which the driver reads in one go, and the sequence looked up once.
    ids: list[int] = connection.execute(
        text("""
            WITH drawn AS MATERIALIZED (SELECT CAST(pg_get_serial_sequence(:table, 'id') AS regclass) AS from_)
            SELECT array_agg(nextval(from_)) FROM drawn, generate_series(1, :count)
        """),
        {"table": f"modiste.{table}", "count": count},
    ).scalar_one()
    return ids


def said(data: ListingData) -> tuple[object, ...]:
    return (
        data.external_id, data.title, data.brand, data.price, data.currency, data.gender, data.colour, data.size,
        data.seller, data.seller_category, data.available, data.metadata,
    )  # fmt: skip


def update_listings(connection: Connection, batch: Batch) -> None:
    """Writes what sellers say otherwise now. A listing that the feed has is not withdrawn any more."""
    changed = [(batch.known[data.external_id], data, h) for data, h in batch.listings if not is_new(batch, data)]
    if not changed:
        return
    stage(
        connection,
        "staged_listing",
        "id bigint, external_id text, title text, brand text, price numeric, currency text, gender text, colour text, "
        "size text, seller text, seller_category text, available boolean, metadata jsonb, row_hash bytea",
        ((id_, *said(data), row_hash) for id_, data, row_hash in changed),
    )
    assignments = ", ".join(f"{column} = s.{column}" for column in SAID.split(", "))
    connection.execute(
        text(f"""
            UPDATE modiste.listing l SET {assignments}, withdrawn_in = NULL, updated_at = now()
            FROM staged_listing s WHERE l.id = s.id
        """)
    )
    connection.execute(text("DROP TABLE staged_listing"))


def touch_listings(connection: Connection, listing_ids: Sequence[int]) -> None:
    """A listing whose photos come or go has changed, also where nothing else in it did: `db.changes` has to tell."""
    if listing_ids:
        connection.execute(
            text("UPDATE modiste.listing SET updated_at = now() WHERE id = ANY (:ids) AND updated_at < now()"),
            {"ids": list(listing_ids)},
        )


def drop_photos(connection: Connection, *, gone: Sequence[KnownPhoto], replaced: Sequence[KnownPhoto]) -> None:
    """Deletes what is gone; a photo that an import still had to do counts as cancelled there."""
    overtaken = [p.id for p in (*gone, *replaced) if p.state is PhotoState.PENDING]
    if overtaken:
        connection.execute(
            text("""
                WITH lost AS (
                    SELECT import_id, count(*) AS n FROM modiste.photo
                    WHERE id = ANY (:ids) AND state = 'pending' GROUP BY import_id
                ), cancelled AS (
                    UPDATE modiste.photo SET state = 'cancelled' WHERE id = ANY (:ids) AND state = 'pending'
                )
                UPDATE modiste.import i SET photos_cancelled = photos_cancelled + lost.n
                FROM lost WHERE i.id = lost.import_id
            """),
            {"ids": overtaken},
        )
    if gone:
        connection.execute(text("DELETE FROM modiste.photo WHERE id = ANY (:ids)"), {"ids": [p.id for p in gone]})


@dataclass(frozen=True, kw_only=True, slots=True)
class _KnownContent:
    """A content's id, and whether the model version in question has enriched it."""

    id: int
    enriched: bool


def plan_photos(
    connection: Connection, import_id: int, model_version_id: int, batch: Batch, new: Mapping[str, int]
) -> Planned:
    """Writes the batch's photos with the state in which they begin. `new`: ids of listings that it brings."""
    digests = {photo.content.sha256 for photo in batch.photos if photo.content}
    contents = known_contents(connection, model_version_id, digests)
    states = [first_state(photo, contents) for photo in batch.photos]
    rows = [
        (
            new[photo.external_id] if photo.external_id in new else batch.known[photo.external_id],
            photo.position,
            photo.source,
            photo.validator,
            photo.content and contents[photo.content.sha256].id,
            state,
            photo.reason,
            photo.detail,
            import_id,
        )
        for photo, state in zip(batch.photos, states, strict=True)
    ]
    fresh = [row for photo, row in zip(batch.photos, rows, strict=True) if photo.external_id in new]
    others = [row for photo, row in zip(batch.photos, rows, strict=True) if photo.external_id not in new]
    return Planned(
        pending_photo_ids=add_photos(connection, fresh) + upsert_photos(connection, others),
        photos=len(rows),
        quarantined=states.count(PhotoState.QUARANTINED),
        recognised=states.count(PhotoState.ENRICHED),
    )


def known_contents(
    connection: Connection, model_version_id: int, digests: Collection[bytes]
) -> dict[bytes, _KnownContent]:
    """Contents by SHA-256."""
    if not digests:
        return {}
    rows = connection.execute(
        text("""
            SELECT c.id, c.sha256, e.content_id IS NOT NULL AS enriched FROM modiste.content c
            LEFT JOIN modiste.enrichment e ON e.content_id = c.id AND e.model_version_id = :version
            WHERE c.sha256 = ANY (:digests)
        """),
        {"version": model_version_id, "digests": list(digests)},
    )
    return {bytes(row.sha256): _KnownContent(id=row.id, enriched=row.enriched) for row in rows}


def first_state(photo: PhotoToPlan, contents: Mapping[bytes, _KnownContent]) -> PhotoState:
    """Enriched where the model version knows its bytes, unless it is asked whether these are still its bytes."""
    if photo.reason:
        return PhotoState.QUARANTINED
    seen = photo.content is not None and contents[photo.content.sha256].enriched
    return PhotoState.ENRICHED if seen and not photo.asked_again else PhotoState.PENDING


PHOTO = "listing_id, position, source, validator, content_id, state, reason, detail, import_id"
STATE = PHOTO.split(", ").index("state")


def add_photos(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Copies photos of new listings in; ids of those that are pending, in the order of the feed."""
    ids = draw_ids(connection, "photo", len(rows))
    copy_rows(connection, f"modiste.photo (id, {PHOTO})", ((id_, *row) for id_, row in zip(ids, rows, strict=True)))
    return [id_ for id_, row in zip(ids, rows, strict=True) if row[STATE] is PhotoState.PENDING]


def upsert_photos(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    """Writes photos of listings that were there, over those of the same source; ids of those that are pending."""
    if not rows:
        return []
    stage(
        connection,
        "staged_photo",
        "listing_id bigint, position smallint, source text, validator text, content_id bigint, state text, "
        "reason text, detail text, import_id bigint",
        rows,
    )
    pending = connection.scalars(
        text(f"""
            WITH planned AS (
                INSERT INTO modiste.photo AS p ({PHOTO})
                SELECT {PHOTO} FROM staged_photo ORDER BY listing_id, source
                ON CONFLICT (listing_id, source) DO UPDATE
                SET position = excluded.position, validator = excluded.validator, content_id = excluded.content_id,
                    state = excluded.state, reason = excluded.reason, detail = excluded.detail, attempts = 0,
                    import_id = excluded.import_id, updated_at = now()
                RETURNING p.id, p.listing_id, p.position, p.state
            )
            SELECT id FROM planned WHERE state = 'pending' ORDER BY listing_id, position, id
        """)
    ).all()
    connection.execute(text("DROP TABLE staged_photo"))
    return list(pending)


def refresh_summaries(connection: Connection, listing_ids: Collection[int]) -> None:
    connection.execute(text("SELECT modiste.refresh_summaries(CAST(:ids AS bigint[]))"), {"ids": sorted(listing_ids)})
