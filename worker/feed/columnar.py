"""Parquet, a batch of rows at a time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from db.rows import FeedRow, RowRejection
from worker.feed.build import SUSPECT, RowBuilder
from worker.feed.cells import cell_text, photo_text
from worker.feed.columns import ColumnMapping, match_columns
from worker.feed.errors import BrokenOff, TooManyColumns, UnreadableFeed
from worker.feed.prices import Mark
from worker.feed.rows import MAX_COLUMNS

_BATCH_ROWS = 4_096
_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError)


class ParquetFeed:
    """A feed in a Parquet file. Columns of bytes are no text and are left out."""

    def __init__(self, name: str, path: Path, explicit: Mapping[str, str]) -> None:
        self._name = name
        self._path = path
        schema = self._schema()
        self.columns = tuple(field.name for field in schema if not _has_bytes(field.type))
        if len(self.columns) > MAX_COLUMNS:
            raise TooManyColumns(feed=name, count=len(self.columns), limit=MAX_COLUMNS)
        self.mapping: ColumnMapping = match_columns(name, self.columns, explicit)

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """Every row, numbered from 1; raises BrokenOff where the file cannot be read on."""
        builder = RowBuilder(self.columns, self.mapping, mark=Mark.POINT)
        number = 0
        for columns in self._batches():
            for cells in zip(*columns, strict=True):
                number += 1
                yield builder.build(number, cells, suspect=True)

    def _batches(self) -> Iterator[list[list[str]]]:
        photos = frozenset(self.mapping.photos)
        try:
            with pq.ParquetFile(self._path, pre_buffer=False) as file:
                for batch in file.iter_batches(_BATCH_ROWS, columns=list(self.columns)):
                    yield [_texts(batch.column(name), is_photo=name in photos) for name in self.columns]
        except _DAMAGE as error:
            raise BrokenOff(str(error)[:300]) from error

    def _schema(self) -> Any:
        try:
            with pq.ParquetFile(self._path) as file:
                schema = file.schema_arrow
        except _DAMAGE as error:
            raise UnreadableFeed(feed=self._name, reason=f"as Parquet: {str(error)[:300]}") from error
        if len(set(schema.names)) != len(schema.names):
            raise UnreadableFeed(feed=self._name, reason="two of its columns have one name")
        if any(SUSPECT.search(name) for name in schema.names):
            raise UnreadableFeed(feed=self._name, reason="the name of a column holds a control character")
        return schema


def _texts(column: Any, *, is_photo: bool) -> list[str]:
    """A column's values as the text a table would hold; nulls are empty."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [value or "" for value in column.to_pylist()]
    if pa.types.is_integer(column.type) or pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return [value or "" for value in pc.cast(column, pa.string()).to_pylist()]
    text = photo_text if is_photo else cell_text
    return [text(value) for value in column.cast(_in_microseconds(kind), safe=False).to_pylist()]


def _in_microseconds(kind: Any) -> Any:
    """The type with times that Python has; it has no nanoseconds, and pyarrow raises where there are any."""
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_duration(kind):
        return pa.duration("us")
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_in_microseconds(kind.value_type)))
    if pa.types.is_struct(kind):
        fields = (kind.field(index) for index in range(kind.num_fields))
        return pa.struct([field.with_type(_in_microseconds(field.type)) for field in fields])
    return kind


def _has_bytes(kind: Any) -> bool:
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return True
    if pa.types.is_dictionary(kind):
        return _has_bytes(kind.value_type)
    if pa.types.is_nested(kind):
        return any(_has_bytes(kind.field(index).type) for index in range(kind.num_fields))
    return False
