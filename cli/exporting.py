"""A catalogue as a folder to learn from: `manifest.csv`, a row a photo, and the photos beside it.

Knows the catalogue, the store and the folder; how the trainer reads a manifest is the trainer's.
"""

import csv
import json
import os
import re
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cli.errors import UsageError
from cli.manifest import COLUMNS, columns_of, words_of
from cli.opening import Stack
from cli.stack.locks import alone
from cli.telling import telling
from db.corrections import list_corrections
from db.engine import transaction
from db.training import Stock, metadata_keys, training_photos, training_stock

MANIFEST = "manifest.csv"
PHOTOS = "photos"
MADE = "exported.json"
PHOTO_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
PHOTOS_AT_ONCE = 256
THREADS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What came of an export: rows of the manifest, and why photos are not in it.

    new: files that were not there yet. removed: files of an earlier export that the catalogue has no more. repeated:
    photos with the content of another one. unseen: those nobody has looked at yet. unlabelled: rows without a category.
    """

    catalogue: str
    folder: Path
    photos: int
    new: int
    removed: int
    missing: int
    repeated: int
    unseen: int
    quarantined: int
    unlabelled: int
    columns: tuple[str, ...]


def export_catalogue(
    stack: Stack, catalogue: str, folder: Path, *, link: bool, corrected_only: bool = False
) -> Exported:
    """Writes the catalogue's manifest and those of its photos that are not in the folder yet.

    `corrected_only`: those of listings that a person corrected or confirmed. `link`: photos are further names of the
    store's own files where the disk allows it, which nobody may change in place. Raises UnknownCatalogue, and
    UsageError where there is nothing to export or the folder holds something else.
    """
    with transaction(stack.engine) as connection:
        stock = training_stock(connection, catalogue)
        if corrected_only and next(list_corrections(connection, catalogue), None) is None:
            raise UsageError(
                f"nobody has corrected a listing of catalogue {catalogue} yet; the page /review is for that"
            )
    check_exportable(catalogue, stock)
    claim_folder(folder, catalogue)
    with alone(folder / ".lock"):
        return _Export(stack, catalogue, folder, link=link, corrected_only=corrected_only).run(stock)


def check_exportable(catalogue: str, stock: Stock) -> None:
    """Raises UsageError that says why there is nothing to learn from, and what to do."""
    if stock.usable:
        return
    if not stock.listings:
        why = f"it has no listings; import a feed: modiste import FEED --catalogue {catalogue}"
    elif not stock.photos:
        why = f"none of its {stock.listings:,} listings has a photo; import a feed that names them"
    elif stock.quarantined == stock.photos:
        why = f"all of its {stock.photos:,} photos are in quarantine; `modiste status` says why"
    else:
        why = f"none of its {stock.unseen:,} photos was looked at yet; let `modiste up` do it, or import the feed again"
    raise UsageError(f"catalogue {catalogue} has nothing to learn from: {why}")


def claim_folder(folder: Path, catalogue: str) -> None:
    """Marks a new or empty folder as this catalogue's. Raises UsageError for one that holds anything else."""
    made = folder / MADE
    if made.exists():
        other = _read_mark(made).get("catalogue")
        if other != catalogue:
            raise UsageError(f"{folder} holds an export of {other or 'something else'}; name a new folder")
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and no export; name a new folder")
    (folder / PHOTOS).mkdir(parents=True, exist_ok=True)
    _write_mark(made, {"catalogue": catalogue})


