"""What a catalogue can be filtered by, for people who choose from a list: which values there are, with their counts.

A choice does not narrow its own list: whoever chose Red still sees how many are Blue. Looks at a bounded number of
listings, so that a page may ask at any time: of more it takes a sample, and rare values may be missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from db.browsing import COUNTED, LIST_FILTERS, listing_condition, word_query, words_condition
from db.similarity import typed_errors

LOOKED_AT = COUNTED
NAMES = 40

# `missed`: how many of the chosen facets a listing does not pass; each list also counts those that miss its own alone.
COUNTS = """
    WITH seen AS MATERIALIZED (
        SELECT s.category, s.attributes, s.abstained, l.brand, l.seller, l.price, {missed} AS missed
        FROM modiste.listing l {sample}
        JOIN modiste.listing_summary s ON s.listing_id = l.id
             AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
        WHERE {condition} LIMIT :looked_at
    )
    SELECT 'category' AS facet, category AS value, count(*) AS listings FROM seen
    WHERE cardinality(missed) = 0 OR missed = ARRAY['category'] GROUP BY category
    UNION ALL
    (SELECT 'brand', brand, count(*) FROM seen
     WHERE brand IS NOT NULL AND (cardinality(missed) = 0 OR missed = ARRAY['brand'])
     GROUP BY brand ORDER BY count(*) DESC, brand LIMIT :names)
    UNION ALL
    (SELECT 'seller', seller, count(*) FROM seen
     WHERE seller IS NOT NULL AND (cardinality(missed) = 0 OR missed = ARRAY['seller'])
     GROUP BY seller ORDER BY count(*) DESC, seller LIMIT :names)
    UNION ALL
    SELECT 'abstained', CAST(abstained AS text), count(*) FROM seen
    WHERE cardinality(missed) = 0 OR missed = ARRAY['abstained'] GROUP BY abstained
    UNION ALL
    SELECT 'price', CAST(price AS text), 1
    FROM (SELECT min(price), max(price) FROM seen
          WHERE cardinality(missed) = 0 OR missed = ARRAY['price']) AS span (lowest, highest),
         unnest(ARRAY[lowest, highest]) AS price
    WHERE price IS NOT NULL
    UNION ALL
    SELECT 'attribute', name, count(*) FROM seen, unnest(attributes) AS said (name)
    WHERE cardinality(missed) = 0 OR missed = ARRAY['attributes.' || split_part(name, ':', 1)] GROUP BY name
    ORDER BY facet, listings DESC, value
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetCount:
    """A value, and how many listings have it."""

    value: str
    listings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facets:
    """What the active version has seen: categories, attributes as values by group; and what sellers said: most first.

    `sure`, `unsure`: how many listings the model is sure of, and of how many not. `prices`: the lowest and the highest.
    `estimated`: counts are from a sample.
    """

    categories: Sequence[FacetCount]
    attributes: Mapping[str, Sequence[FacetCount]]
    brands: Sequence[FacetCount]
    sellers: Sequence[FacetCount]
    sure: int
    unsure: int
    prices: tuple[Decimal, Decimal] | None
    estimated: bool


def facet_counts(
    connection: Connection, filters: Mapping[str, Any], words: str | None = None, *, listings: int = 0
) -> Facets:
    """Of what passes `filters` and has `words`. `listings`: how many the catalogue has, about. Raises `BadQuestion`."""
    others = dict(filters)
    chosen = choices(others)
    query = word_query(words)
    condition, values = listing_condition(connection, others)
    values |= {"looked_at": LOOKED_AT, "names": NAMES} | ({"words": query} if query else {})
    missed = "CAST('{}' AS text[])"
    for n, (facet, passes, value) in enumerate(chosen):
        missed += f" || CASE WHEN {passes.format(n=n)} THEN CAST('{{}}' AS text[]) ELSE ARRAY[:facet_{n}] END"
        values |= {f"chosen_{n}": value, f"facet_{n}": facet}
    # A word keeps few listings, which its index finds; a sample could miss all of them.
    share = 1.0 if query or listings <= LOOKED_AT else LOOKED_AT / listings
    question = COUNTS.format(
        missed=missed,
        sample="" if share == 1 else f"TABLESAMPLE SYSTEM ({100 * share:.4f}) REPEATABLE (7)",
        condition=f"{condition} AND {words_condition(query)}",
    )
    with typed_errors():
        rows = connection.execute(text(question), values).all()
    return facets_of([(row.facet, row.value, row.listings) for row in rows], share)


def choices(filters: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Takes out of `filters` what has a list of its own: its facet, the condition for listing `n`, the value."""
    conditions = {"category": "s.category = :chosen_{n}", "brand": "l.brand = :chosen_{n}"}
    conditions |= {name: f"{passes.partition(':')[0]}:chosen_{{n}}" for name, passes in LIST_FILTERS.items()}
    taken = [(name, passes, filters.pop(name)) for name, passes in conditions.items() if name in filters]
    for name, compared in (("price_min", ">="), ("price_max", "<=")):
        if name in filters:
            taken.append(("price", f"coalesce(l.price {compared} :chosen_{{n}}, false)", filters.pop(name)))
    for attribute in filters.pop("attributes", []):
        group = attribute.partition(":")[0]
        taken.append((f"attributes.{group}", "s.attributes @> ARRAY[:chosen_{n}]", attribute))
    return taken


def facets_of(rows: Sequence[tuple[str, str, int]], share: float) -> Facets:
    """Of (facet, value, how many were seen) among a `share` of the listings."""
    by_group: dict[str, list[FacetCount]] = {}
    lists: dict[str, list[FacetCount]] = {"category": [], "brand": [], "seller": []}
    sureness = {"true": 0, "false": 0}
    prices: list[Decimal] = []
    for facet, value, seen in rows:
        count = round(seen / share)
        if facet == "price":
            prices.append(Decimal(value))
        elif facet == "abstained":
            sureness[value] = count
        elif facet == "attribute":
            group, _, word = value.partition(":")
            by_group.setdefault(group, []).append(FacetCount(value=word, listings=count))
        else:
            lists[facet].append(FacetCount(value=value, listings=count))
    return Facets(
        categories=lists["category"],
        attributes=by_group,
        brands=lists["brand"],
        sellers=lists["seller"],
        sure=sureness["false"],
        unsure=sureness["true"],
        prices=(min(prices), max(prices)) if prices else None,
        estimated=share < 1,
    )


def count_listings(
    connection: Connection, filters: Mapping[str, Any], words: str | None = None, *, at_most: int
) -> int:
    """How many listings pass `filters` and have `words`, counted no further than `at_most`. Raises `BadQuestion`."""
    query = word_query(words)
    condition, values = listing_condition(connection, filters)
    values |= {"at_most": at_most} | ({"words": query} if query else {})
    question = text(f"""
        SELECT count(*) FROM (
            SELECT FROM modiste.listing l
            LEFT JOIN modiste.listing_summary s ON s.listing_id = l.id
                 AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
            WHERE {condition} AND {words_condition(query)} LIMIT :at_most
        ) AS passing
    """)
    with typed_errors():
        return int(connection.execute(question, values).scalar_one())
