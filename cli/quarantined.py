"""Photos in quarantine as people and their logs may see them: without what is secret in their URLs."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from api.sources import public_source
from cli.output import print_table
from db.quarantine import QuarantineRow, Wanted, quarantine_page


def public(row: QuarantineRow) -> QuarantineRow:
    """Without the credentials and signatures of its source."""
    return replace(row, source=public_source(row.source))


def first_in_quarantine(connection: Connection, import_id: int, limit: int = 100) -> list[QuarantineRow]:
    """The first of an import's, in the order of their ids."""
    return [public(row) for row in quarantine_page(connection, Wanted(import_id=import_id), after=0, limit=limit)]


def show_quarantine(photos: Sequence[QuarantineRow], total: int) -> None:
    """A table of some of `total`; nothing where there are none."""
    if photos:
        print_table(
            f"\nPhotos in quarantine ({len(photos):,} of {total:,})",
            ["photo", "listing", "source", "reason", "detail"],
            [[photo.photo_id, photo.external_id, photo.source, photo.reason, photo.detail] for photo in photos],
        )
