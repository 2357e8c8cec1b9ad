"""What is most worth a person's look: listings whose photos contradict the seller, and those the model is not sure of.

What a seller's word means is learned from the catalogue: of 300 listings called "Tops", 280 are seen as Top or T-Shirt.
One of them seen as Trousers contradicts its seller, whatever language the word is of. What is only finer does not:
where most of what is seen as Long-Sleeved T-Shirt is called "Tops", the word covers it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

# A word says something once so many listings have it; what at most this share of them shows contradicts it.
WORDS_MIN = 5
SHARE_MAX = 0.2
# One listing is compared with so many others that have its word, and so many that are seen like it.
COMPARED = 1_000


class Kind(StrEnum):
    """Why a listing is worth a look."""

    CATEGORY = "category"
    COLOUR = "colour"
    UNSURE = "unsure"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewItem:
    """One field of a listing that a person should look at.

    `said` is the seller's word, and `usual` what most listings with this word show; `share` of the `alike` listings
    with this word are seen as this one is (`seen`, with `score`). None and 0 where the model is only not sure.
    `worth`: 0 to 1, more is more worth a look.
    """

    listing_id: int
    field: str
    kind: Kind
    seen: str
    score: float
    said: str | None
    usual: str | None
    share: float
    alike: int
    worth: float

    @property
    def position(self) -> "Position":
        return Position(worth=self.worth, listing_id=self.listing_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place in the queue: what comes after has less worth."""

    worth: float
    listing_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """The first items from a position on, and how many there are from there on in all."""

    items: Sequence[ReviewItem]
    left: int


ACTIVE = "(SELECT id FROM modiste.model_version WHERE state = 'active')"
FROM = f"""
    FROM modiste.listing l JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = {ACTIVE}
"""
# What sellers say beside what is seen, a row a listing.
SAID = {
    Kind.CATEGORY: f"""
        SELECT l.id, l.catalogue, l.seller_category AS said, s.category AS seen,
               s.category_score AS score, s.abstained AS unsure
        {FROM} WHERE l.seller_category <> ''
    """,
    Kind.COLOUR: f"""
        SELECT l.id, l.catalogue, l.colour AS said, substr(a.name, 8) AS seen, a.score,
               false AS unsure
        {FROM} JOIN LATERAL unnest(s.attributes, s.attribute_scores) AS a (name, score) ON a.name LIKE 'colour:%'
        WHERE l.colour <> ''
    """,
}
# What one listing is held against, of these at most COMPARED each.
ALIKE = {
    Kind.CATEGORY: f"""
        AND l.id IN (
            SELECT :listing UNION ALL
            (SELECT other.id FROM modiste.listing mine JOIN modiste.listing other
                    ON other.catalogue = mine.catalogue AND other.seller_category = mine.seller_category
             WHERE mine.id = :listing AND other.id <> mine.id LIMIT :compared)
            UNION
            (SELECT other.listing_id FROM modiste.listing_summary mine JOIN modiste.listing_summary other
                    ON other.model_version_id = mine.model_version_id AND other.category = mine.category
             WHERE mine.listing_id = :listing AND mine.model_version_id = {ACTIVE} LIMIT :compared))
        AND l.catalogue = (SELECT catalogue FROM modiste.listing WHERE id = :listing)
    """,
    Kind.COLOUR: f"""
        AND l.id IN (
            SELECT :listing UNION ALL
            (SELECT other.id FROM modiste.listing mine JOIN modiste.listing other
                    ON other.catalogue = mine.catalogue AND other.colour = mine.colour
             WHERE mine.id = :listing AND other.id <> mine.id LIMIT :compared)
            UNION
            (SELECT other.listing_id FROM modiste.listing_summary mine, unnest(mine.attributes) AS own (name),
                    modiste.listing_summary other
             WHERE mine.listing_id = :listing AND mine.model_version_id = {ACTIVE} AND own.name LIKE 'colour:%'
               AND other.model_version_id = mine.model_version_id AND other.attributes @> ARRAY[own.name]
             LIMIT :compared))
        AND l.catalogue = (SELECT catalogue FROM modiste.listing WHERE id = :listing)
    """,
}
CONTRADICTIONS = """
    WITH said AS ({said} AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue) {which}),
    pair AS (
        SELECT catalogue, said, seen, count(*) AS n, sum(count(*)) OVER (PARTITION BY catalogue, said) AS alike,
               first_value(seen) OVER (PARTITION BY catalogue, said ORDER BY count(*) DESC, seen) AS usual,
               first_value(said) OVER (PARTITION BY catalogue, seen ORDER BY count(*) DESC, said) AS home
        FROM said GROUP BY catalogue, said, seen
    )
    SELECT s.id AS listing_id, '{kind}' AS field, '{kind}' AS kind, s.seen, s.score, s.said, p.usual,
           (p.n / p.alike)::real AS share, p.alike::int AS alike, (s.score * (1 - p.n / p.alike))::real AS worth
    FROM said s JOIN pair p USING (catalogue, said, seen)
    WHERE p.alike >= :words_min AND p.n <= :share_max * p.alike AND s.seen <> p.usual AND s.said <> p.home
      AND NOT s.unsure
"""
UNSURE = f"""
    SELECT l.id AS listing_id, 'category' AS field, 'unsure' AS kind, s.category AS seen, s.category_score AS score,
           l.seller_category AS said, NULL AS usual, 0::real AS share, 0 AS alike,
           (0.5 * (1 - s.category_score))::real AS worth
    {FROM} WHERE s.abstained AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
"""
QUEUE = """
    SELECT *, count(*) OVER () AS remaining FROM ({questions}) AS item
    WHERE (CAST(:after_worth AS real) IS NULL OR (worth, listing_id) < (CAST(:after_worth AS real), :after_id))
      AND NOT EXISTS (SELECT FROM modiste.correction k WHERE k.listing_id = item.listing_id AND k.field = item.field
                                                         AND k.undone_at IS NULL)
    ORDER BY worth DESC, listing_id DESC LIMIT :limit
"""


