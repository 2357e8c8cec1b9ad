"""What was found, listing by listing, beside what the seller said: a catalogue read to be written somewhere else.

Knows rows; files, formats and marketplaces are others'.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from db.catalogues import require_catalogue
from db.changes import Cursor, decoded, oldest_begin
from db.engine import connected, transaction
from db.errors import BadQuestion, NoActiveModel
from db.models import active_model

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundListing:
    """A listing as its seller describes it, and as one model version sees it; `category` is None before it looked.

    photos: URLs, or names of files that came with the feed, main one first. Scores 0 to 1. attributes: of each group
    (value, score), best first. changed_at: begin of the transaction that last changed any of this.
    """

    id: int
    external_id: str
    title: str | None
    brand: str | None
    price: Decimal | None
    currency: str | None
    gender: str | None
    colour: str | None
    size: str | None
    seller: str | None
    seller_category: str | None
    available: bool
    metadata: Mapping[str, Any]
    photos: Sequence[str]
    category: str | None
    category_score: float | None
    abstained: bool | None
    corrected: bool | None
    attributes: Mapping[str, Sequence[tuple[str, float]]]
    enriched_at: datetime | None
    changed_at: datetime

    @property
    def sure_category(self) -> str | None:
        """The category where the model, or a person, was sure of it: fit to be published."""
        return None if self.abstained and not self.corrected else self.category

    def best(self, group: str) -> str | None:
        """The most probable value of an attribute group."""
        values = self.attributes.get(group)
        return values[0][0] if values else None

    def at_least(self, score: float) -> "FoundListing":
        """Without what the model is less sure of than `score`; a category that a person gave stays."""
        attributes = {
            group: kept
            for group, values in self.attributes.items()
            if (kept := [(value, of) for value, of in values if of >= score])
        }
        if self.corrected or self.category_score is None or self.category_score >= score:
            return replace(self, attributes=attributes)
        return replace(self, category=None, category_score=None, attributes=attributes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seer:
    """The model version whose words are read. groups: whether the values of each attribute group exclude each other."""

    id: int
    name: str
    categories: Sequence[str]
    groups: Mapping[str, bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which listings of a catalogue, as one version sees them (None: no version is active)."""

    catalogue: str
    seer: Seer | None
    only_available: bool = False
    since: datetime | None = None

    @property
    def values(self) -> dict[str, Any]:
        """What the statements below are bound to."""
        return {
            "catalogue": self.catalogue,
            "version": self.seer.id if self.seer else None,
            "only_available": self.only_available,
            "since": self.since,
        }


CHOSEN = """
    FROM modiste.listing l
    LEFT JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = :version
    WHERE l.catalogue = :catalogue AND (l.available OR NOT :only_available)
      AND (CAST(:since AS timestamptz) IS NULL OR greatest(l.updated_at, s.changed_at) >= :since)
"""
ROWS = f"""
    SELECT l.id, l.external_id, l.title, l.brand, l.price, l.currency, l.gender, l.colour, l.size, l.seller,
           l.seller_category, l.available, l.metadata,
           ARRAY(SELECT p.source FROM modiste.photo p WHERE p.listing_id = l.id ORDER BY p.position, p.id) AS photos,
           s.category, s.category_score, s.abstained, s.corrected, s.attributes, s.attribute_scores, s.enriched_at,
           greatest(l.updated_at, s.changed_at) AS changed_at
    {CHOSEN}
"""


def begin_export(engine: Engine, catalogue: str, changes_since: str | None) -> tuple[Selection, Cursor]:
    """Which listings to read, and the cursor to tell when all of them are written. Call it before they are read.

    Where another model version became active since `changes_since`, everything is changed. Raises `UnknownCatalogue`,
    and `BadQuestion` for a cursor of something else.
    """
    before = decoded(changes_since) if changes_since else None
    if before and before.catalogue != catalogue:
        raise BadQuestion(
            f"the cursor is of an export of catalogue {before.catalogue}, not of {catalogue}; "
            "the first export of a catalogue takes none"
        )
    with transaction(engine) as connection:
        require_catalogue(connection, catalogue)
        begin = oldest_begin(connection)
    with transaction(engine) as connection:
        seer = active_seer(connection)
    version = seer.name if seer else None
    since = before.since if before and before.model_version == version else None
    cursor = Cursor(catalogue=catalogue, model_version=version, since=begin)
    return Selection(catalogue=catalogue, seer=seer, since=since), cursor


def active_seer(connection: Connection) -> Seer | None:
    """The active model version; None where there is none yet."""
    try:
        model = active_model(connection)
    except NoActiveModel:
        return None
    labels = model.manifest.get("labels", {})
    return Seer(
        id=model.id,
        name=model.name,
        categories=labels.get("categories", []),
        groups={group["name"]: group["exclusive"] for group in labels.get("groups", [])},
    )


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One transaction that reads, and sees the database as it is now until it ends."""
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with connected(reading) as connection, connection.begin():
        yield connection


def count_found(connection: Connection, selection: Selection) -> int:
    return int(connection.execute(text(f"SELECT count(*) {CHOSEN}"), selection.values).scalar_one())


def found_listings(connection: Connection, selection: Selection) -> Iterator[FoundListing]:
    """In the order in which they first came, through a cursor of the server's: memory does not grow with them."""
    question = text(f"{ROWS} ORDER BY l.id")
    rows = connection.execute(question, selection.values, execution_options={"yield_per": ROWS_AT_ONCE})
    yield from map(_found, rows)


def found_page(connection: Connection, selection: Selection, *, after: int, limit: int) -> list[FoundListing]:
    """The same in pages: those with an id above `after`. For readers who may be slow: no transaction waits for them."""
    question = text(f"{ROWS} AND l.id > :after ORDER BY l.id LIMIT :limit")
    return [_found(row) for row in connection.execute(question, selection.values | {"after": after, "limit": limit})]


def categories_in_use(connection: Connection, catalogue: str, seer: Seer) -> dict[str, int]:
    """Every category that the version, or a person, gave to listings of the catalogue, and to how many."""
    rows = connection.execute(
        text("""
            SELECT s.category, count(*) AS listings
            FROM modiste.listing_summary s JOIN modiste.listing l ON l.id = s.listing_id
            WHERE l.catalogue = :catalogue AND s.model_version_id = :version GROUP BY s.category ORDER BY s.category
        """),
        {"catalogue": catalogue, "version": seer.id},
    )
    return {row.category: row.listings for row in rows}


def _found(row: Row[Any]) -> FoundListing:
    said = row._asdict()
    scored = zip(said.pop("attributes") or (), said.pop("attribute_scores") or (), strict=True)
    attributes: dict[str, list[tuple[str, float]]] = {}
    for attribute, score in sorted(scored, key=lambda pair: -pair[1]):
        group, _, value = attribute.partition(":")
        attributes.setdefault(group, []).append((value, score))
    return FoundListing(**said, attributes=attributes)
