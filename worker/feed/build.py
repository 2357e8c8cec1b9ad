"""From the cells of one row to a `FeedRow` or a `RowRejection`. Runs a million times an import: kept lean."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.cells import photo_references
from worker.feed.columns import ColumnMapping
from worker.feed.prices import Mark, Price, names_currency, parse_price
from worker.feed.rows import (
    MAX_FIELD_CHARS,
    MAX_METADATA_CHARS,
    MAX_PHOTOS,
    MAX_REFERENCE_BYTES,
    MAX_TITLE_CHARS,
    CellError,
)
from worker.feed.values import parse_availability, parse_currency

_Value = TypeVar("_Value")

SUSPECT = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
"""Characters no cell may hold: controls, and what stands for bytes that are not in the feed's encoding."""

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_cached_price = lru_cache(maxsize=65_536)(parse_price)
_cached_currency = lru_cache(maxsize=1_024)(parse_currency)
_cached_availability = lru_cache(maxsize=1_024)(parse_availability)


class RowBuilder:
    """Builds rows of one mapping. `columns` are the names of the cells, in order.

    `mark`: the decimal one, where the feed's format says which that is; else its prices show it, one row after another.
    """

    def __init__(self, columns: Sequence[str], mapping: ColumnMapping, *, mark: Mark | None = None) -> None:
        self._mark = mark
        self._columns = tuple(columns)
        position = {name: index for index, name in enumerate(columns)}
        # -1, the empty cell put behind each row's last, stands for a field the feed does not have.
        at = {field: position[name] for field, name in mapping.fields.items()}
        self._names = mapping.fields
        self._id = at["external_id"]
        self._title, self._brand, self._gender = (at.get(name, -1) for name in ("title", "brand", "gender"))
        self._colour, self._size, self._seller = (at.get(name, -1) for name in ("colour", "size", "seller"))
        self._category = at.get("seller_category", -1)
        self._price, self._currency = at.get("price", -1), at.get("currency", -1)
        self._available = at.get("available", -1)
        self._photos = tuple(position[name] for name in mapping.photos)
        self._metadata = tuple((name, position[name]) for name in mapping.metadata)
        self._limits = tuple(self._limit(name, mapping) for name in columns)

    def build(self, line: int, raw: Sequence[str], *, suspect: bool) -> FeedRow | RowRejection:
        """The row that begins on `line`; `suspect` if its text may hold what SUSPECT finds."""
        cells = [cell.strip() for cell in raw]
        cells.append("")
        try:
            if suspect or len(max(cells, key=len)) > MAX_FIELD_CHARS:
                self._check(cells)
            return self._row(line, cells)
        except CellError as error:
            return self._rejection(line, cells, error)

    def _row(self, line: int, cells: list[str]) -> FeedRow:
        external_id = cells[self._id]
        if not external_id:
            raise CellError(self._names["external_id"], RejectionReason.MISSING_ID, "the listing has no id")
        price, currency = self._price_and_currency(cells)
        metadata = {name: cell for name, index in self._metadata if (cell := cells[index])}
        available = not (said := cells[self._available]) or self._is_available(said, metadata)
        photos, left_out = self._references(cells)
        listing = ListingData(
            external_id=external_id,
            title=cells[self._title] or None,
            brand=cells[self._brand] or None,
            price=price,
            currency=currency,
            gender=cells[self._gender] or None,
            colour=cells[self._colour] or None,
            size=cells[self._size] or None,
            seller=cells[self._seller] or None,
            seller_category=cells[self._category] or None,
            available=available,
            metadata=metadata,
        )
        return FeedRow(line=line, listing=listing, photos=photos, photos_left_out=left_out)

    def _price_and_currency(self, cells: list[str]) -> tuple[Decimal | None, str | None]:
        price_text, currency_text = cells[self._price], cells[self._currency]
        currency = self._parsed("currency", _cached_currency, currency_text) if currency_text else None
        if not price_text:
            return None, currency
        price, beside, shown = self._parsed_price(price_text)
        if shown is not None:
            self._mark = shown
        if currency and beside and currency != beside and names_currency(price_text, beside):
            detail = f"the price {price_text[:40]!r} and the currency {currency_text!r} disagree"
            raise CellError(self._names["currency"], RejectionReason.BAD_CURRENCY, detail)
        return price, currency or beside

    def _parsed_price(self, text: str) -> Price:
        try:
            return _cached_price(text, self._mark)
        except ValueError as error:
            raise CellError(self._names["price"], RejectionReason.BAD_PRICE, f"{text[:60]!r}: {error}") from error

    def _is_available(self, text: str, metadata: dict[str, str]) -> bool:
        """Also keeps the seller's word in `metadata`, under its column's own name, where it says more than that."""
        available, says_more = self._parsed("available", _cached_availability, text)
        if says_more:
            metadata[self._names["available"]] = text
        return available

    def _parsed(self, field: str, parse: Callable[[str], _Value], text: str) -> _Value:
        try:
            return parse(text)
        except ValueError as error:
            raise CellError(self._names[field], _REASON_OF_FIELD[field], f"{text[:60]!r}: {error}") from error

    def _references(self, cells: list[str]) -> tuple[tuple[str, ...], int]:
        found: dict[str, None] = {}
        for index in self._photos:
            if cell := cells[index]:
                found.update(dict.fromkeys(photo_references(cell)))
        if len(found) <= MAX_PHOTOS:
            return tuple(found), 0
        return tuple(found)[:MAX_PHOTOS], len(found) - MAX_PHOTOS

    def _check(self, cells: list[str]) -> None:
        for name, limit, cell in zip(self._columns, self._limits, cells, strict=False):
            if SUSPECT.search(cell):
                raise unfit(name, cell)
            if len(cell) > limit:
                raise CellError(name, RejectionReason.TOO_LONG, f"{len(cell)} characters, more than {limit}")
        for index in self._photos:
            for reference in photo_references(cells[index]):
                if (size := len(reference.encode(errors="surrogatepass"))) > MAX_REFERENCE_BYTES:
                    detail = f"a reference of {size} bytes, more than {MAX_REFERENCE_BYTES}"
                    raise CellError(self._columns[index], RejectionReason.TOO_LONG, detail)

    def _rejection(self, line: int, cells: list[str], error: CellError) -> RowRejection:
        external_id = cells[self._id]
        usable = 0 < len(external_id) <= MAX_FIELD_CHARS and not SUSPECT.search(external_id)
        return RowRejection(
            line=line,
            column=error.column,
            reason=error.reason,
            detail=error.detail,
            external_id=external_id if usable else None,
        )

    @staticmethod
    def _limit(name: str, mapping: ColumnMapping) -> int:
        if name == mapping.fields.get("title"):
            return MAX_TITLE_CHARS
        return MAX_FIELD_CHARS if name in mapping.fields.values() else MAX_METADATA_CHARS


_REASON_OF_FIELD = {
    "currency": RejectionReason.BAD_CURRENCY,
    "available": RejectionReason.BAD_AVAILABILITY,
}


def unfit(column: str, cell: str) -> CellError:
    """What is wrong with text that SUSPECT found."""
    control = _CONTROL.search(cell)
    if control is None:
        return CellError(column, RejectionReason.BAD_ENCODING, "bytes that are not in the feed's encoding")
    detail = f"the control character U+{ord(control.group()):04X}"
    return CellError(column, RejectionReason.CONTROL_CHARACTERS, detail)
