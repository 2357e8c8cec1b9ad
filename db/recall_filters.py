"""What recall is measured under: filters of various selectivity that the largest catalogue offers, and who asks."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

# Filter keys by the column they are about: a closed set, so that no name is ever anybody's text.
COLUMNS: Mapping[str, str] = {
    "category": "s.category",
    "colour": "l.colour",
    "brand": "l.brand",
    "seller_category": "l.seller_category",
    "gender": "l.gender",
    "size": "l.size",
}
KEYS = tuple(COLUMNS)
SHARES = (0.5, 0.1, 0.05, 0.01, 0.001)
PRICE_SHARE = 0.1
# A value counts for a share where it keeps between half and twice as much.
NEAR_ENOUGH = math.log(2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """A filter (`available` and `catalogue` are part of it) and the listings that ask under it.

    `inside`: they pass it themselves. Shares are of the catalogue's available listings, 0 to 1.
    """

    filters: Mapping[str, Any]
    inside: bool
    kept_share: float
    estimated_share: float
    asked: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """A filter beyond catalogue and availability, and the same as a condition for who asks."""

    filters: Mapping[str, Any]
    condition: str
    values: Mapping[str, Any]


EVERYTHING = Drawn(filters={}, condition="true", values={})


def draw_probes(connection: Connection, version: int, *, queries: int, more_than: int) -> list[Probe]:
    """For each filter those who ask from inside and from outside; none of a catalogue of `more_than` or fewer."""
    largest = connection.execute(
        text("""
            SELECT l.catalogue, count(*) AS listings FROM modiste.listing l
            JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = :version
            WHERE l.available GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1
        """),
        {"version": version},
    ).one_or_none()
    if largest is None or largest.listings <= more_than:
        return []
    base = {"catalogue": largest.catalogue, "available": True}
    total, _ = sizes(connection, version, base)
    probes = []
    for drawn in (
        EVERYTHING,
        *draw_values(connection, version, base, more_than),
        *draw_price(connection, version, base),
    ):
        filters = {**base, **drawn.filters}
        kept, estimated = sizes(connection, version, filters)
        for inside in (True, False):
            asked = draw_asking(connection, version, base, drawn, inside, queries)
            if asked:
                shares = {"kept_share": kept / total, "estimated_share": estimated / total}
                probes.append(Probe(filters=filters, inside=inside, asked=asked, **shares))
    return sorted(probes, key=lambda probe: (-probe.kept_share, not probe.inside))


def sizes(connection: Connection, version: int, filters: Mapping[str, Any]) -> tuple[int, float]:
    """How many listings a filter keeps, counted, and as the planner takes it."""
    row = connection.execute(
        text("""
            SELECT modiste.count_kept(:version, CAST(:filters AS jsonb)),
                   modiste.estimate_kept(:version, CAST(:filters AS jsonb))
        """),
        {"version": version, "filters": json.dumps(dict(filters))},
    ).one()
    return row[0], row[1]


def draw_values(connection: Connection, version: int, base: Mapping[str, Any], more_than: int) -> list[Drawn]:
    """For each share the value that keeps about so much, of as many different keys as there are."""
    columns = ", ".join(COLUMNS[key] for key in KEYS)
    rows = connection.execute(
        text(f"""
            SELECT grouping({columns}) AS others, coalesce({columns}) AS value, count(*) AS kept,
                   (SELECT count(*) FROM modiste.listing l WHERE l.catalogue = :catalogue AND l.available) AS total
            FROM modiste.listing l
            JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = :version
            WHERE l.catalogue = :catalogue AND l.available
            GROUP BY GROUPING SETS ({", ".join(f"({COLUMNS[key]})" for key in KEYS)})
            HAVING count(*) > :more_than AND coalesce({columns}) IS NOT NULL
        """),
        {"version": version, "catalogue": base["catalogue"], "more_than": more_than},
    ).all()
    # GROUPING has a bit for each column, the first one's the highest, that is 0 where it is grouped by.
    ones = (1 << len(KEYS)) - 1
    offered = [(KEYS[len(KEYS) - (ones - row.others).bit_length()], row) for row in rows]
    chosen: dict[tuple[str, str], Drawn] = {}
    used: list[str] = []
    for share in SHARES:
        near = [
            (used.count(key), off, key, row.value)
            for key, row in offered
            if (off := abs(math.log(row.kept / row.total / share))) <= NEAR_ENOUGH and (key, row.value) not in chosen
        ]
        if near:
            _, _, key, value = min(near)
            used.append(key)
            chosen[key, value] = Drawn(
                filters={key: value}, condition=f"{COLUMNS[key]} = :value", values={"value": value}
            )
    return list(chosen.values())


def draw_price(connection: Connection, version: int, base: Mapping[str, Any]) -> list[Drawn]:
    """The cheapest tenth, in the commonest currency."""
    row = connection.execute(
        text("""
            SELECT l.currency, percentile_disc(:share) WITHIN GROUP (ORDER BY l.price) AS price
            FROM modiste.listing l
            JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = :version
            WHERE l.catalogue = :catalogue AND l.available AND l.price IS NOT NULL AND l.currency IS NOT NULL
            GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
        """),
        {"share": PRICE_SHARE, "version": version, "catalogue": base["catalogue"]},
    ).one_or_none()
    if row is None:
        return []
    filters = {"price_max": float(row.price), "currency": row.currency}
    values = {"price": row.price, "currency": row.currency}
    return [Drawn(filters=filters, condition="l.price <= :price AND l.currency = :currency", values=values)]


def draw_asking(
    connection: Connection, version: int, base: Mapping[str, Any], drawn: Drawn, inside: bool, queries: int
) -> Sequence[int]:
    """Up to `queries` listings of the catalogue that pass the filter, or that do not."""
    return connection.scalars(
        text(f"""
            SELECT l.id FROM modiste.listing l
            JOIN modiste.listing_summary s ON s.listing_id = l.id AND s.model_version_id = :version
            WHERE l.catalogue = :catalogue AND l.available AND (({drawn.condition}) IS TRUE) = :inside
            ORDER BY random() LIMIT :queries
        """),
        {"version": version, "catalogue": base["catalogue"], "inside": inside, "queries": queries, **drawn.values},
    ).all()