class _Export:
    """One export: the rows out of the database at one go, then the photos, however long they take."""

    def __init__(self, stack: Stack, catalogue: str, folder: Path, *, link: bool, corrected_only: bool) -> None:
        self._engine, self._store, self._catalogue = stack.engine, stack.store, catalogue
        self._folder, self._link, self._corrected_only = folder, link, corrected_only
        self._listed = folder / f".{MANIFEST}.listed"
        self._unfinished = folder / f".{MANIFEST}.unfinished"
        self._photos = self._new = self._missing = self._unlabelled = 0
        # Files of an earlier export; what is left of them at the end is in the catalogue no more.
        self._earlier = {name for name in os.listdir(folder / PHOTOS) if PHOTO_NAME.fullmatch(name)}

    def run(self, stock: Stock) -> Exported:
        keys, rows = self._list()
        self._place(columns_of(keys), rows)
        if not self._photos:
            raise UsageError(
                f"the store at {self._store.where} keeps none of the {rows:,} photos of catalogue {self._catalogue}; "
                "give MODISTE_STORE the store that the workers use, or import the feed again"
            )
        os.replace(self._unfinished, self._folder / MANIFEST)
        self._listed.unlink()
        exported = Exported(
            catalogue=self._catalogue,
            folder=self._folder,
            photos=self._photos,
            new=self._new,
            removed=self._remove_earlier(),
            missing=self._missing,
            repeated=stock.usable - stock.known,
            unseen=stock.unseen,
            quarantined=stock.quarantined,
            unlabelled=self._unlabelled,
            columns=columns_of(keys),
        )
        _write_mark(self._folder / MADE, {name: value for name, value in asdict(exported).items() if name != "folder"})
        return exported

    def _list(self) -> tuple[list[str], int]:
        """All rows into a file first: no transaction stays open while photos are copied."""
        with transaction(self._engine) as connection, self._listed.open("w", newline="", encoding="utf-8") as file:
            keys = metadata_keys(connection, self._catalogue)
            write, rows = csv.writer(file).writerow, 0
            photos = training_photos(connection, self._catalogue, corrected_only=self._corrected_only)
            for rows, photo in enumerate(photos, start=1):  # noqa: B007
                write([photo.sha256, *words_of(photo, keys)])
        return keys, rows

    def _place(self, columns: Sequence[str], rows: int) -> None:
        """Photos into the folder; the rows of those at hand into the manifest."""
        with (
            self._listed.open(newline="", encoding="utf-8") as listed,
            self._unfinished.open("w", newline="", encoding="utf-8") as file,
            ThreadPoolExecutor(THREADS) as pool,
            telling(f"photos of {self._catalogue}", rows, "photos") as tell,
        ):
            manifest = csv.writer(file, lineterminator="\n")
            manifest.writerow(columns)
            table = csv.reader(listed)
            done = 0
            while chunk := list(islice(table, PHOTOS_AT_ONCE)):
                absent = [row for row in chunk if row[1] not in self._earlier]
                new = {row[1] for row, at_hand in zip(absent, pool.map(self._copy, absent), strict=True) if at_hand}
                manifest.writerows(self._counted(words, new) for _, *words in chunk if self._at_hand(words[0], new))
                done += len(chunk)
                tell(done)

    def _copy(self, row: Sequence[str]) -> bool:
        """Whether the store has the photo's bytes, which then are in the folder. Called by threads."""
        sha256, name, *_ = row
        return self._store.copy_photo(sha256, self._folder / PHOTOS / name, link=self._link)

    def _at_hand(self, name: str, new: Set[str]) -> bool:
        if name in new or name in self._earlier:
            return True
        self._missing += 1
        return False

    def _counted(self, words: Sequence[str], new: Set[str]) -> Sequence[str]:
        """A row of the manifest, counted on its way there."""
        name = words[0]
        self._earlier.discard(name)
        self._photos += 1
        self._new += name in new
        self._unlabelled += not words[COLUMNS.index("category")]
        return words

    def _remove_earlier(self) -> int:
        """Photos of an earlier export that were erased since, or whose listing is gone."""
        for name in self._earlier:
            (self._folder / PHOTOS / name).unlink()
        return len(self._earlier)


def _read_mark(made: Path) -> Mapping[str, Any]:
    try:
        mark = json.loads(made.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return mark if isinstance(mark, dict) else {}


def _write_mark(made: Path, mark: Mapping[str, Any]) -> None:
    made.write_text(json.dumps(mark, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
