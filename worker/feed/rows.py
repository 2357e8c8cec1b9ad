"""What a feed gives: rows and rejected rows. And the limits a row must keep to."""

from dataclasses import dataclass
from enum import StrEnum

from db.listings import ListingData

MAX_FIELD_CHARS = 255
MAX_TITLE_CHARS = 2_000
MAX_METADATA_CHARS = 100_000
MAX_REFERENCE_BYTES = 2_048  # as UTF-8: it is part of a unique index, whose entries are bounded
MAX_PHOTOS = 20
MAX_COLUMNS = 2_000
MAX_LINE_CHARS = 1 << 20


class RejectionReason(StrEnum):
    """Why a row was rejected. A closed set: it is counted, filtered by and shown."""

    MISSING_ID = "missing_id"
    BAD_PRICE = "bad_price"
    BAD_CURRENCY = "bad_currency"
    BAD_AVAILABILITY = "bad_availability"
    TOO_LONG = "too_long"
    BAD_ENCODING = "bad_encoding"
    CONTROL_CHARACTERS = "control_characters"
    WRONG_NUMBER_OF_COLUMNS = "wrong_number_of_columns"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_ID = "duplicate_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedRow:
    """A good row: the listing it describes and its photos (URLs or file names, main photo first, none twice).

    `line` is the line of the file the row begins on, the header being line 1; in Parquet and in a folder or zip of
    photos it is the row's number from 1. `photos_left_out` counts those past MAX_PHOTOS.
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


class CellError(Exception):
    """One cell is bad: raised while a row is built, never let out of it."""

    def __init__(self, column: str, reason: RejectionReason, detail: str) -> None:
        super().__init__(column, reason, detail)
        self.column = column
        self.reason = reason
        self.detail = detail
