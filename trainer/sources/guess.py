"""What lies in a folder, guessed: DeepFashion's lists, or a table and which of its columns says what.

A guess is for looking at data; a run states its sources in a recipe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trainer.errors import SourceError
from trainer.sources.deepfashion import FOLDERS
from trainer.sources.faults import Faults
from trainer.sources.photos import Read, open_photos
from trainer.sources.records import CSV, JSON_LINES, PARQUET, Records, read_records
from trainer.sources.spec import ROLES, SEPARATOR, Kind, SourceSpec
from trainer.sources.table import parse_box

TRIED = 30  # photos looked for, to tell which column names them and where they lie
PLACES = ("photos", "images", "img")  # folders beside a table
PHOTO = ("photo", "image", "img", "picture", "path", "file", "filename", "file_name", "image_name", "image_path")
CATEGORY = ("category", "article_type", "articletype", "product_type", "class", "label")
PRODUCT = ("product", "product_id", "style_group", "style", "style_id", "item", "item_id", "model_id")
SPLIT = ("split", "partition", "subset", "evaluation_status")
BOX = ("box", "bbox", "bounding_box")
CORNERS = (("x1", "y1", "x2", "y2"), ("x_1", "y_1", "x_2", "y_2"), ("xmin", "ymin", "xmax", "ymax"))
SPLITS = {"training": "train", "val": "dev", "valid": "dev", "validation": "dev", "testing": "test"}
MOST_VALUES = 64  # of a column that is taken for an attribute
LONGEST_VALUE = 40


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A source as it was guessed. taken: what each part was found in. aside: columns that say nothing to us."""

    spec: SourceSpec
    folder: Path
    taken: Mapping[str, str]
    aside: tuple[str, ...] = ()


def guess_source(place: Path, photos: Path | None = None) -> Guess:
    """The source in a folder, or in a table; `photos`: a folder or zip of its photos. Raises SourceError."""
    if place.is_file():
        return _guess_table([place], photos)
    if not place.is_dir():
        raise SourceError(f"{place}: there is no such file or folder.")
    if (place / "Anno/list_bbox_inshop.txt").exists():
        return _deepfashion(place, Kind.DEEPFASHION_INSHOP, "")
    lists = [name for name in FOLDERS if (place / name / "list_category_cloth.txt").exists()]
    if lists:
        return _deepfashion(place, Kind.DEEPFASHION_CATEGORY, lists[0])
    tables = sorted(path for path in place.iterdir() if path.suffix.lower() in (*CSV, *JSON_LINES, *PARQUET))
    if not tables:
        raise SourceError(f"{place}: neither a table (CSV, JSON Lines, Parquet) nor DeepFashion's lists are there.")
    return _guess_table(tables, photos)


