"""Found listings as Parquet, the flat table of `db.found_table` with a type for each column."""

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from cli.export.writer import Writer
from db.found import FoundListing
from db.found_table import FoundTable
from db.found_text import text_of

ROWS_A_GROUP = 20_000
TYPES = {
    "price": pa.decimal128(14, 2),
    "available": pa.bool_(),
    "photos": pa.list_(pa.string()),
    "category_score": pa.float32(),
    "abstained": pa.bool_(),
    "corrected": pa.bool_(),
    "enriched_at": pa.timestamp("us", tz="UTC"),
    "changed_at": pa.timestamp("us", tz="UTC"),
}


class ParquetWriter(Writer):
    """Row groups of `ROWS_A_GROUP` listings: what is held in memory. Nothing is ever changed to be safe in a cell."""

    def __init__(self, out: BinaryIO, table: FoundTable) -> None:
        super().__init__()
        self._table = table
        self._schema = schema_of(table)
        self._file = pq.ParquetWriter(out, self._schema, compression="zstd")
        self._fixed = len(table.fixed)
        self._rows: list[list[Any]] = []

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        row = self._table.row(listing, marketplace_category)
        row[self._fixed :] = [None if value is None else text_of(value) for value in row[self._fixed :]]
        self._rows.append(row)
        if len(self._rows) == ROWS_A_GROUP:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
            self._file.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            self._rows.clear()


def schema_of(table: FoundTable) -> Any:
    seen = {
        f"seen_{group}{end}": kind if one else pa.list_(kind)
        for group, one in table.groups.items()
        for end, kind in (("", pa.string()), ("_score", pa.float32()))
    }
    types = TYPES | seen
    fixed = [pa.field(name, types.get(name, pa.string())) for name in table.fixed]
    return pa.schema([*fixed, *(pa.field(name, pa.string()) for name in table.columns[len(fixed) :])])
