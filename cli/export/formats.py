"""The formats of an export: their names, which one a file's suffix means, and who writes each."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from cli.errors import UsageError
from cli.export.google_files import GoogleTsvWriter, GoogleXmlWriter
from cli.export.shopify import ShopifyWriter
from cli.export.tables import CsvWriter, JsonLinesWriter
from cli.export.writer import CsvLines, Writer
from db.found_table import FoundTable


class ExportFormat(StrEnum):
    """Tables of modiste's own columns, and files as marketplaces read them."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    SHOPIFY = "shopify"
    GOOGLE_XML = "google-xml"
    GOOGLE_TSV = "google-tsv"

    @property
    def is_marketplace(self) -> bool:
        """Whether its columns are somebody else's, and its photos are fetched by somebody else."""
        return self in (ExportFormat.SHOPIFY, ExportFormat.GOOGLE_XML, ExportFormat.GOOGLE_TSV)

    @property
    def has_columns(self) -> bool:
        """Whether all columns have to be known before the first row."""
        return self not in (ExportFormat.JSONL, ExportFormat.GOOGLE_XML)


SUFFIXES: Mapping[str, ExportFormat] = {
    ".csv": ExportFormat.CSV,
    ".jsonl": ExportFormat.JSONL,
    ".ndjson": ExportFormat.JSONL,
    ".parquet": ExportFormat.PARQUET,
    ".xml": ExportFormat.GOOGLE_XML,
    ".tsv": ExportFormat.GOOGLE_TSV,
}


def format_of(file: Path | None, given: ExportFormat | None) -> ExportFormat:
    """The format asked for, or the one that the file's name means. Raises UsageError where neither says it."""
    found = given or (SUFFIXES.get(file.suffix.lower()) if file else None)
    if found is None:
        what = f"{file} does not say in which format" if file else "stdout has no name that would say the format"
        raise UsageError(f"{what}; give --format: {', '.join(ExportFormat)}")
    return found


def open_writer(
    format: ExportFormat,  # noqa: A002
    out: BinaryIO,
    table: FoundTable,
    *,
    catalogue: str,
    guard: bool,
) -> Writer:
    """The writer of a format, which has written what stands before the first listing."""
    if format is ExportFormat.PARQUET:
        from cli.export.columnar import ParquetWriter  # pyarrow takes a quarter of a second to load

        return ParquetWriter(out, table)
    if format is ExportFormat.JSONL:
        return JsonLinesWriter(out, table)
    if format is ExportFormat.GOOGLE_XML:
        return GoogleXmlWriter(out, catalogue)
    of_table: Mapping[ExportFormat, Callable[[CsvLines, FoundTable], Writer]] = {
        ExportFormat.CSV: CsvWriter,
        ExportFormat.SHOPIFY: ShopifyWriter,
        ExportFormat.GOOGLE_TSV: GoogleTsvWriter,
    }
    delimiter = "\t" if format is ExportFormat.GOOGLE_TSV else ","
    return of_table[format](CsvLines(out, delimiter=delimiter, guard=guard), table)
