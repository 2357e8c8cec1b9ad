"""A table that `modiste export` wrote, read again: the seller's words as they were, and nothing of what was found.

What a model said is no word of the seller's: taken for metadata, it would go out once more, beside itself.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from db.found_table import CATEGORY, MARKETPLACE, METADATA, ORIGIN, SEEN
from db.found_text import unguarded
from db.rows import FeedRow, RowRejection
from worker.feed.columns import ColumnMapping
from worker.feed.recognise import Reader

_SIGNS = frozenset(("external_id", "seller_category", *CATEGORY, *ORIGIN))
_TEXTS = ("external_id", "title", "brand", "currency", "gender", "colour", "size", "seller", "seller_category")


def is_exported(columns: Collection[str]) -> bool:
    """Whether these are the columns of such a table: no other has all of them."""
    return frozenset(columns) >= _SIGNS


class ExportedFeed:
    """Reads with another reader, and leaves out what was found. is_guarded: its cells may begin with an apostrophe."""

    def __init__(self, reader: Reader, *, is_guarded: bool) -> None:
        self._reader = reader
        self._is_guarded = is_guarded
        self._keys: dict[str, str | None] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, as the table spells them."""
        return self._reader.columns

    @property
    def mapping(self) -> ColumnMapping:
        """What they are taken for; columns of what was found are taken for nothing unless somebody mapped them."""
        mapping = self._reader.mapping
        return replace(mapping, metadata=tuple(filter(None, map(self._key, mapping.metadata))))

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row, in the table's order."""
        for row in self._reader.rows():
            yield self._restored(row) if isinstance(row, FeedRow) else row

    def _restored(self, row: FeedRow) -> FeedRow:
        said = row.listing
        metadata = {key: self._text(text) for name, text in said.metadata.items() if (key := self._key(name))}
        if not self._is_guarded:
            return replace(row, listing=replace(said, metadata=metadata))
        words: dict[str, Any] = {name: self._text(text) for name in _TEXTS if (text := getattr(said, name))}
        photos = tuple(unguarded(photo) if place == 0 else photo for place, photo in enumerate(row.photos))
        return replace(row, listing=replace(said, **words, metadata=metadata), photos=photos)

    def _key(self, column: str) -> str | None:
        """The metadata key that a column stands for; None for what was found."""
        if column not in self._keys:
            self._keys[column] = self._meant(column)
        return self._keys[column]

    def _meant(self, column: str) -> str | None:
        if column in (*CATEGORY, MARKETPLACE, *ORIGIN) or self._is_of_group(column):
            return None
        return self._text(column).removeprefix(METADATA)

    def _is_of_group(self, column: str) -> bool:
        """Whether it holds an attribute group's values or scores, which always stand beside each other."""
        name = column.removesuffix("_score")
        return column.startswith(SEEN) and {name, f"{name}_score"} <= frozenset(self._reader.columns)

    def _text(self, text: str) -> str:
        return unguarded(text) if self._is_guarded else text
