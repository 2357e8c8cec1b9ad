"""What a seller says of one listing, as a value that crosses layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingData:
    """The seller's own data of one listing; unique in its catalogue by `external_id`.

    Empty strings never stand for "not given": that is None. `metadata` holds every column that modiste has no name
    for, as text.
    """

    external_id: str
    title: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    gender: str | None = None
    colour: str | None = None
    size: str | None = None
    seller: str | None = None
    seller_category: str | None = None
    available: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
