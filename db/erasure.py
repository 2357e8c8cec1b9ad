"""Erasing: a listing goes with its photos, and each content that no other listing shows with all that was seen in it.

What lies in the store cannot go in the same transaction: its digests are kept in `erasure` until its files are gone.
"""

from collections.abc import Callable, Collection, Iterable

from sqlalchemy import Connection, text

from db.errors import UnknownListing
from db.imports import finish_if_complete


def erase_listing(connection: Connection, listing_id: int) -> list[bytes]:
    """Erases a listing from all tables; returns the contents (SHA-256) whose files the store may drop.

    The rows of past imports' reports lose its id and detail, and stay for the counts. Raises `UnknownListing`.
    Locks are taken in the order of `db.enrichments.write_shard`: contents, listing, photos, counters.
    """
    contents = lock_contents_of(connection, listing_id)
    listing = connection.execute(
        text("SELECT catalogue, external_id FROM modiste.listing WHERE id = :id FOR UPDATE"), {"id": listing_id}
    ).one_or_none()
    if listing is None:
        raise UnknownListing(f"there is no listing {listing_id}")
    waiting = connection.scalars(
        text("""
            DELETE FROM modiste.photo WHERE listing_id = :id
            RETURNING CASE WHEN state = 'pending' THEN import_id END
        """),
        {"id": listing_id},
    ).all()
    connection.execute(text("DELETE FROM modiste.listing WHERE id = :id"), {"id": listing_id})
    connection.execute(
        text("""
            UPDATE modiste.import_row r SET external_id = NULL, detail = NULL FROM modiste.import i
            WHERE i.id = r.import_id AND i.catalogue = :catalogue AND r.external_id = :external_id
        """),
        {"catalogue": listing.catalogue, "external_id": listing.external_id},
    )
    erased = erase_orphans(connection, contents)
    count_cancelled(connection, [import_id for import_id in waiting if import_id is not None])
    return erased


def lock_contents_of(connection: Connection, listing_id: int) -> list[bytes]:
    """Contents of a listing's photos, locked: nobody begins to show one of them meanwhile."""
    rows = connection.scalars(
        text("""
            SELECT sha256 FROM modiste.content WHERE id IN (
                SELECT content_id FROM modiste.photo WHERE listing_id = :id)
            ORDER BY sha256 FOR UPDATE
        """),
        {"id": listing_id},
    )
    return [bytes(digest) for digest in rows]


def erase_orphans(connection: Connection, digests: Collection[bytes]) -> list[bytes]:
    """Erases those of these contents that no photo shows any more, with what every version saw in them.

    The caller holds locks on the contents.
    """
    orphans = connection.execute(
        text("""
            SELECT c.id, c.sha256 FROM modiste.content c
            WHERE c.sha256 = ANY (:digests)
              AND NOT EXISTS (SELECT FROM modiste.photo p WHERE p.content_id = c.id)
        """),
        {"digests": list(digests)},
    ).all()
    if not orphans:
        return []
    ids = {"ids": [row.id for row in orphans]}
    # Locked, so that none of them is retired and loses its table meanwhile.
    versions = connection.scalars(
        text("SELECT id FROM modiste.model_version WHERE state <> 'retired' ORDER BY id FOR SHARE")
    )
    for version_id in versions.all():
        connection.execute(text(f"DELETE FROM modiste.embedding_{version_id} WHERE content_id = ANY (:ids)"), ids)
    connection.execute(text("DELETE FROM modiste.enrichment WHERE content_id = ANY (:ids)"), ids)
    connection.execute(
        text("""
            WITH gone AS (DELETE FROM modiste.content WHERE id = ANY (:ids) RETURNING sha256)
            INSERT INTO modiste.erasure (sha256) SELECT sha256 FROM gone ON CONFLICT DO NOTHING
        """),
        ids,
    )
    return [bytes(row.sha256) for row in orphans]


def count_cancelled(connection: Connection, import_ids: Iterable[int]) -> None:
    """Photos that imports still had to do, and that are erased, count as cancelled there."""
    waiting = list(import_ids)
    for import_id in sorted(set(waiting)):
        connection.execute(
            text("UPDATE modiste.import SET photos_cancelled = photos_cancelled + :n WHERE id = :id"),
            {"n": waiting.count(import_id), "id": import_id},
        )
        finish_if_complete(connection, import_id)


def drop_erased(connection: Connection, remove: Callable[[str], object]) -> None:
    """Has `remove` drop the files of each erased content, named by SHA-256 in hex, and forgets it.

    Called after the commit that erased, so that no row is left without its files; the sweep does what was left undone.
    """
    digests = erased_contents(connection)
    for digest in digests:
        remove(digest.hex())
    forget_erased(connection, digests)


def erased_contents(connection: Connection, limit: int = 500) -> list[bytes]:
    """Contents whose files have still to go from the store; rows are locked until the transaction ends.

    Those that a listing shows again meanwhile are forgotten here: their files stay.
    """
    connection.execute(
        text("DELETE FROM modiste.erasure e USING modiste.content c WHERE c.sha256 = e.sha256"),
    )
    rows = connection.scalars(
        text("SELECT sha256 FROM modiste.erasure ORDER BY sha256 FOR UPDATE SKIP LOCKED LIMIT :n"), {"n": limit}
    )
    return [bytes(digest) for digest in rows]


def forget_erased(connection: Connection, digests: Collection[bytes]) -> None:
    """Their files are gone from the store."""
    connection.execute(text("DELETE FROM modiste.erasure WHERE sha256 = ANY (:digests)"), {"digests": list(digests)})
