"""Photos in quarantine, read back: counted by reason, page by page, whole, or one of them with all that is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from db.engine import transaction
from db.errors import NotInQuarantine
from db.states import Reason

PAGE = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which photos in quarantine: those that pass all that is given. What nobody has ever made holds none."""

    import_id: int | None = None
    catalogue: str | None = None
    reason: Reason | None = None

    def values(self) -> dict[str, Any]:
        return {"import_id": self.import_id, "catalogue": self.catalogue, "reason": self.reason}


@dataclass(frozen=True, kw_only=True, slots=True)
class QuarantineRow:
    """A photo that cannot be enriched, and why. `source` may hold credentials: not for showing as it is.

    `import_id` is the import that put it to work last; `attempts` how often it was tried again.
    """

    photo_id: int
    import_id: int
    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    source: str
    reason: Reason
    detail: str | None
    attempts: int
    quarantined_at: datetime


# The state stands alone: with it PostgreSQL can use the index of what is unfinished.
FOUND = """
    FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
    WHERE p.state = 'quarantined'
      AND (CAST(:import_id AS bigint) IS NULL OR p.import_id = :import_id)
      AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
      AND (CAST(:reason AS text) IS NULL OR p.reason = :reason)
"""
COLUMNS = """
    p.id AS photo_id, p.import_id, l.id AS listing_id, l.catalogue, l.external_id, l.title, p.source, p.reason,
    p.detail, p.attempts, p.updated_at AS quarantined_at
"""


def quarantine_page(connection: Connection, wanted: Wanted, *, after: int, limit: int) -> list[QuarantineRow]:
    """Photos with an id above `after`, in the order of their ids."""
    rows = connection.execute(
        text(f"SELECT {COLUMNS} {FOUND} AND p.id > :after ORDER BY p.id LIMIT :limit"),
        {**wanted.values(), "after": after, "limit": limit},
    )
    return [QuarantineRow(**{**row._mapping, "reason": Reason(row.reason)}) for row in rows]


def whole_quarantine(engine: Engine, wanted: Wanted) -> Iterator[QuarantineRow]:
    """All of them. A transaction a page: a slow reader holds no connection."""
    after = 0
    while True:
        with transaction(engine) as connection:
            page = quarantine_page(connection, wanted, after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].photo_id


def count_by_reason(connection: Connection, wanted: Wanted) -> dict[Reason, int]:
    """The most frequent reason first."""
    rows = connection.execute(
        text(f"SELECT p.reason, count(*) AS photos {FOUND} GROUP BY p.reason ORDER BY photos DESC, p.reason"),
        wanted.values(),
    )
    return {Reason(row.reason): row.photos for row in rows}


def photo_in_quarantine(connection: Connection, photo_id: int) -> QuarantineRow:
    """Raises `NotInQuarantine`, which says where the photo stands instead."""
    row = connection.execute(
        text(f"""
            SELECT {COLUMNS}, p.state FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
            WHERE p.id = :id
        """),
        {"id": photo_id},
    ).one_or_none()
    if row is None:
        raise NotInQuarantine(f"there is no photo {photo_id}; `modiste quarantine list` shows those in quarantine")
    values = dict(row._mapping)
    if (state := values.pop("state")) != "quarantined":
        raise NotInQuarantine(f"photo {photo_id} is not in quarantine but {state}")
    return QuarantineRow(**{**values, "reason": Reason(row.reason)})
