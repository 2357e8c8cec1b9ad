"""A catalogue as something to learn from: every photo whose content is known, with the truest words there are for it.

Knows rows; files and what the trainer makes of the words are others'.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from db.catalogues import require_catalogue
from db.corrections import CATEGORY

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingPhoto:
    """One photo content (SHA-256 in hex) and the seller's words for the listing it shows.

    `corrections`: what a person said is true of the listing, by field (`category`, or an attribute group); None: none
    of the group's words. `metadata`: words by key.
    """

    sha256: str
    external_id: str
    title: str | None
    brand: str | None
    gender: str | None
    colour: str | None
    size: str | None
    seller_category: str | None
    corrections: Mapping[str, str | None]
    metadata: Mapping[str, Any]

    @property
    def category(self) -> str | None:
        """The truth we have: a person's word before the seller's, and never the model's."""
        return self.corrections.get(CATEGORY) or self.seller_category


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """What a catalogue holds. photos = usable + quarantined + unseen; the usable show `known` distinct contents.

    unseen: nobody has looked at them yet, so that their content is not known.
    """

    listings: int
    photos: int
    unseen: int
    quarantined: int
    usable: int
    known: int


# A content that stands in several listings (two sellers, one photo) is one example, or it would be learned from and
# tested on at once. It goes with the listing that a person corrected, else one that says what it is; of several
# the oldest.
PHOTOS = text("""
    SELECT encode(c.sha256, 'hex') AS sha256, l.external_id, l.title, l.brand, l.gender, l.colour, l.size,
           l.seller_category, l.metadata, coalesce(told.corrections, '{}') AS corrections
    FROM (
        SELECT DISTINCT ON (p.content_id) p.content_id, p.listing_id, p.position
        FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
        WHERE l.catalogue = :catalogue AND p.content_id IS NOT NULL AND p.state <> 'quarantined'
        ORDER BY p.content_id,
                 NOT EXISTS (SELECT FROM modiste.correction k WHERE k.listing_id = l.id AND k.undone_at IS NULL),
                 l.seller_category IS NULL, p.listing_id, p.position
    ) AS kept
    JOIN modiste.content c ON c.id = kept.content_id
    JOIN modiste.listing l ON l.id = kept.listing_id
    LEFT JOIN (
        SELECT k.listing_id, jsonb_object_agg(k.field, k.now) AS corrections
        FROM modiste.standing_corrections(
            ARRAY(SELECT DISTINCT c.listing_id FROM modiste.correction c WHERE c.undone_at IS NULL)) AS k
        GROUP BY k.listing_id
    ) AS told ON told.listing_id = l.id
    WHERE told.listing_id IS NOT NULL OR NOT :corrected_only
    ORDER BY kept.listing_id, kept.position, kept.content_id
""")


def training_photos(connection: Connection, catalogue: str, *, corrected_only: bool = False) -> Iterator[TrainingPhoto]:
    """Listing by listing, through a cursor of the server's: memory does not grow with the catalogue.

    `corrected_only`: of listings that a person corrected or confirmed. Nothing for a catalogue that does not exist
    (`training_stock` raises). Read it to its end without much between the
    rows: the transaction stays open meanwhile.
    """
    asked = {"catalogue": catalogue, "corrected_only": corrected_only}
    rows = connection.execute(PHOTOS, asked, execution_options={"yield_per": ROWS_AT_ONCE})
    yield from map(_photo, rows)


def metadata_keys(connection: Connection, catalogue: str) -> list[str]:
    """Every key that any of the catalogue's listings has, and every attribute group that was corrected; by name."""
    return list(
        connection.scalars(
            text("""
                SELECT said.key FROM modiste.listing l, jsonb_object_keys(l.metadata) AS said (key)
                WHERE l.catalogue = :catalogue
                UNION
                SELECT k.field FROM modiste.correction k JOIN modiste.listing l ON l.id = k.listing_id
                WHERE l.catalogue = :catalogue AND k.undone_at IS NULL
                  AND k.field NOT IN ('category', 'colour', 'gender')
                ORDER BY 1
            """),
            {"catalogue": catalogue},
        )
    )


def training_stock(connection: Connection, catalogue: str) -> Stock:
    """Counts, so not for a hot path. Raises `UnknownCatalogue`, which names those there are."""
    require_catalogue(connection, catalogue)
    row = connection.execute(
        text("""
            SELECT (SELECT count(*) FROM modiste.listing WHERE catalogue = :catalogue) AS listings, count(*) AS photos,
                   count(*) FILTER (WHERE p.state <> 'quarantined' AND p.content_id IS NULL) AS unseen,
                   count(*) FILTER (WHERE p.state = 'quarantined') AS quarantined,
                   count(p.content_id) FILTER (WHERE p.state <> 'quarantined') AS usable,
                   count(DISTINCT p.content_id) FILTER (WHERE p.state <> 'quarantined') AS known
            FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id WHERE l.catalogue = :catalogue
        """),
        {"catalogue": catalogue},
    ).one()
    return Stock(**row._mapping)


def _photo(row: Row[Any]) -> TrainingPhoto:
    return TrainingPhoto(**row._mapping)
