"""What a source is: how a recipe names it, the rows that were read of it, and how to read a photo.

Knows no file format; each kind of source is read by a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from trainer.mapping import CATEGORY
from vision.labels import LabelSpace

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the upright original photo
ROLES = ("query", "gallery")
SEPARATOR = ";"  # between several values in one cell


class Kind(StrEnum):
    """TABLE: CSV, JSON Lines or Parquet. The others: DeepFashion's two benchmarks as they are given out."""

    TABLE = "table"
    DEEPFASHION_CATEGORY = "deepfashion-category"
    DEEPFASHION_INSHOP = "deepfashion-inshop"


class Split(StrEnum):
    """train: learned from. dev: early stopping, calibration, thresholds. test: looked at once, for the
    report."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """One source in a recipe. Paths are relative to the folder given with `--data NAME=FOLDER`.

    table: the file of a table; of DeepFashion the folder of its lists, where there are several. photos: a
    folder or a zip.
    photo, category, product, split, split_by, role: names of columns; all but photo may be left out ("" is
    none). attributes: attribute group to column (a group's own name otherwise). product: photos of one
    product are mates for the metric loss. box: the column, or four, with the garment's corners.
    role: the column that says query or gallery.
    split_by: no value of it stands in two splits (default: the product). splits: the table's word for a split
    to ours (train, dev, test). Raises ValueError where it contradicts itself.
    """

    name: str
    licence: str
    kind: Kind = Kind.TABLE
    table: str = ""
    photos: str = "."
    photo: str = "photo"
    category: str | None = CATEGORY
    attributes: Mapping[str, str] = field(default_factory=dict)
    product: str | None = None
    box: str | Sequence[str] | None = None
    role: str | None = None
    split: str | None = None
    split_by: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    dev_share: float = 0.1
    test_share: float = 0.15

    def __post_init__(self) -> None:
        if self.kind not in set(Kind):
            raise ValueError(f"source {self.name!r}: kind {self.kind!r} is none of {', '.join(Kind)}")
        if self.kind == Kind.TABLE and not self.table:
            raise ValueError(f"source {self.name!r}: table is missing; it names the file with the labels")
        if not self.photo:
            raise ValueError(f"source {self.name!r}: photo is empty; it names the column with the photo")
        if len(self.box_columns) not in (0, 1, 4):
            raise ValueError(f"source {self.name!r}: box is one column, or four: x1, y1, x2, y2")
        wrong = sorted(set(self.splits.values()) - set(Split))
        if wrong:
            raise ValueError(f"source {self.name!r}: splits say {wrong}; each is train, dev or test")
        if self.dev_share < 0 or self.test_share < 0 or self.dev_share + self.test_share >= 1:
            raise ValueError(f"source {self.name!r}: dev_share and test_share leave nothing to train on")

    @property
    def box_columns(self) -> tuple[str, ...]:
        """None, one, or four."""
        return tuple(column for column in ([self.box] if isinstance(self.box, str) else self.box or []) if column)

    def columns(self) -> list[str]:
        """Every column the table must have."""
        named = [self.photo, self.category, self.product, self.split, self.split_by, self.role]
        named += [*self.box_columns, *self.attributes.values()]
        return [column for column in named if column]

    def our_split(self, word: str) -> Split | None:
        """What the source's word for a split means; None for an empty one. Raises ValueError."""
        return Split(self.splits.get(word, word)) if word else None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One labelled photo.

    line: where it stands in the file (a CSV's header is 1; of Parquet the row, from 1). words: by column, ""
    where nothing is said, several values of a group joined by `;`. role: "query" or "gallery" in a retrieval
    protocol.
    denied: of columns of which only some values are known, those that do not hold; None where every value of
    a labelled group is known.
    """

    line: int
    photo: str
    words: Mapping[str, str]
    box: Box | None = None
    role: str = ""
    denied: Mapping[str, Collection[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source that was read, and how to read a photo of it (KeyError where it is missing, OSError where it
    cannot be read).

    labels: the names it can say, where it lists them itself. notes: what was strange but not wrong.
    """

    spec: SourceSpec
    table: Path
    rows: tuple[Row, ...]
    read: Callable[[str], bytes]
    labels: LabelSpace | None = None
    notes: tuple[str, ...] = ()
