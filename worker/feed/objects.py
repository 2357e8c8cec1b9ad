"""Objects with keys, out of JSON or XML, as rows. Keys may come and go; one first seen late is mapped when it comes."""

from collections.abc import Iterable, Mapping
from typing import Any

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.build import SUSPECT, RowBuilder, unfit
from worker.feed.cells import cell_text, photo_text
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.errors import TooManyColumns
from worker.feed.prices import Mark
from worker.feed.rows import MAX_COLUMNS, rejected

SAMPLE_ROWS = 200


class ObjectRows:
    """Makes rows of objects. `columns` and `mapping` grow while it does. `mark`: as of `RowBuilder`."""

    def __init__(
        self, name: str, first: Iterable[Mapping[str, Any]], explicit: Mapping[str, str], *, mark: Mark | None = None
    ) -> None:
        self._mark = mark
        self.columns = _keys(first)
        if len(self.columns) > MAX_COLUMNS:
            raise TooManyColumns(feed=name, count=len(self.columns), limit=MAX_COLUMNS)
        self.mapping: ColumnMapping = match_columns(name, self.columns, explicit)
        self._take_shape()

    def row(self, number: int, found: object, *, suspect: bool) -> FeedRow | RowRejection:
        """The row that an object makes; what is no object is rejected."""
        if not isinstance(found, dict):
            return rejected(number, RejectionReason.NOT_AN_OBJECT, f"a JSON {type(found).__name__}")
        if not found.keys() <= self._known:
            if (bad := next(filter(SUSPECT.search, found), None)) is not None:
                flaw = unfit("", bad)
                return rejected(number, flaw.reason, f"in the name of a field: {flaw.detail}")
            if not self._grow(found):
                detail = f"it brings the number of columns over {MAX_COLUMNS}"
                return rejected(number, RejectionReason.WRONG_NUMBER_OF_COLUMNS, detail)
        try:
            cells = self._cells(found)
        except (ValueError, RecursionError) as error:
            return rejected(number, RejectionReason.NOT_AN_OBJECT, str(error)[:200])
        return self._builder.build(number, cells, suspect=suspect)

    def _cells(self, found: dict[str, Any]) -> list[str]:
        cells: list[Any] = list(map(found.get, self.columns))
        for index, value in enumerate(cells):
            if type(value) is not str:
                text = photo_text if self.columns[index] in self._photos else cell_text
                cells[index] = text(value)
        return cells

    def _grow(self, found: Mapping[str, Any]) -> bool:
        """Take in keys not seen before; False where that were too many."""
        fresh = [name for name in found if name not in self._known]
        if len(self.columns) + len(fresh) > MAX_COLUMNS:
            return False
        for name in fresh:
            self.mapping = self.mapping.with_column(name)
        self.columns = (*self.columns, *fresh)
        self._take_shape()
        return True

    def _take_shape(self) -> None:
        self._known = frozenset(self.columns)
        self._photos = frozenset(self.mapping.photos)
        self._builder = RowBuilder(self.columns, self.mapping, mark=self._mark)


def _keys(objects: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    for found in objects:
        keys.update(dict.fromkeys(name for name in found if not SUSPECT.search(name)))
        if len(keys) > MAX_COLUMNS:
            break
    return tuple(keys)
