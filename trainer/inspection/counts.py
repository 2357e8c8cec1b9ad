"""How a dataset is filled: photos by source and split, labels by name and split, products."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset, Split
from trainer.mapping import CATEGORY


@dataclass(frozen=True, kw_only=True)
class SourceCount:
    """Photos of one source. products: how many it names; photos_per_product: mean and most; alone: products of
    one photo, which no metric loss can use."""

    name: str
    kind: str
    table: str
    train: int
    dev: int
    test: int
    boxes: int
    products: int
    photos_per_product: float
    most_per_product: int
    alone: int
    query: int
    gallery: int


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Photos that are said to show a name, by split. among: those said to show one of several, with it among
    them."""

    name: str
    train: int
    dev: int
    test: int
    among: int = 0

    @property
    def all(self) -> int:
        """Of all splits, without doubt."""
        return self.train + self.dev + self.test


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The category or one attribute group. unlabelled: share of the photos that say nothing of it. ambiguous: how
    many are labelled "one of several". classes: the largest first."""

    label: str
    exclusive: bool
    unlabelled: float
    ambiguous: int
    classes: tuple[ClassCount, ...]


@dataclass(frozen=True, kw_only=True)
class UnknownWord:
    """A word that neither the taxonomy nor a mapping knows: its rows are unlabelled."""

    source: str
    label: str
    word: str
    rows: int


def source_counts(data: Dataset) -> tuple[SourceCount, ...]:
    """Every source, in the order of the rows."""
    sources = {source.spec.name: source for source, _ in data.rows}
    return tuple(_source(data, name, source.spec.kind, str(source.table)) for name, source in sources.items())


def balances(data: Dataset) -> tuple[Balance, ...]:
    """The category, then each attribute group."""
    categories, targets = data.targets.categories, data.targets
    found = []
    if data.labels.categories:
        found.append(
            _balance(data, CATEGORY, data.labels.categories, categories, categories.sum(1) > 0, exclusive=True)
        )
    for group, at in data.labels.columns():
        said, known = targets.attributes[:, at], targets.known[:, at].sum(1) > 0
        found.append(_balance(data, group.name, group.values, said, known, exclusive=group.exclusive))
    return tuple(found)


def unknown_words(data: Dataset) -> tuple[UnknownWord, ...]:
    """The most frequent first."""
    return tuple(
        UnknownWord(source=source, label=label, word=word, rows=rows)
        for (source, label, word), rows in data.ignored.most_common()
    )


def _source(data: Dataset, name: str, kind: str, table: str) -> SourceCount:
    mine = data.sources == name
    splits, roles = Counter(data.splits[mine].tolist()), Counter(data.roles[mine].tolist())
    products = data.targets.products[mine]
    sizes = np.unique(products[products >= 0], return_counts=True)[1]
    return SourceCount(
        name=name,
        kind=str(kind),
        table=table,
        train=splits[Split.TRAIN],
        dev=splits[Split.DEV],
        test=splits[Split.TEST],
        boxes=sum(row.box is not None for source, row in data.rows if source.spec.name == name),
        products=len(sizes),
        photos_per_product=round(float(sizes.mean()), 2) if len(sizes) else 0.0,
        most_per_product=int(sizes.max(initial=0)),
        alone=int((sizes == 1).sum()),
        query=roles["query"],
        gallery=roles["gallery"],
    )


def _balance(
    data: Dataset,
    label: str,
    names: tuple[str, ...],
    said: NDArray[np.bool_],
    known: NDArray[np.bool_],
    *,
    exclusive: bool,
) -> Balance:
    """said (N, K): the names of each photo. known (N,): whether anything is said of it."""
    doubtful = (said.sum(1) > 1) & exclusive
    train, dev, test = (said[(data.splits == split) & ~doubtful].sum(0).tolist() for split in Split)
    among = said[doubtful].sum(0).tolist()
    classes = [
        ClassCount(name=name, train=train[i], dev=dev[i], test=test[i], among=among[i]) for i, name in enumerate(names)
    ]
    return Balance(
        label=label,
        exclusive=exclusive,
        unlabelled=round(1 - int(known.sum()) / max(1, len(known)), 4),
        ambiguous=int(doubtful.sum()),
        classes=tuple(sorted(classes, key=lambda one: -one.all)),
    )
