"""Catalogue writes: what is known of a batch of listings, and one batch of a planned import."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, text

from db.batches import Batch, ContentRef, KnownListing, KnownPhoto, PhotoToPlan, Planned
from db.copying import copy_rows, stage
from db.errors import UnknownCatalogue
from db.listings import ListingData
from db.states import PhotoState


def ensure_catalogue(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO modiste.catalogue (name) VALUES (:n) ON CONFLICT DO NOTHING"), {"n": name})


def require_catalogue(connection: Connection, name: str) -> None:
    """Raises `UnknownCatalogue`, which names those there are."""
    names = connection.scalars(text("SELECT name FROM modiste.catalogue ORDER BY name")).all()
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "there is none yet; `modiste import` makes one"
        raise UnknownCatalogue(f"there is no catalogue {name}; {there}")


def lock_catalogue(connection: Connection, name: str) -> None:
    """Lets one planner at a time write a batch of this catalogue; workers and beginning imports are not held up."""
    connection.execute(text("SELECT FROM modiste.catalogue WHERE name = :n FOR NO KEY UPDATE"), {"n": name})


def known_listings(
    connection: Connection, catalogue: str, external_ids: Collection[str], *, model_version_id: int
) -> dict[str, KnownListing]:
    """What the database has of these listings, by external id, and what of it the model version has seen."""
    rows = connection.execute(
        text("""
            SELECT l.external_id, l.id AS listing_id, l.row_hash, p.id, p.source, p.validator, p.state, p.import_id,
                   c.sha256, c.size_bytes, e.content_id IS NOT NULL AS seen
            FROM modiste.listing l
            LEFT JOIN modiste.photo p ON p.listing_id = l.id
            LEFT JOIN modiste.content c ON c.id = p.content_id
            LEFT JOIN modiste.enrichment e ON e.content_id = p.content_id AND e.model_version_id = :version
            WHERE l.catalogue = :catalogue AND l.external_id = ANY (:ids)
        """),
        {"catalogue": catalogue, "ids": list(external_ids), "version": model_version_id},
    )
    known: dict[str, KnownListing] = {}
    for row in rows:
        listing = known.get(row.external_id)
        if listing is None:
            listing = KnownListing(id=row.listing_id, row_hash=bytes(row.row_hash), photos={})
            known[row.external_id] = listing
        if row.id is not None:
            content = row.sha256 and ContentRef(sha256=bytes(row.sha256), size_bytes=row.size_bytes)
            listing.photos[row.source] = KnownPhoto(
                id=row.id,
                source=row.source,
                validator=row.validator,
                state=PhotoState(row.state),
                import_id=row.import_id,
                content=content,
                seen=row.seen,
            )
    return known


def seen_in_import(connection: Connection, import_id: int, external_ids: Collection[str]) -> set[str]:
    """Which of these listings an earlier batch of the same import already had."""
    rows = connection.scalars(
        text("""
            SELECT DISTINCT external_id FROM modiste.import_row
            WHERE import_id = :import_id AND external_id = ANY (:ids) AND outcome <> 'rejected'
        """),
        {"import_id": import_id, "ids": list(external_ids)},
    )
    return set(rows)


def write_batch(
    connection: Connection, *, import_id: int, catalogue: str, model_version_id: int, batch: Batch
) -> Planned:
    """Writes a batch: listings, photos, the report of its rows. Nothing in it is written row by row.

    The caller holds `lock_catalogue`, makes shards of the pending photos, and counts with `db.imports.count_batch`.
    Locks are taken in the order of `db.enrichments.write_shard`: contents, listings, photos, counters.
    """
    stage_contents(connection, [p.content for p in batch.photos if p.content])
    lock_changed(connection, catalogue, batch)
    copy_rows(
        connection,
        "modiste.import_row (import_id, line, external_id, outcome, column_name, reason, detail)",
        ((import_id, r.line, r.external_id, r.outcome, r.column, r.reason, r.detail) for r in batch.rows),
    )
    upsert_listings(connection, catalogue, batch.listings)
    touch_listings(connection, batch.touched_listing_ids)
    drop_photos(connection, gone=batch.gone, replaced=batch.replaced)
    planned = upsert_photos(connection, import_id, catalogue, model_version_id, batch.photos)
    if batch.touched_listing_ids or planned.recognised:
        refresh_summaries_of(connection, catalogue, {p.external_id for p in batch.photos}, batch.touched_listing_ids)
    return planned


def lock_changed(connection: Connection, catalogue: str, batch: Batch) -> None:
    """Locks the known listings that the batch will change."""
    known = connection.scalars(
        text("SELECT id FROM modiste.listing WHERE catalogue = :catalogue AND external_id = ANY (:ids)"),
        {"catalogue": catalogue, "ids": [listing.external_id for listing, _ in batch.listings]},
    )
    lock_listings(connection, {*known, *batch.touched_listing_ids})


def lock_listings(connection: Connection, listing_ids: Iterable[int]) -> None:
    """In id order, as whoever changes listings or their photos does first: two of them cannot wait for each other."""
    ids = list(listing_ids)
    if ids:
        connection.execute(
            text("SELECT FROM modiste.listing WHERE id = ANY (:ids) ORDER BY id FOR NO KEY UPDATE"),
            {"ids": ids},
        )


def lock_listings_of(connection: Connection, photo_ids: Sequence[int]) -> None:
    """Locks the listings of these photos."""
    listing_ids = connection.scalars(
        text("SELECT DISTINCT listing_id FROM modiste.photo WHERE id = ANY (:ids)"), {"ids": list(photo_ids)}
    )
    lock_listings(connection, listing_ids)


def upsert_listings(connection: Connection, catalogue: str, listings: Sequence[tuple[ListingData, bytes]]) -> None:
    if not listings:
        return
    columns = (
        "external_id, title, brand, price, currency, gender, colour, size, seller, seller_category, available, "
        "metadata, row_hash"
    )
    stage(
        connection,
        "staged_listing",
        "external_id text, title text, brand text, price numeric, currency text, gender text, colour text, "
        "size text, seller text, seller_category text, available boolean, metadata jsonb, row_hash bytea",
        (
            (d.external_id, d.title, d.brand, d.price, d.currency, d.gender, d.colour, d.size, d.seller,
             d.seller_category, d.available, d.metadata, row_hash)
            for d, row_hash in listings
        ),
    )  # fmt: skip
    assignments = ", ".join(f"{c} = excluded.{c}" for c in columns.split(", ")[1:])
    connection.execute(
        text(f"""
            INSERT INTO modiste.listing (catalogue, {columns})
            SELECT :catalogue, {columns} FROM staged_listing
            ON CONFLICT (catalogue, external_id) DO UPDATE SET {assignments}, updated_at = now()
        """),
        {"catalogue": catalogue},
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


def upsert_photos(
    connection: Connection,
    import_id: int,
    catalogue: str,
    model_version_id: int,
    photos: Sequence[PhotoToPlan],
) -> Planned:
    if not photos:
        return Planned(pending_photo_ids=(), photos=0, quarantined=0, recognised=0)
    stage(
        connection,
        "staged_photo",
        "place bigint, external_id text, position smallint, source text, validator text, sha256 bytea, reason text, "
        "detail text",
        (
            (
                place,
                p.external_id,
                p.position,
                p.source,
                p.validator,
                p.content and p.content.sha256,
                p.reason,
                p.detail,
            )
            for place, p in enumerate(photos)
        ),
    )
    rows = connection.execute(
        text("""
            WITH planned AS (
                INSERT INTO modiste.photo AS p (listing_id, position, source, validator, content_id, state, reason,
                                                detail, import_id)
                SELECT l.id, s.position, s.source, s.validator, c.id,
                       CASE WHEN s.reason IS NOT NULL THEN 'quarantined'
                            WHEN e.content_id IS NOT NULL THEN 'enriched' ELSE 'pending' END,
                       s.reason, s.detail, :import_id
                FROM staged_photo s
                JOIN modiste.listing l ON l.catalogue = :catalogue AND l.external_id = s.external_id
                LEFT JOIN modiste.content c ON c.sha256 = s.sha256
                LEFT JOIN modiste.enrichment e ON e.content_id = c.id AND e.model_version_id = :model_version_id
                ORDER BY s.place
                ON CONFLICT (listing_id, source) DO UPDATE
                SET position = excluded.position, validator = excluded.validator, content_id = excluded.content_id,
                    state = excluded.state, reason = excluded.reason, detail = excluded.detail, attempts = 0,
                    import_id = excluded.import_id, updated_at = now()
                RETURNING p.id, p.listing_id, p.position, p.state
            )
            SELECT id, state FROM planned ORDER BY listing_id, position, id
        """),
        {"import_id": import_id, "catalogue": catalogue, "model_version_id": model_version_id},
    ).all()
    connection.execute(text("DROP TABLE staged_photo"))
    by_state = {state: [row.id for row in rows if row.state == state] for state in PhotoState}
    return Planned(
        pending_photo_ids=by_state[PhotoState.PENDING],
        photos=len(rows),
        quarantined=len(by_state[PhotoState.QUARANTINED]),
        recognised=len(by_state[PhotoState.ENRICHED]),
    )


def stage_contents(connection: Connection, contents: Iterable[ContentRef]) -> None:
    """Makes sure that each content has its row. In one order everywhere: two writers cannot wait for each other."""
    rows = {(c.sha256, c.size_bytes, c.width_px, c.height_px) for c in contents}
    if not rows:
        return
    stage(connection, "staged_content", "sha256 bytea, size_bytes bigint, width_px int, height_px int", rows)
    connection.execute(
        text("""
            INSERT INTO modiste.content AS c (sha256, size_bytes, width_px, height_px)
            SELECT DISTINCT ON (sha256) * FROM staged_content ORDER BY sha256, width_px
            ON CONFLICT (sha256) DO UPDATE SET width_px = excluded.width_px, height_px = excluded.height_px
            WHERE c.width_px IS NULL AND excluded.width_px IS NOT NULL
        """)
    )
    connection.execute(text("DROP TABLE staged_content"))


def refresh_summaries_of(
    connection: Connection, catalogue: str, external_ids: Collection[str], listing_ids: Collection[int]
) -> None:
    connection.execute(
        text("""
            SELECT modiste.refresh_summaries(array_agg(id)) FROM (
                SELECT id FROM modiste.listing WHERE catalogue = :catalogue AND external_id = ANY (:external_ids)
                UNION SELECT unnest(CAST(:listing_ids AS bigint[]))
            ) AS touched
        """),
        {"catalogue": catalogue, "external_ids": list(external_ids), "listing_ids": list(listing_ids)},
    )
