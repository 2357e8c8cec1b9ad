"""What a catalogue can be filtered by, for people who choose from a list: which values there are, with their counts.

A choice does not narrow its own list: whoever chose Red still sees how many are Blue. Looks at a bounded number of
listings, so that a page may ask at any time: of more it takes a sample, and rare values may be missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from db.browsing import COUNTED, filter_condition, word_query, words_condition
from db.similarity import typed_errors

LOOKED_AT = COUNTED
BRANDS = 40

# `missed`: how many of the chosen facets a listing does not pass; each list also counts those that miss its own alone.
COUNTS = """
    WITH seen AS MATERIALIZED (
        SELECT s.category, s.attributes, l.brand, {missed} AS missed
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
     GROUP BY brand ORDER BY count(*) DESC, brand LIMIT :brands)
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
    """What the active version has seen: categories, attributes as values by group, and sellers' brands; most first.

    `estimated`: counts are from a sample.
    """

    categories: Sequence[FacetCount]
    attributes: Mapping[str, Sequence[FacetCount]]
    brands: Sequence[FacetCount]
    estimated: bool


def facet_counts(
    connection: Connection, filters: Mapping[str, Any], words: str | None = None, *, listings: int = 0
) -> Facets:
    """Of what passes `filters` and has `words`. `listings`: how many the catalogue has, about. Raises `BadQuestion`."""
    others = dict(filters)
    chosen: dict[str, tuple[str, Any]] = {}
    if category := others.pop("category", None):
        chosen["category"] = ("s.category = :chosen_{n}", category)
    if brand := others.pop("brand", None):
        chosen["brand"] = ("l.brand = :chosen_{n}", brand)
    for attribute in others.pop("attributes", []):
        chosen[f"attributes.{attribute.partition(':')[0]}"] = ("s.attributes @> ARRAY[:chosen_{n}]", attribute)
    query = word_query(words)
    values: dict[str, Any] = {"filters": json.dumps(others), "looked_at": LOOKED_AT, "brands": BRANDS}
    if query:
        values["words"] = query
    missed = "CAST('{{}}' AS text[])"
    for n, (facet, (passes, value)) in enumerate(chosen.items()):
        missed += f" || CASE WHEN {passes.format(n=n)} THEN CAST('{{{{}}}}' AS text[]) ELSE ARRAY[:facet_{n}] END"
        values |= {f"chosen_{n}": value, f"facet_{n}": facet}
    # A word keeps few listings, which its index finds; a sample could miss all of them.
    share = 1.0 if query or listings <= LOOKED_AT else LOOKED_AT / listings
    question = COUNTS.format(
        missed=missed.format(),
        sample="" if share == 1 else f"TABLESAMPLE SYSTEM ({100 * share:.4f}) REPEATABLE (7)",
        condition=f"{filter_condition(connection, values['filters'])} AND {words_condition(query)}",
    )
    with typed_errors():
        rows = connection.execute(text(question), values).all()
    by_group: dict[str, list[FacetCount]] = {}
    lists: dict[str, list[FacetCount]] = {"category": [], "brand": []}
    for row in rows:
        count = round(row.listings / share)
        if row.facet == "attribute":
            group, _, value = row.value.partition(":")
            by_group.setdefault(group, []).append(FacetCount(value=value, listings=count))
        else:
            lists[row.facet].append(FacetCount(value=row.value, listings=count))
    return Facets(categories=lists["category"], attributes=by_group, brands=lists["brand"], estimated=share < 1)


def count_listings(
    connection: Connection, filters: Mapping[str, Any], words: str | None = None, *, at_most: int
) -> int:
    """How many listings pass `filters` and have `words`, counted no further than `at_most`. Raises `BadQuestion`."""
    query = word_query(words)
    values = {"filters": json.dumps(dict(filters)), "at_most": at_most} | ({"words": query} if query else {})
    question = text(f"""
        SELECT count(*) FROM (
            SELECT FROM modiste.listing l
            LEFT JOIN modiste.listing_summary s ON s.listing_id = l.id
                 AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
            WHERE {filter_condition(connection, values["filters"])} AND {words_condition(query)} LIMIT :at_most
        ) AS passing
    """)
    with typed_errors():
        return int(connection.execute(question, values).scalar_one())
