"""One export from beginning to end: which listings, through which writer, and what is to be told of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from sqlalchemy import Connection, Engine

from cli.export.formats import ExportFormat, open_writer
from cli.export.target import opened
from cli.export.taxonomy import read_taxonomy
from cli.export.writer import Writer
from cli.telling import telling
from db.catalogues import require_catalogue
from db.engine import transaction
from db.found import (
    FoundListing,
    Selection,
    active_seer,
    begin_export,
    categories_in_use,
    count_found,
    found_listings,
    snapshot,
)
from db.found_table import FoundTable
from db.rows import is_url
from db.training import metadata_keys

TOLD_EVERY = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to write, and how.

    file: None for stdout. categories: the file that names the marketplace's own. min_score: what the model is less
    sure of is left empty. guard: no cell of a table is a formula. photo_base: goes before photos that are no URLs.
    """

    catalogue: str
    file: Path | None
    format: ExportFormat
    categories: Path | None
    only_available: bool
    min_score: float
    changes_since: str | None
    guard: bool
    photo_base: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written.

    whole: not only changes. enriched: listings that the model version has looked at. unmapped: listings by category
    that the marketplace has no name for. missing and left_out: see `cli.export.writer`.
    photo_names: photos that are no URLs, where the format is for somebody who would fetch them.
    """

    catalogue: str
    file: Path | None
    format: ExportFormat
    model_version: str | None
    rows: int
    whole: bool
    enriched: int
    unmapped: Mapping[str, int]
    missing: Mapping[str, int]
    left_out: Mapping[str, int]
    photo_names: int
    cursor: str


def write_catalogue(engine: Engine, order: Order) -> Written:
    """Raises db's errors, and UsageError for files that cannot be read or written."""
    selection, cursor = begin_export(engine, order.catalogue, order.changes_since)
    selection = replace(selection, only_available=order.only_available)
    with snapshot(engine) as connection:
        export = _Export(order, selection, connection)
        with opened(order.file) as out:
            writer = export.write(connection, out)
    return Written(
        catalogue=order.catalogue,
        file=order.file,
        format=order.format,
        model_version=cursor.model_version,
        rows=export.rows,
        whole=selection.since is None,
        enriched=export.enriched,
        unmapped=dict(export.unmapped.most_common()),
        missing=dict(writer.missing.most_common()),
        left_out=dict(writer.left_out.most_common()),
        photo_names=export.photo_names if order.format.is_marketplace else 0,
        cursor=cursor.encoded(),
    )


def model_categories(engine: Engine, catalogue: str) -> dict[str, int]:
    """Every category that an export may name, the model's first, and how many listings of the catalogue have it."""
    with transaction(engine) as connection:
        require_catalogue(connection, catalogue)
        seer = active_seer(connection)
        if seer is None:
            return {}
        return dict.fromkeys(seer.categories, 0) | categories_in_use(connection, catalogue, seer)


class _Export:
    """Counts what it writes."""

    def __init__(self, order: Order, selection: Selection, connection: Connection) -> None:
        self._order, self._selection = order, selection
        self._taxonomy: Mapping[str, str] = {}
        if order.categories:
            seer = selection.seer
            used = categories_in_use(connection, order.catalogue, seer) if seer else {}
            self._taxonomy = read_taxonomy(order.categories, [*(seer.categories if seer else ()), *used])
        self.rows = self.enriched = self.photo_names = 0
        self.unmapped: Counter[str] = Counter()

    def write(self, connection: Connection, out: BinaryIO) -> Writer:
        """Writes all listings; what is to be told of them is in the writer."""
        total = count_found(connection, self._selection)
        writer = open_writer(
            self._order.format,
            out,
            self._table(connection),
            catalogue=self._order.catalogue,
            guard=self._order.guard,
        )
        with telling(f"listings of {self._order.catalogue}", total, "listings") as tell:
            for listing in found_listings(connection, self._selection):
                self._write_one(writer, listing)
                if self.rows % TOLD_EVERY == 0:
                    tell(self.rows)
        writer.finish()
        return writer

    def _table(self, connection: Connection) -> FoundTable:
        seer = self._selection.seer
        return FoundTable(
            groups=seer.groups if seer else {},
            model_version=seer.name if seer else None,
            keys=metadata_keys(connection, self._order.catalogue) if self._order.format.has_columns else (),
            with_marketplace=self._order.categories is not None,
        )

    def _write_one(self, writer: Writer, listing: FoundListing) -> None:
        if self._order.min_score:
            listing = listing.at_least(self._order.min_score)
        names = sum(not is_url(photo) for photo in listing.photos)
        if names and self._order.photo_base:
            base = self._order.photo_base
            listing = replace(listing, photos=[p if is_url(p) else f"{base}{quote(p)}" for p in listing.photos])
        elif names:
            self.photo_names += names
        writer.write(listing, self._marketplace_category(listing))
        self.rows += 1
        self.enriched += listing.enriched_at is not None

    def _marketplace_category(self, listing: FoundListing) -> str | None:
        category = listing.sure_category
        name = self._taxonomy.get(category) if category else None
        if category and name is None and self._order.categories:
            self.unmapped[category] += 1
        return name
