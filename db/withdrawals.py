"""Listings that a whole feed no longer has: found, and taken off sale, unless they are too many to be meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.catalogues import lock_listings
from db.errors import ImportCancelled

# No listing has this hash: a feed that has a withdrawn listing again finds it changed.
NO_HASH = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Available listings that no row of a feed is of, out of all that were `available` when its import began."""

    listing_ids: Sequence[int]
    available: int
    share_max: float

    @property
    def refusal(self) -> str:
        """Why so many are not withdrawn; empty where they are."""
        return refusal(len(self.listing_ids), self.available, self.share_max)


def refusal(missing: int, available: int, share_max: float) -> str:
    """Why `missing` of `available` listings are not withdrawn: more than the share that is meant to go; else empty."""
    if missing <= share_max * available:
        return ""
    return (
        f"{missing:,} of {available:,} available listings are not in this feed, more than {share_max * 100:g} %: none "
        "is withdrawn, and the feed's own rows are taken. If they are really gone, import it again with --full --yes, "
        f"over HTTP with withdraw_share_max={-(-missing * 100 // available) / 100:g}"
    )


def find_missing(connection: Connection, import_id: int) -> Missing:
    """What an import's feed, read to its end, does not have; nothing of one that is not whole.

    A listing that somebody wrote since the import began is newer than the feed and stays, whoever did.
    """
    # An import that was just written has no statistics: a nested loop that looks cheap would run for hours.
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    asked = connection.execute(
        text("SELECT catalogue, started_at, withdraw_share_max FROM modiste.import WHERE id = :id AND whole"),
        {"id": import_id},
    ).one_or_none()
    if asked is None:
        return Missing(listing_ids=(), available=0, share_max=1.0)
    missing = connection.scalars(
        text("""
            SELECT l.id FROM modiste.listing l
            WHERE l.catalogue = :catalogue AND l.available AND l.updated_at < :began
              AND NOT EXISTS (SELECT FROM modiste.import_row r
                              WHERE r.import_id = :import_id AND r.external_id = l.external_id)
            ORDER BY l.id
        """),
        {"import_id": import_id, "catalogue": asked.catalogue, "began": asked.started_at},
    ).all()
    return Missing(
        listing_ids=missing,
        available=count_available(connection, asked.catalogue, before_import=import_id),
        share_max=round(asked.withdraw_share_max, 4),  # kept in four bytes: 0.7 comes back as 0.699999
    )


def count_available(connection: Connection, catalogue: str, *, before_import: int | None = None) -> int:
    """Available listings of a catalogue: all, or those that were there when an import began."""
    count: int = connection.execute(
        text("""
            SELECT count(*) FROM modiste.listing
            WHERE catalogue = :catalogue AND available
              AND created_at < coalesce((SELECT started_at FROM modiste.import WHERE id = :import_id), 'infinity')
        """),
        {"catalogue": catalogue, "import_id": before_import},
    ).scalar_one()
    return count


def withdraw(connection: Connection, import_id: int, listing_ids: Sequence[int]) -> None:
    """Takes these listings off sale and counts them. The caller holds `lock_catalogue`.

    Raises `ImportCancelled`.
    """
    lock_listings(connection, listing_ids)
    counted = connection.execute(
        text("""
            WITH withdrawn AS (
                UPDATE modiste.listing l SET available = false, withdrawn_in = i.id, row_hash = :no_hash,
                    updated_at = now()
                FROM modiste.import i
                WHERE l.id = ANY (:ids) AND l.available AND l.updated_at < i.started_at AND i.id = :import_id
                RETURNING 1
            )
            UPDATE modiste.import SET listings_withdrawn = listings_withdrawn + (SELECT count(*) FROM withdrawn),
                planner_seen_at = clock_timestamp()
            WHERE id = :import_id AND state <> 'cancelled'
        """),
        {"ids": list(listing_ids), "no_hash": NO_HASH, "import_id": import_id},
    ).rowcount
    if not counted:
        raise ImportCancelled(f"import {import_id} was cancelled while listings were withdrawn; the others were not")
