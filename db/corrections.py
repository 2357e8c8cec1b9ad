"""What people say is true of listings. A row each; the last that nobody took back counts, for every model version."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from db.models import active_model
from db.similarity import typed_errors

CATEGORY = "category"
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """`field`: category, or an attribute group. `was` and `now`: words, None for none; alike where it was right.

    `photo_id`: the photo that was looked at, None where it is gone. `undone_at`: when it was taken back, if it was.
    """

    id: int
    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    photo_id: int | None
    field: str
    was: str | None
    now: str | None
    who: str
    made_at: datetime
    undone_at: datetime | None


SELECT = """
    SELECT k.id, k.listing_id, l.catalogue, l.external_id, l.title, k.photo_id, k.field, k.was, k.now, k.who,
           k.made_at, k.undone_at
    FROM modiste.correction k JOIN modiste.listing l ON l.id = k.listing_id
"""
WANTED = """
    WHERE (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
      AND (CAST(:listing AS bigint) IS NULL OR k.listing_id = :listing)
      AND (:undone OR k.undone_at IS NULL)
"""


def correct_listing(
    connection: Connection, listing_id: int, *, field: str, now: str | None, who: str, photo_id: int | None = None
) -> int:
    """Says what is true of a listing (`now` None: none of the group's words); the correction's id.

    Locks the listing. Raises `UnknownListing`, `NotEnriched`, and `BadQuestion` for a field or a word that the active
    version does not know.
    """
    given = {"listing": listing_id, "field": field, "now": now, "who": who, "photo": photo_id}
    with typed_errors():
        return int(
            connection.execute(
                text("""
                    SELECT modiste.correct_listing(:listing, CAST(:field AS text), CAST(:now AS text),
                                                   CAST(:who AS text), CAST(:photo AS bigint))
                """),
                given,
            ).scalar_one()
        )


def undo_correction(connection: Connection, correction_id: int) -> int:
    """Takes it back; its listing's id. Raises `UnknownListing` where there is none to undo."""
    with typed_errors():
        return int(connection.execute(text("SELECT modiste.undo_correction(:id)"), {"id": correction_id}).scalar_one())


def find_correction(connection: Connection, correction_id: int) -> Correction | None:
    row = connection.execute(text(f"{SELECT} WHERE k.id = :id"), {"id": correction_id}).one_or_none()
    return Correction(**row._mapping) if row else None


def get_correction(connection: Connection, correction_id: int) -> Correction:
    """One that is there."""
    return Correction(**connection.execute(text(f"{SELECT} WHERE k.id = :id"), {"id": correction_id}).one()._mapping)


def correction_page(
    connection: Connection,
    *,
    after: int,
    limit: int,
    catalogue: str | None = None,
    listing_id: int | None = None,
    undone: bool = False,
) -> list[Correction]:
    """Those with an id above `after`, in the order of their ids; those that were taken back only with `undone`."""
    values = {"catalogue": catalogue, "listing": listing_id, "undone": undone, "after": after, "limit": limit}
    rows = connection.execute(text(f"{SELECT} {WANTED} AND k.id > :after ORDER BY k.id LIMIT :limit"), values)
    return [Correction(**row._mapping) for row in rows]


def list_corrections(
    connection: Connection, catalogue: str | None = None, *, listing_id: int | None = None, undone: bool = False
) -> Iterator[Correction]:
    """Oldest first, through a cursor of the server's; those that were taken back only with `undone`."""
    question = text(f"{SELECT} {WANTED} ORDER BY k.id")
    values = {"catalogue": catalogue, "listing": listing_id, "undone": undone}
    rows = connection.execute(question, values, execution_options={"yield_per": ROWS_AT_ONCE})
    return (Correction(**row._mapping) for row in rows)


def correctable(connection: Connection) -> Mapping[str, Sequence[str]]:
    """The words that the active version has, by field: category first. Raises `NoActiveModel`."""
    labels: Mapping[str, Any] = active_model(connection).manifest.get("labels", {})
    groups = {group["name"]: group["values"] for group in labels.get("groups", [])}
    return {CATEGORY: labels.get("categories", [])} | groups
