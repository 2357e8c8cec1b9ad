"""What would change if another version were active: both asked the same of a sample of listings.

Samples are drawn by a hash of the listing's id, so two reports of one catalogue ask the same listings.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db.models import RegisteredModel, vector_schema

NEAREST = 10
# Category and attributes are cheap to compare: of more listings than neighbours are.
LISTINGS_COMPARED = 20_000
# Comparing every vector takes a second and a half of a million.
QUERIES_COMPARED_EXACTLY = 50
# As `modiste.nearest_listings` walks at the least.
EF_SEARCH = 200
SHOWN_SIDE_BY_SIDE = 3
SHOWN_FLIPS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedListing:
    """A listing as people know it."""

    id: int
    external_id: str
    title: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """Listings that the active version puts into one category and the other version into another."""

    before: str
    after: str
    listings: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupShift:
    """An attribute group: of the listings that have a value of it under either version, those whose values differ.

    `gained` have one under the new version only, `lost` under the active one only, `changed` others under both.
    """

    group: str
    listings: int
    gained: int
    lost: int
    changed: int

    @property
    def share(self) -> float:
        return (self.gained + self.lost + self.changed) / self.listings


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """A listing, and which others are nearest to its first photo by the active version and by the other."""

    asked: NamedListing
    before: Sequence[NamedListing]
    after: Sequence[NamedListing]


@dataclass(frozen=True, kw_only=True, slots=True)
class Canary:
    """`overlap` (mean over `asked` listings, 0 to 1): how many of the ten contents nearest to a listing's first photo
    are the same by both versions, its own ones left out. None where there is nothing to ask.

    `flipped` of `compared` listings change their category. `recall`: how many of the ten nearest the new version's
    index finds of those that comparing everything finds, mean over `recall_asked`; None while it has no index.
    """

    before: str
    after: str
    asked: int
    overlap: float | None
    compared: int
    flipped: int
    flips: Sequence[Flip]
    shifts: Sequence[GroupShift]
    side_by_side: Sequence[SideBySide]
    recall: float | None
    recall_asked: int


def canary(connection: Connection, before: RegisteredModel, after: RegisteredModel, *, sample: int) -> Canary:
    """Compares `after` with the version `before` over the listings that both have seen. In a transaction of its own."""
    asked = listings_of_both(connection, before.id, after.id, limit=sample)
    pairs = [(nearest(connection, before.id, one), nearest(connection, after.id, one)) for one in asked]
    words = words_of_both(connection, before.id, after.id)
    flips = Counter((row.category_before, row.category_after) for row in words)
    turned = {pair: n for pair, n in flips.most_common() if pair[0] != pair[1]}
    recall, recall_asked = index_recall(connection, after, asked[:QUERIES_COMPARED_EXACTLY])
    return Canary(
        before=before.name,
        after=after.name,
        asked=len(asked),
        overlap=mean(overlap(one, other) for one, other in pairs),
        compared=len(words),
        flipped=sum(turned.values()),
        flips=[Flip(before=a, after=b, listings=n) for (a, b), n in list(turned.items())[:SHOWN_FLIPS]],
        shifts=shifts_of((row.attributes_before, row.attributes_after) for row in words),
        side_by_side=side_by_side(connection, [one.listing_id for one in asked[:SHOWN_SIDE_BY_SIDE]], pairs),
        recall=recall,
        recall_asked=recall_asked,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """A listing with the content of its first photo that both versions have seen, and the contents of all."""

    listing_id: int
    content_id: int
    own: Sequence[int]


def listings_of_both(connection: Connection, before: int, after: int, *, limit: int) -> list[_Asked]:
    rows = connection.execute(
        text("""
            SELECT sampled.id AS listing_id, first.content_id,
                   (SELECT array_agg(p.content_id) FROM modiste.photo p
                    WHERE p.listing_id = sampled.id AND p.content_id IS NOT NULL) AS own
            FROM (SELECT b.listing_id AS id FROM modiste.listing_summary b
                  JOIN modiste.listing_summary a ON a.listing_id = b.listing_id AND a.model_version_id = :after
                  WHERE b.model_version_id = :before ORDER BY hashint8(b.listing_id), b.listing_id LIMIT :n) AS sampled
            CROSS JOIN LATERAL (
                SELECT p.content_id FROM modiste.photo p
                JOIN modiste.enrichment b ON b.content_id = p.content_id AND b.model_version_id = :before
                JOIN modiste.enrichment a ON a.content_id = p.content_id AND a.model_version_id = :after
                WHERE p.listing_id = sampled.id AND p.state <> 'quarantined'
                ORDER BY p.position, p.id LIMIT 1) AS first
            ORDER BY hashint8(sampled.id), sampled.id
        """),
        {"before": before, "after": after, "n": limit},
    )
    return [_Asked(**row._mapping) for row in rows]


def nearest(connection: Connection, version_id: int, asked: _Asked, *, exactly: bool = False) -> list[int]:
    """The contents nearest by cosine that the listing does not show: by the index if there is one, else of all."""
    schema, table = vector_schema(connection), f"modiste.embedding_{int(version_id)}"
    connection.execute(
        text("""
            SELECT set_config('enable_indexscan', :index, true), set_config('hnsw.ef_search', :ef, true)
        """),
        {"index": "off" if exactly else "on", "ef": str(EF_SEARCH)},
    )
    rows = connection.scalars(
        text(f"""
            SELECT e.content_id FROM {table} e
            ORDER BY e.vec OPERATOR({schema}.<=>) (SELECT vec FROM {table} WHERE content_id = :content) LIMIT :n
        """),
        {"content": asked.content_id, "n": NEAREST + len(asked.own)},
    )
    own = set(asked.own)
    return [found for found in rows if found not in own][:NEAREST]


def overlap(one: Collection[int], other: Collection[int]) -> float:
    """Of the longer of two answers the share that is in both; two empty ones agree."""
    most = max(len(one), len(other))
    return len(set(one) & set(other)) / most if most else 1.0


def mean(values: Iterable[float]) -> float | None:
    given = list(values)
    return sum(given) / len(given) if given else None


def index_recall(connection: Connection, version: RegisteredModel, asked: Sequence[_Asked]) -> tuple[float | None, int]:
    """Share of the exact ten nearest that the version's index finds, and over how many queries."""
    if not version.indexed:
        return None, 0
    shares = []
    for one in asked:
        exact = nearest(connection, version.id, one, exactly=True)
        found = nearest(connection, version.id, one)
        shares.append(len(set(exact) & set(found)) / len(exact) if exact else 1.0)
    return mean(shares), len(shares)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Words:
    """What both versions say of one listing."""

    category_before: str
    category_after: str
    attributes_before: Sequence[str]
    attributes_after: Sequence[str]


