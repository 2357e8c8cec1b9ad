"""What else is amiss in a catalogue: photos that several sellers use, and words that are missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

FIELDS = ("title", "seller_category", "colour", "brand", "price", "gender", "size")


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedPhoto:
    """One photo content that listings of several sellers show; the listings by id."""

    content_id: int
    sellers: Sequence[str]
    listing_ids: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """How many listings lack a word; `field` is a column of the feed."""

    field: str
    listings: int


def shared_photos(connection: Connection, catalogue: str | None = None, *, limit: int = 24) -> list[SharedPhoto]:
    """Photos that more than one seller shows, those of most sellers first."""
    rows = connection.execute(
        text("""
            SELECT p.content_id, array_agg(DISTINCT l.seller) AS sellers, array_agg(DISTINCT l.id) AS listing_ids
            FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
            WHERE p.content_id IS NOT NULL AND l.seller IS NOT NULL
              AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
            GROUP BY p.content_id HAVING count(DISTINCT l.seller) > 1
            ORDER BY count(DISTINCT l.seller) DESC, p.content_id LIMIT :limit
        """),
        {"catalogue": catalogue, "limit": limit},
    )
    return [SharedPhoto(**row._mapping) for row in rows]


def missing_words(connection: Connection, catalogue: str | None = None) -> list[Missing]:
    """Every column that some listing lacks, the most lacking first."""
    counts = ", ".join(f"count(*) FILTER (WHERE {field} IS NULL) AS {field}" for field in FIELDS)
    row = connection.execute(
        text(f"""
            SELECT {counts},
                   count(*) FILTER (WHERE NOT EXISTS (SELECT FROM modiste.photo WHERE listing_id = l.id)) AS photo
            FROM modiste.listing l WHERE CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue
        """),
        {"catalogue": catalogue},
    ).one()
    lacking = [Missing(field=field, listings=count) for field, count in row._mapping.items() if count]
    return sorted(lacking, key=lambda one: -one.listings)
