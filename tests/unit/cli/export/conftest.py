"""Listings as the database gives them back, and what a format makes of them."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.export.formats import ExportFormat, open_writer
from cli.export.writer import Writer
from db.found import FoundListing
from db.found_table import FoundTable
from db.listings import ListingData

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
UNSEEN = {"category": None, "category_score": None, "abstained": None, "corrected": None, "attributes": {}}
GROUPS = {"colour": True, "gender": True, "pattern": True, "detail": False}


def make_found(listing: ListingData, photos: Sequence[str] = (), **seen: Any) -> FoundListing:
    """Not looked at, unless `seen` says otherwise."""
    said = {name: getattr(listing, name) for name in ListingData.__dataclass_fields__}
    when = {"enriched_at": MOMENT if seen else None, "changed_at": MOMENT}
    defaults = UNSEEN | ({"category_score": 0.9, "abstained": False, "corrected": False} if seen else {})
    return FoundListing(id=1, **said, photos=photos, **{**defaults, **when, **seen})


def write_all(
    format: ExportFormat,  # noqa: A002
    listings: Sequence[FoundListing],
    marketplace_category: str | None = None,
    *,
    guard: bool = False,
) -> tuple[bytes, Writer]:
    """What is written, and the writer with what it counted."""
    keys = sorted({key for listing in listings for key in listing.metadata})
    out = io.BytesIO()
    table = FoundTable(groups=GROUPS, model_version="v1", keys=keys)
    writer = open_writer(format, out, table, catalogue="shop & co", guard=guard)
    for listing in listings:
        writer.write(listing, marketplace_category)
    writer.finish()
    return out.getvalue(), writer


@pytest.fixture(scope="session")
def found() -> Callable[..., FoundListing]:
    return make_found


@pytest.fixture(scope="session")
def written() -> Callable[..., tuple[bytes, Writer]]:
    return write_all
