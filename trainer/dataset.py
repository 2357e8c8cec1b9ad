"""Rows of several sources as one table of numbers: partial labels, products and splits, ready for losses
and metrics."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trainer.crops import decode_box
from trainer.encoding import Encoder
from trainer.errors import SourceError
from trainer.mapping import Taxonomy
from trainer.sources import Row, Source, SourceSpec, Split
from vision.labels import LabelSpace
from vision.preprocess import PixelRule

__all__ = [
    "Dataset",
    "Split",
    "Targets",
    "build_dataset",
    "check_trainable",
    "encode",
    "hash_share",
    "split_of",
]

SHOWN = 10  # names in one warning


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """What is known of N photos.

    categories (N, C) bool: the allowed ones, none where unlabelled. attributes (N, A) bool: the values that are
    said, in the order of the attribute logits. known (N, A) bool: of which values it is known whether they
    hold; in an exclusive group all or none. products (N,) int64, -1 where unknown.
    """

    categories: NDArray[np.bool_]
    attributes: NDArray[np.bool_]
    known: NDArray[np.bool_]
    products: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Targets:
        """The same of some photos."""
        return Targets(
            categories=self.categories[rows],
            attributes=self.attributes[rows],
            known=self.known[rows],
            products=self.products[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Every row of every source. `sources`, `splits` and `roles` ("", "query", "gallery") are (N,) arrays of
    names.

    ignored: words that no name or mapping covers, by (source, label, word), with how often: they are
    unlabelled.
    """

    labels: LabelSpace
    targets: Targets
    sources: NDArray[np.str_]
    splits: NDArray[np.str_]
    roles: NDArray[np.str_]
    rows: Sequence[tuple[Source, Row]]
    ignored: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> bytes:
        """The bytes of a photo. Raises KeyError where it is missing."""
        source, row = self.rows[index]
        return source.read(row.photo)

    def pixels(self, index: int, rule: PixelRule) -> NDArray[np.uint8]:
        """A photo as the network sees it, cut to its box where it has one: (S, S, 3) uint8.

        Raises PhotoError, KeyError where it is missing, OSError where it cannot be read.
        """
        return decode_box(self.read(index), rule, self.rows[index][1].box)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will train, but not well: classes of one photo, empty splits, what the sources noted."""
        return (*_thin_classes(self), *_empty_splits(self), *_notes(self))

    def where(self, index: int) -> str:
        """File, line and photo of a row, for messages."""
        source, row = self.rows[index]
        return f"{source.table.name}, line {row.line}, photo {row.photo}"


def build_dataset(sources: Sequence[Source], taxonomy: Taxonomy) -> Dataset:
    """Encodes the rows by the taxonomy. Raises SourceError where a split is unknown or nothing is labelled
    (by products alone, where the taxonomy is empty)."""
    data = encode(sources, taxonomy)
    can_say = bool(taxonomy.labels.categories or taxonomy.labels.groups)
    said = (data.targets.categories, data.targets.known) if can_say else (data.targets.products >= 0,)
    if not any(part.any() for part in said):
        raise SourceError("no row of any source has a label that the taxonomy knows.")
    return data


def encode(sources: Sequence[Source], taxonomy: Taxonomy) -> Dataset:
    """The same, whatever is labelled or not."""
    rows = [(source, row) for source in sources for row in source.rows]
    ignored: Counter[tuple[str, str, str]] = Counter()
    encoders = {id(source): Encoder(source=source, taxonomy=taxonomy, ignored=ignored) for source in sources}
    targets = _blank(len(rows), taxonomy.labels, _products(rows))
    for index, (source, row) in enumerate(rows):
        encoded = encoders[id(source)].encode(row)
        targets.categories[index], targets.attributes[index], targets.known[index] = encoded
    return Dataset(
        labels=taxonomy.labels,
        targets=targets,
        sources=np.array([source.spec.name for source, _ in rows]),
        splits=np.array([split_of(source, row) for source, row in rows]),
        roles=np.array([row.role for _, row in rows]),
        rows=rows,
        ignored=ignored,
    )


def check_trainable(data: Dataset) -> None:
    """Raises SourceError where no photo is left to train on."""
    if not (data.splits == Split.TRAIN).any():
        found = Counter(data.splits.tolist())
        raise SourceError(
            f"no photo is in the split train ({', '.join(f'{name}: {n}' for name, n in found.items()) or 'no rows'}); "
            "correct the split column, `splits` or the shares of the recipe."
        )


def split_of(source: Source, row: Row) -> Split:
    """The row's split: the table's own word where it has one, else by a hash of what must not be torn apart.

    Where the table knows no dev photos, they are taken out of train by the same hash.
    """
    spec = source.spec
    given = None if not spec.split else _given_split(source, row, row.words[spec.split])
    if given in (Split.DEV, Split.TEST):
        return given
    place = hash_share(f"{spec.name}/{_kept_together(spec, row)}")
    if given is Split.TRAIN:
        carve = Split.DEV not in spec.splits.values()
        return Split.DEV if carve and place < spec.dev_share else Split.TRAIN
    if place < spec.dev_share:
        return Split.DEV
    return Split.TEST if place < spec.dev_share + spec.test_share else Split.TRAIN


def hash_share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _kept_together(spec: SourceSpec, row: Row) -> str:
    column = spec.split_by or spec.product
    return (row.words[column] if column else "") or row.photo


def _given_split(source: Source, row: Row, word: str) -> Split | None:
    try:
        return source.spec.our_split(word)
    except ValueError as fault:
        raise SourceError(
            f"{source.table}, line {row.line}, column {source.spec.split}: {word!r} is no split; "
            "write train, dev or test, or translate it with `splits` in the recipe."
        ) from fault


def _products(rows: Sequence[tuple[Source, Row]]) -> NDArray[np.int64]:
    numbers: dict[tuple[str, str], int] = {}
    out = np.full(len(rows), -1, dtype=np.int64)
    for index, (source, row) in enumerate(rows):
        word = row.words[source.spec.product] if source.spec.product else ""
        if word:
            out[index] = numbers.setdefault((source.spec.name, word), len(numbers))
    return out


def _blank(count: int, labels: LabelSpace, products: NDArray[np.int64]) -> Targets:
    """Nothing known of `count` photos but their products."""
    return Targets(
        categories=np.zeros((count, len(labels.categories)), np.bool_),
        attributes=np.zeros((count, len(labels.attributes)), np.bool_),
        known=np.zeros((count, len(labels.attributes)), np.bool_),
        products=products,
    )


def _thin_classes(data: Dataset) -> list[str]:
    """Categories and attribute values that a single photo shows: nothing can be learned or judged of them."""
    counted = [(data.labels.categories, data.targets.categories), (data.labels.attributes, data.targets.attributes)]
    single = [name for names, said in counted for name, n in zip(names, said.sum(0), strict=True) if n == 1]
    more = f" and {len(single) - SHOWN} more" if len(single) > SHOWN else ""
    return [f"labels with one photo only: {', '.join(single[:SHOWN])}{more}."] if single else []


def _empty_splits(data: Dataset) -> list[str]:
    why = {Split.DEV: "nothing to stop early or to calibrate by", Split.TEST: "nothing to measure on"}
    return [f"no photo is in the split {split}: {why[split]}." for split in why if not (data.splits == split).any()]


def _notes(data: Dataset) -> list[str]:
    sources = {source.spec.name: source for source, _ in data.rows}
    return [f"{name}: {note}" for name, source in sources.items() for note in source.notes]
