"""What one row says, in the taxonomy's names and as numbers: allowed categories, attributes, and which are known.

Knows the words of a source and its dialect; nothing of splits, products or other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from trainer.mapping import CATEGORY, Dialect, Names, Taxonomy
from trainer.sources import SEPARATOR, Row, Source
from vision.labels import AttributeGroup

Encoded = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Turns a source's rows into labels, and counts the words nobody knows."""

    source: Source
    taxonomy: Taxonomy
    ignored: Counter[tuple[str, str, str]]

    def encode(self, row: Row) -> Encoded:
        """(C,) allowed categories, (A,) attributes, (A,) which of them are known."""
        categories = np.zeros(len(self.taxonomy.labels.categories), np.bool_)
        categories[[self._places[CATEGORY, name] for name in self._categories(row)]] = True
        attributes, known = np.zeros((2, self._width), np.bool_)
        for group, at in self.taxonomy.labels.columns():
            names = self._values(row, group)
            attributes[[self._places[group.name, name] for name in names]] = True
            denied = None if row.denied is None or group.exclusive else row.denied.get(self._column(group))
            known[at] = bool(names) if denied is None else attributes[at]
            if denied:
                known[self._denied(group, denied)] = True
        return categories, attributes, known

    def _categories(self, row: Row) -> Names:
        column = self.source.spec.category
        words = [row.words[column]] if column and row.words[column] else []
        return self._dialect.decided(CATEGORY, row.words) or self._translated(CATEGORY, words)

    def _values(self, row: Row, group: AttributeGroup) -> Names:
        """Several values of an exclusive group are "one of these"; with one unknown among them, nothing is
        known."""
        cell = row.words.get(self._column(group), "")
        parts = [cell] if self._names(group.name, cell) is not None else cell.split(SEPARATOR)
        words = [part.strip() for part in parts if part.strip()]
        names = self._translated(group.name, words)
        if group.exclusive and any(self._names(group.name, word) is None for word in words):
            names = ()
        return names or self._dialect.decided(group.name, row.words) or ()

    def _denied(self, group: AttributeGroup, words: Collection[str]) -> list[int]:
        """The places of what is known not to hold. A photo may deny a thousand words, so they are looked up
        once."""
        places = self._denials.setdefault(group.name, {})
        for word in set(words).difference(places):
            names = self._names(group.name, word) or ()
            places[word] = [self._places[group.name, name] for name in names]
        return list(chain.from_iterable(map(places.__getitem__, words)))

    def _translated(self, label: str, words: list[str]) -> Names:
        ours: list[str] = []
        for word in words:
            names = self._names(label, word)
            if names is None:
                self.ignored[self.source.spec.name, label, word] += 1
            ours += names or ()
        return tuple(ours)

    def _names(self, label: str, word: str) -> Names | None:
        """Our names for a word of the source, by its dialect or because it is one of them; None if neither."""
        names = self._dialect.words.get(label, {}).get(word)
        return (word,) if names is None and (label, word) in self._places else names

    def _column(self, group: AttributeGroup) -> str:
        return self.source.spec.attributes.get(group.name, group.name)

    @cached_property
    def _width(self) -> int:
        return len(self.taxonomy.labels.attributes)

    @cached_property
    def _denials(self) -> dict[str, dict[str, list[int]]]:
        """By group and word; grows with the words that were met."""
        return {}

    @cached_property
    def _places(self) -> dict[tuple[str, str], int]:
        """Where each category and each value of a group stands among its logits."""
        labels = self.taxonomy.labels
        places = {(CATEGORY, name): place for place, name in enumerate(labels.categories)}
        for group, at in labels.columns():
            places |= {(group.name, value): at.start + place for place, value in enumerate(group.values)}
        return places

    @cached_property
    def _dialect(self) -> Dialect:
        return self.taxonomy.dialect(self.source.spec.name)
