"""Rows of several sources as one table of numbers: partial labels, products and splits, ready for losses
and metrics."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trainer.errors import SourceError
from trainer.mapping import CATEGORY, Dialect, Names, Taxonomy
from trainer.sources import Row, Source, SourceSpec
from vision.labels import AttributeGroup, LabelSpace

SEPARATOR = ";"  # between the values of a free group in one cell


class Split(StrEnum):
    """train: learned from. dev: early stopping, calibration, thresholds. test: looked at once, for the
    report."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


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
    """Every row of every source. `sources` and `splits` are (N,) arrays of names; `photos` reads row i's
    bytes.

    ignored: words that no name or mapping covers, by (source, label, word), with how often: they are
    unlabelled.
    """

    labels: LabelSpace
    targets: Targets
    sources: NDArray[np.str_]
    splits: NDArray[np.str_]
    rows: Sequence[tuple[Source, Row]]
    ignored: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> bytes:
        """The bytes of a photo. Raises KeyError where it is missing."""
        source, row = self.rows[index]
        return source.read(row.photo)

    def where(self, index: int) -> str:
        """File, line and photo of a row, for messages."""
        source, row = self.rows[index]
        return f"{source.table.name}, line {row.line}, photo {row.photo}"


def build_dataset(sources: Sequence[Source], taxonomy: Taxonomy) -> Dataset:
    """Encodes the rows by the taxonomy. Raises SourceError where a split is unknown or nothing is
    labelled."""
    rows = [(source, row) for source in sources for row in source.rows]
    ignored: Counter[tuple[str, str, str]] = Counter()
    encoders = {id(source): Encoder(source=source, taxonomy=taxonomy, ignored=ignored) for source in sources}
    encoded = [encoders[id(source)].encode(row) for source, row in rows]
    if not any(categories.any() or known.any() for categories, _, known in encoded):
        raise SourceError("no row of any source has a label that the taxonomy knows.")
    categories, attributes, known = (np.stack(part) for part in zip(*encoded, strict=True))
    return Dataset(
        labels=taxonomy.labels,
        targets=Targets(categories=categories, attributes=attributes, known=known, products=_products(rows)),
        sources=np.array([source.spec.name for source, _ in rows]),
        splits=np.array([split_of(source, row) for source, row in rows]),
        rows=rows,
        ignored=ignored,
    )


def split_of(source: Source, row: Row) -> Split:
    """The row's split: the table's own word where it has one, else by a hash of what must not be torn apart.

    Where the table knows no dev photos, they are taken out of train by the same hash.
    """
    spec = source.spec
    given = None if spec.split is None else _given_split(source, row, row.words[spec.split])
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
    if not word:
        return None
    try:
        return Split(source.spec.splits.get(word, word))
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


Encoded = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Turns a source's rows into labels, and counts the words nobody knows."""

    source: Source
    taxonomy: Taxonomy
    ignored: Counter[tuple[str, str, str]]

    def encode(self, row: Row) -> Encoded:
        """(C,) allowed categories, (A,) attributes, (A,) which of them are known."""
        labels = self.taxonomy.labels
        categories = np.isin(labels.categories, self._categories(row))
        attributes = np.zeros(len(labels.attributes), np.bool_)
        known = np.zeros(len(labels.attributes), np.bool_)
        for group, at in labels.columns():
            names = self._values(row, group)
            attributes[at] = [value in names for value in group.values]
            known[at] = bool(names)
        return categories, attributes, known

    def _categories(self, row: Row) -> Names:
        column = self.source.spec.category
        words = [row.words[column]] if column and row.words[column] else []
        return self._dialect.decided(CATEGORY, row.words) or self._translated(CATEGORY, words)

    def _values(self, row: Row, group: AttributeGroup) -> Names:
        cell = row.words.get(self.source.spec.attributes.get(group.name, group.name), "")
        parts = [cell] if group.exclusive else cell.split(SEPARATOR)
        words = [part.strip() for part in parts if part.strip()]
        return self._translated(group.name, words) or self._dialect.decided(group.name, row.words) or ()

    def _translated(self, label: str, words: list[str]) -> Names:
        ours: list[str] = []
        for word in words:
            names = self._dialect.words.get(label, {}).get(word)
            if names is None and word in self.taxonomy.names(label):
                names = (word,)
            if names is None:
                self.ignored[self.source.spec.name, label, word] += 1
            ours += names or ()
        return tuple(ours)

    @property
    def _dialect(self) -> Dialect:
        return self.taxonomy.dialect(self.source.spec.name)
