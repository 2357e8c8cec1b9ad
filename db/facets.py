"""What a catalogue can be filtered by, for people who choose from a list: which values there are, and how many pass.

Looks at a bounded number of rows, so that a page may ask at any time: rare values of a large catalogue may be missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from db.browsing import filter_condition
from db.similarity import typed_errors

LOOKED_AT = 10_000

VALUES = text("""
    WITH few AS (
        SELECT s.category, s.attributes FROM modiste.listing_summary s
        JOIN modiste.listing l ON l.id = s.listing_id
        WHERE s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
          AND (CAST(:catalogue AS text) IS NULL OR l.catalogue = :catalogue)
        LIMIT :looked_at
    )
    SELECT DISTINCT '' AS facet, category AS value FROM few
    UNION ALL
    SELECT split_part(attribute, ':', 1), substr(attribute, strpos(attribute, ':') + 1)
    FROM (SELECT DISTINCT unnest(attributes) AS attribute FROM few) AS seen
    ORDER BY facet, value
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class FacetValues:
    """What the active version has seen: categories, and attributes as values by group. All in order."""

    categories: Sequence[str]
    attributes: Mapping[str, Sequence[str]]


def facet_values(connection: Connection, catalogue: str | None = None) -> FacetValues:
    """Of one catalogue, or of all."""
    facets: dict[str, list[str]] = {}
    for row in connection.execute(VALUES, {"catalogue": catalogue, "looked_at": LOOKED_AT}):
        facets.setdefault(row.facet, []).append(row.value)
    return FacetValues(categories=facets.pop("", []), attributes=facets)


def count_listings(connection: Connection, filters: Mapping[str, Any], *, at_most: int) -> int:
    """How many listings pass `filters`, counted no further than `at_most`. Raises `BadQuestion`."""
    values = {"filters": json.dumps(dict(filters)), "at_most": at_most}
    question = text(f"""
        SELECT count(*) FROM (
            SELECT FROM modiste.listing l
            LEFT JOIN modiste.listing_summary s ON s.listing_id = l.id
                 AND s.model_version_id = (SELECT id FROM modiste.model_version WHERE state = 'active')
            WHERE {filter_condition(connection, values["filters"])} LIMIT :at_most
        ) AS passing
    """)
    with typed_errors():
        return int(connection.execute(question, values).scalar_one())
