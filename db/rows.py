"""A feed's row as a value: what it says of one listing and its photos, or why it cannot be used. Knows no format."""

import re
from dataclasses import dataclass

from db.batches import ContentRef
from db.listings import ListingData
from db.states import RejectionReason

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedRow:
    """A good row: the listing it describes and its photos (URLs or file names, main photo first, none twice).

    `line` is the line of the file the row begins on, the header being line 1; where a file has no lines to speak of
    (Parquet, a JSON document, XML, a folder or zip of photos) it is the row's number from 1. `photos_left_out` counts
    those past the limit.
    """

    line: int
    listing: ListingData
    photos: tuple[str, ...]
    photos_left_out: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RowRejection:
    """A row that cannot be used: where, why, and the listing's id if it could be read. `column` may be empty."""

    line: int
    column: str
    reason: RejectionReason
    detail: str
    external_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundPhoto:
    """The photo that a row's reference means, where it is no URL.

    `validator` changes when the photo does; `content` where its bytes are in the store already.
    """

    name: str
    validator: str
    content: ContentRef | None = None


def is_url(reference: str) -> bool:
    """Whether a row's reference is a URL (of any scheme) rather than a name."""
    return _URL.match(reference) is not None