def review_queue(
    connection: Connection,
    *,
    catalogue: str | None = None,
    kind: Kind | None = None,
    after: Position | None = None,
    limit: int = 1,
) -> Queue:
    """The most valuable first; what a person has corrected or confirmed is not asked again. All kinds by default."""
    questions = {
        Kind.CATEGORY: contradictions(Kind.CATEGORY),
        Kind.COLOUR: contradictions(Kind.COLOUR),
        Kind.UNSURE: UNSURE,
    }
    wanted = [questions[kind]] if kind else list(questions.values())
    question = QUEUE.format(questions=" UNION ALL ".join(f"({one})" for one in wanted))
    values = {
        "catalogue": catalogue,
        "after_worth": after.worth if after else None,
        "after_id": after.listing_id if after else 0,
        "limit": limit,
        "words_min": WORDS_MIN,
        "share_max": SHARE_MAX,
    }
    rows = [dict(row) for row in connection.execute(text(question), values).mappings()]
    left = rows[0]["remaining"] if rows else 0
    return Queue(items=[_item(row) for row in rows], left=left)


def unanswered(connection: Connection, items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Those of the items that no person has corrected or confirmed, in their order."""
    rows = connection.execute(
        text("""
            SELECT listing_id, field FROM modiste.correction
            WHERE listing_id = ANY (:listings) AND undone_at IS NULL
        """),
        {"listings": [item.listing_id for item in items]},
    )
    answered = {(row.listing_id, row.field) for row in rows}
    return [item for item in items if (item.listing_id, item.field) not in answered]


def contradictions(kind: Kind, which: str = "") -> str:
    return CONTRADICTIONS.format(said=SAID[kind], kind=kind.value, which=which)


def contradictions_of(connection: Connection, listing_id: int) -> list[ReviewItem]:
    """What one listing's photos contradict its seller in, by others of its catalogue with its word or seen like it."""
    found: list[ReviewItem] = []
    for kind, alike in ALIKE.items():
        question = f"SELECT * FROM ({contradictions(kind, alike)}) AS item WHERE listing_id = :listing"
        values = {
            "catalogue": None,
            "listing": listing_id,
            "compared": COMPARED,
            "words_min": WORDS_MIN,
            "share_max": SHARE_MAX,
        }
        found += [_item(dict(row)) for row in connection.execute(text(question), values).mappings()]
    return found


def likely_words(connection: Connection, listing_id: int, field: str, limit: int = 6) -> list[str]:
    """What the active version takes the listing's photos for, most probable first; of an attribute group its words."""
    if field == "category":
        votes = "unnest(e.categories, e.category_scores) AS vote (word, score)"
    else:
        votes = """LATERAL (SELECT substr(a, strpos(a, ':') + 1), score FROM unnest(e.attributes, e.attribute_scores)
                    AS said (a, score) WHERE split_part(a, ':', 1) = :field) AS vote (word, score)"""
    rows = connection.execute(
        text(f"""
            SELECT vote.word FROM modiste.photo p JOIN modiste.enrichment e USING (content_id), {votes}
            WHERE p.listing_id = :listing AND e.model_version_id = {ACTIVE} AND p.state <> 'quarantined'
            GROUP BY vote.word ORDER BY sum(vote.score) DESC, vote.word LIMIT :limit
        """),
        {"listing": listing_id, "limit": limit, "field": field},
    )
    return [row.word for row in rows]


def _item(row: dict[str, Any]) -> ReviewItem:
    row.pop("remaining", None)
    return ReviewItem(**{**row, "kind": Kind(row["kind"])})
