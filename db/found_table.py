"""Found listings as one flat table: its columns, always in the same order, and the values of a row. Knows no format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.found import FoundListing

SELLER = (
    "external_id", "title", "brand", "price", "currency", "gender", "colour", "size", "seller", "seller_category",
    "available", "photos",
)  # fmt: skip
CATEGORY = ("category", "category_score", "abstained", "corrected")
MARKETPLACE = "marketplace_category"
ORIGIN = ("model_version", "enriched_at", "changed_at")
# Before the name of an attribute group: what was seen never stands in the place of the seller's own word.
SEEN = "seen_"
METADATA = "metadata."


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTable:
    """What the seller says, what the model sees, where that comes from, then the seller's metadata by `keys`.

    groups: attribute groups, and whether their values exclude each other: others have lists of values and scores.
    """

    groups: Mapping[str, bool]
    model_version: str | None
    keys: Sequence[str] = ()
    with_marketplace: bool = False

    @property
    def fixed(self) -> tuple[str, ...]:
        """All columns but those of metadata."""
        seen = (f"{SEEN}{group}{end}" for group in self.groups for end in ("", "_score"))
        return (*SELLER, *CATEGORY, *((MARKETPLACE,) if self.with_marketplace else ()), *seen, *ORIGIN)

    @property
    def columns(self) -> tuple[str, ...]:
        taken = frozenset(self.fixed)
        return (*self.fixed, *(column_of(key, taken) for key in self.keys))

    def row(self, listing: FoundListing, marketplace_category: str | None) -> list[Any]:
        """A value for each of `columns`."""
        return [*self._fixed(listing, marketplace_category), *map(listing.metadata.get, self.keys)]

    def record(self, listing: FoundListing, marketplace_category: str | None) -> dict[str, Any]:
        """The values by column, with all metadata of the listing whatever `keys` are."""
        values = dict(zip(self.fixed, self._fixed(listing, marketplace_category), strict=True))
        return values | {column_of(key, values): value for key, value in listing.metadata.items()}

    def _fixed(self, listing: FoundListing, marketplace_category: str | None) -> list[Any]:
        enriched = listing.enriched_at is not None
        return [
            *(getattr(listing, name) for name in (*SELLER, *CATEGORY)),
            *((marketplace_category,) if self.with_marketplace else ()),
            *(cell for group, one in self.groups.items() for cell in _seen(listing.attributes.get(group), one=one)),
            self.model_version if enriched else None,
            listing.enriched_at,
            listing.changed_at,
        ]


def column_of(key: str, taken: Mapping[str, Any] | frozenset[str]) -> str:
    """The column of a metadata key, as filters call it where a column of ours has its name."""
    return f"{METADATA}{key}" if key in taken or key.startswith(METADATA) else key


def _seen(values: Sequence[tuple[str, float]] | None, *, one: bool) -> tuple[Any, Any]:
    """What was seen of a group, and the scores."""
    if not values:
        return None, None
    return values[0] if one else ([value for value, _ in values], [score for _, score in values])
