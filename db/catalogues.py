"""Catalogues and what is known of a batch of their listings; the locks and contents that every writer begins with."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, text

from db.batches import ContentRef, KnownListing, KnownPhoto
from db.copying import stage
from db.errors import BadQuestion, UnknownCatalogue
from db.listings import ListingData
from db.states import PhotoState

DEFAULT = "default"
# As long as what a seller says of a listing may be.
NAME_CHARS = 255
STATES = {state.value: state for state in PhotoState}


def check_new_name(connection: Connection, name: str) -> None:
    """Raises `BadQuestion` for a name that is too long, unless a catalogue of before has it."""
    if len(name) > NAME_CHARS and not is_there(connection, name):
        raise BadQuestion(f"a catalogue's name has at most {NAME_CHARS} characters; this one has {len(name):,}")


def is_there(connection: Connection, name: str) -> bool:
    found = connection.execute(text("SELECT FROM modiste.catalogue WHERE name = :n"), {"n": name})
    return found.first() is not None


def ensure_catalogue(connection: Connection, name: str) -> None:
    """Makes it where it is new. Raises `BadQuestion` as `check_new_name` does."""
    check_new_name(connection, name)
    connection.execute(text("INSERT INTO modiste.catalogue (name) VALUES (:n) ON CONFLICT DO NOTHING"), {"n": name})


def require_catalogue(connection: Connection, name: str) -> None:
    """Raises `UnknownCatalogue`, which names those there are."""
    names = connection.scalars(text("SELECT name FROM modiste.catalogue ORDER BY name")).all()
    if name not in names:
        there = f"there are {', '.join(names)}" if names else "there is none yet; `modiste import` makes one"
        raise UnknownCatalogue(f"there is no catalogue {name}; {there}")


def default_catalogue(connection: Connection) -> str:
    """The one that is read where nobody named any: `default`, or the only one there is. Raises `UnknownCatalogue`."""
    names = connection.scalars(text("SELECT name FROM modiste.catalogue ORDER BY name")).all()
    if DEFAULT in names or not names:
        require_catalogue(connection, DEFAULT)
        return DEFAULT
    if len(names) > 1:
        raise UnknownCatalogue(f"there are {', '.join(names)}: name one with --catalogue")
    return str(names[0])


def lock_catalogue(connection: Connection, name: str) -> None:
    """Lets one planner at a time write a batch of this catalogue; workers and beginning imports are not held up."""
    connection.execute(text("SELECT FROM modiste.catalogue WHERE name = :n FOR NO KEY UPDATE"), {"n": name})


def known_listings(
    connection: Connection, catalogue: str, hashes: Mapping[str, bytes], *, model_version_id: int
) -> dict[str, KnownListing]:
    """What the database has of these listings, by external id, and what of it the model version has seen.

    What their sellers said before is read of those alone whose row hash is another one than `hashes` gives.
    """
    rows = connection.execute(
        text("""
            SELECT l.external_id, l.id AS listing_id, l.row_hash, l.available, p.id, p.source, p.validator, p.state,
                   p.import_id, c.sha256, c.size_bytes, e.content_id IS NOT NULL AS seen
            FROM unnest(CAST(:ids AS text[])) AS asked (external_id)
            CROSS JOIN LATERAL (
                SELECT * FROM modiste.listing l
                WHERE l.catalogue = :catalogue AND l.external_id = asked.external_id
                OFFSET 0  -- one by one, by index: tables that are being filled have no statistics to plan by
            ) l
            LEFT JOIN LATERAL (SELECT * FROM modiste.photo p WHERE p.listing_id = l.id OFFSET 0) p ON true
            LEFT JOIN LATERAL (SELECT * FROM modiste.content c WHERE c.id = p.content_id OFFSET 0) c ON true
            LEFT JOIN LATERAL (
                SELECT * FROM modiste.enrichment e
                WHERE e.content_id = p.content_id AND e.model_version_id = :version
                OFFSET 0
            ) e ON true
        """),
        {"catalogue": catalogue, "ids": list(hashes), "version": model_version_id},
    ).all()
    known: dict[str, KnownListing] = {}
    differing: list[int] = []
    # Runs for every photo of a feed that changed nothing: unpacked, not asked for by name.
    for external_id, listing_id, row_hash, available, photo_id, source, validator, state, import_id, *content in rows:
        listing = known.get(external_id)
        if listing is None:
            known[external_id] = listing = KnownListing(id=listing_id, available=available, photos={})
            if bytes(row_hash) != hashes[external_id]:
                differing.append(listing_id)
        if photo_id is not None:
            sha256, size_bytes, seen = content
            listing.photos[source] = KnownPhoto(
                id=photo_id,
                source=source,
                validator=validator,
                state=STATES[state],
                import_id=import_id,
                content=ContentRef(sha256=bytes(sha256), size_bytes=size_bytes) if sha256 else None,
                seen=seen,
            )
    for said in said_before(connection, differing):
        known[said.external_id] = replace(known[said.external_id], before=said)
    return known


def said_before(connection: Connection, listing_ids: Sequence[int]) -> list[ListingData]:
    """What sellers said of these listings until now."""
    if not listing_ids:
        return []
    rows = connection.execute(
        text("""
            SELECT external_id, title, brand, price, currency, gender, colour, size, seller, seller_category, available,
                   metadata
            FROM modiste.listing WHERE id = ANY (:ids)
        """),
        {"ids": listing_ids},
    )
    return [ListingData(**row._mapping) for row in rows]


def seen_in_import(connection: Connection, import_id: int, external_ids: Collection[str]) -> set[str]:
    """Which of these listings an earlier batch of the same import already had."""
    rows = connection.scalars(
        text("""
            SELECT asked.external_id FROM unnest(CAST(:ids AS text[])) AS asked (external_id)
            CROSS JOIN LATERAL (
                SELECT FROM modiste.import_row r
                WHERE r.import_id = :import_id AND r.external_id = asked.external_id AND r.outcome <> 'rejected'
                LIMIT 1
            ) r
        """),
        {"import_id": import_id, "ids": list(external_ids)},
    )
    return set(rows)


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


def stage_contents(connection: Connection, contents: Iterable[ContentRef]) -> None:
    """Makes sure that each content has its row. In one order everywhere: two writers cannot wait for each other."""
    rows = {(c.sha256, c.size_bytes, c.width_px, c.height_px, c.fingerprint) for c in contents}
    if not rows:
        return
    columns = "sha256 bytea, size_bytes bigint, width_px int, height_px int, fingerprint bytea"
    stage(connection, "staged_content", columns, rows)
    connection.execute(
        text("""
            INSERT INTO modiste.content AS c (sha256, size_bytes, width_px, height_px, fingerprint)
            SELECT DISTINCT ON (sha256) * FROM staged_content ORDER BY sha256, fingerprint, width_px
            ON CONFLICT (sha256) DO UPDATE SET width_px = coalesce(c.width_px, excluded.width_px),
                height_px = coalesce(c.height_px, excluded.height_px),
                fingerprint = coalesce(c.fingerprint, excluded.fingerprint)
            WHERE c.width_px IS NULL AND excluded.width_px IS NOT NULL
               OR c.fingerprint IS NULL AND excluded.fingerprint IS NOT NULL
        """)
    )
    connection.execute(text("DROP TABLE staged_content"))