def _deepfashion(folder: Path, kind: Kind, lists: str) -> Guess:
    spec = SourceSpec(name=folder.resolve().name, kind=kind, table=lists, licence="")
    return Guess(spec=spec, folder=folder, taken={"kind": str(kind), "lists": lists or "Anno"})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A table, the column that may name its photos, and where those may lie; how many of the tried were there."""

    table: Path
    records: Records
    column: str
    photos: Path
    found: int


def _guess_table(tables: Sequence[Path], photos: Path | None) -> Guess:
    """Of several tables and columns the one whose photos are there; of equals the longest table."""
    candidates = [candidate for table in tables for candidate in _candidates(table, photos)]
    if not candidates:
        raise SourceError(f"{tables[0]}: no line of it can be read as a table with a header.")
    best = max(candidates, key=lambda one: (one.found, len(one.records.lines), _preferred(one.column)))
    if not best.found and not _preferred(best.column):
        raise SourceError(f"{best.table}: no column names photos that are there; say where they lie with --photos.")
    return _described(best)


def _candidates(table: Path, photos: Path | None) -> Iterator[Candidate]:
    try:
        records = read_records(table, Faults())
    except OSError as fault:
        raise SourceError(f"{table}: {fault.strerror}.") from fault
    places = [photos] if photos else _photo_places(table.parent)
    for place in places:
        read = open_photos(place)
        for column in records.columns:
            names = islice((words[column] for _, words in records.lines if words[column]), TRIED)
            found = sum(_is_there(read, name) for name in names)
            yield Candidate(table=table, records=records, column=column, photos=place, found=found)


def _photo_places(folder: Path) -> list[Path]:
    folders = [folder, *(folder / name for name in PLACES if (folder / name).is_dir())]
    return [*folders, *sorted(folder.glob("*.zip"))]


def _is_there(read: Read, name: str) -> bool:
    try:
        return bool(read(name))
    except (KeyError, OSError, ValueError):
        return False


def _preferred(column: str) -> int:
    """Larger for a name that photo columns often have."""
    return len(PHOTO) - PHOTO.index(_plain(column)) if _plain(column) in PHOTO else 0


def _described(best: Candidate) -> Guess:
    columns = Columns(best.records, photo=best.column)
    split = columns.named(SPLIT, lambda values: values <= {"", "train", "dev", "test", *SPLITS})
    role = columns.named(("role",), lambda values: values <= {"", *ROLES})
    product = columns.named(PRODUCT, lambda values: 1 < len(values) < len(best.records.lines))
    category = columns.named(CATEGORY, lambda values: len(values) > 1)
    box = columns.box()
    attributes = columns.attributes()
    spec = SourceSpec(
        name=best.table.resolve().parent.name or best.table.stem,
        licence="",
        table=best.table.name,
        photos=str(best.photos.resolve()),
        photo=best.column,
        category=category,
        attributes={column: column for column in attributes},
        product=product,
        split=split,
        splits={word: ours for word, ours in SPLITS.items() if split and word in columns.values(split)},
        role=role,
        box=box,
    )
    parts = {"table": best.table.name, "photos": best.photos.name, "photo": best.column, "category": category}
    parts |= {
        "product": product,
        "split": split,
        "role": role,
        "box": " ".join(box),
        "attributes": ", ".join(attributes),
    }
    taken = {part: column for part, column in parts.items() if column}
    return Guess(spec=spec, folder=best.table.parent, taken=taken, aside=columns.left())


class Columns:
    """The columns of a table, each taken for one thing at most."""

    def __init__(self, records: Records, *, photo: str) -> None:
        self._records = records
        self._free = [column for column in records.columns if column != photo]

    def values(self, column: str) -> set[str]:
        """Its words, "" among them where a cell is empty."""
        return {words[column] for _, words in self._records.lines}

    def left(self) -> tuple[str, ...]:
        """Those that were not taken."""
        return tuple(self._free)

    def named(self, names: Sequence[str], fits: Callable[[set[str]], bool]) -> str | None:
        """The first free column with one of the names whose words fit; it is taken."""
        for name in names:
            for column in self._free:
                if _plain(column) == name and fits(self.values(column)):
                    self._free.remove(column)
                    return column
        return None

    def box(self) -> tuple[str, ...]:
        """The column or four columns that hold boxes; they are taken."""
        for names in (*((name,) for name in BOX), *CORNERS):
            found = tuple(column for name in names for column in self._free if _plain(column) == name)
            if len(found) == len(names) and self._are_boxes(found):
                self._free = [column for column in self._free if column not in found]
                return found
        return ()

    def attributes(self) -> tuple[str, ...]:
        """Columns with a few words that come again and again; they are taken."""
        found = tuple(column for column in self._free if self._is_attribute(column))
        self._free = [column for column in self._free if column not in found]
        return found

    def _are_boxes(self, columns: Sequence[str]) -> bool:
        lines = islice(self._records.lines, TRIED)
        try:
            boxes = [parse_box(" ".join(words[column] for column in columns)) for _, words in lines]
        except ValueError:
            return False
        return any(boxes)

    def _is_attribute(self, column: str) -> bool:
        cells = [words[column] for _, words in self._records.lines if words[column]]
        values = {value.strip() for cell in set(cells) for value in cell.split(SEPARATOR)} - {""}
        return (
            2 <= len(values) <= min(MOST_VALUES, len(cells) // 2)
            and not all(re.fullmatch(r"[-+.,\d\s]+", value) for value in values)
            and all(len(value) <= LONGEST_VALUE and ":" not in value for value in values)
        )


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