def words_of_both(connection: Connection, before: int, after: int) -> list[_Words]:
    rows = connection.execute(
        text("""
            SELECT b.category AS category_before, a.category AS category_after,
                   b.attributes AS attributes_before, a.attributes AS attributes_after
            FROM modiste.listing_summary b
            JOIN modiste.listing_summary a ON a.listing_id = b.listing_id AND a.model_version_id = :after
            WHERE b.model_version_id = :before ORDER BY hashint8(b.listing_id), b.listing_id LIMIT :n
        """),
        {"before": before, "after": after, "n": LISTINGS_COMPARED},
    )
    return [_Words(**row._mapping) for row in rows]


def shifts_of(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> list[GroupShift]:
    """Of attributes written `group:value`, given for each listing by both versions; the most shifted group first."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for before, after in pairs:
        had, has = by_group(before), by_group(after)
        for group in had.keys() | has.keys():
            counts[group]["listings"] += 1
            if had.get(group) != has.get(group):
                counts[group]["gained" if group not in had else "lost" if group not in has else "changed"] += 1
    shifts = [
        GroupShift(group=group, listings=n["listings"], gained=n["gained"], lost=n["lost"], changed=n["changed"])
        for group, n in counts.items()
    ]
    return sorted(shifts, key=lambda shift: (-shift.share, shift.group))


def by_group(attributes: Sequence[str]) -> Mapping[str, set[str]]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for attribute in attributes:
        group, _, value = attribute.partition(":")
        groups[group].add(value)
    return groups


def side_by_side(
    connection: Connection, listing_ids: Sequence[int], pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[SideBySide]:
    """The first few of the listings asked; a content is named by the first listing that shows it."""
    few = pairs[: len(listing_ids)]
    names = names_of(connection, {content for pair in few for answer in pair for content in answer}, listing_ids)
    return [
        SideBySide(
            asked=names.listings[listing],
            before=each_once(names.contents[content] for content in before if content in names.contents),
            after=each_once(names.contents[content] for content in after if content in names.contents),
        )
        for listing, (before, after) in zip(listing_ids, few, strict=True)
    ]


def each_once(listings: Iterable[NamedListing]) -> list[NamedListing]:
    """Several of the nearest contents may be of one listing."""
    return list({listing.id: listing for listing in listings}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Names:
    listings: Mapping[int, NamedListing]
    contents: Mapping[int, NamedListing]


def names_of(connection: Connection, contents: Collection[int], listing_ids: Sequence[int]) -> _Names:
    shown = connection.execute(
        text("""
            SELECT DISTINCT ON (p.content_id) p.content_id, l.id, l.external_id, l.title
            FROM modiste.photo p JOIN modiste.listing l ON l.id = p.listing_id
            WHERE p.content_id = ANY (:ids) AND p.state <> 'quarantined' ORDER BY p.content_id, l.id
        """),
        {"ids": list(contents)},
    )
    asked = connection.execute(
        text("SELECT id, external_id, title FROM modiste.listing WHERE id = ANY (:ids)"), {"ids": list(listing_ids)}
    )
    return _Names(
        listings={row.id: NamedListing(**row._mapping) for row in asked},
        contents={
            row.content_id: NamedListing(id=row.id, external_id=row.external_id, title=row.title) for row in shown
        },
    )
