"""Category figures by a source's own words, so that they compare with what others report of the same source.

Our taxonomy may join two of its words or split one; a figure over "its ten largest classes" has to mean its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.bootstrap import bootstrap_mean
from trainer.dataset import Dataset
from trainer.figures import with_interval
from trainer.metrics import macro_f1

LARGE = 10
ENOUGH = 30

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnWords:
    """A source's words for categories, most frequent first over all its splits, and how many photos have each.

    of (N,): number of the word of every row of the dataset, -1 where it has none or none that we understand.
    says (W, C): whether a word has been understood as one of our categories.
    """

    names: tuple[str, ...]
    counts: Ints
    of: Ints
    says: NDArray[np.bool_]

    @classmethod
    def read(cls, data: Dataset, source: str) -> OwnWords:
        """The words of one source of the dataset."""
        mine = np.flatnonzero((data.sources == source) & data.targets.categories.any(1))
        words = {int(i): _word(data, int(i)) for i in mine}
        counts = Counter(word for word in words.values() if word)
        names = tuple(word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
        numbers = {word: number for number, word in enumerate(names)}
        of = np.full(len(data), -1, dtype=np.int64)
        says = np.zeros((len(names), data.targets.categories.shape[1]), np.bool_)
        for row, word in words.items():
            if word:
                of[row] = numbers[word]
                says[numbers[word]] |= data.targets.categories[row]
        return cls(names=names, counts=np.array([counts[name] for name in names], np.int64), of=of, says=says)


def own_word_figures(words: OwnWords, rows: Ints, hits: NDArray[np.float64], predicted: Ints) -> dict[str, float]:
    """top1_large10: top-1 over photos of the ten most frequent words; top1_n30, macro_f1_n30: over photos of words
    that at least thirty photos have (in all splits together). Each figure has its count of photos beside it.

    rows (n,): rows of the dataset. hits (n,): as `trainer.figures.category_hits`. predicted (n,): categories.
    """
    own = words.of[rows]
    figures: dict[str, float] = {}
    common = np.append(words.counts >= ENOUGH, False)[own]
    for name, chosen in (("large10", (own >= 0) & (own < LARGE)), ("n30", common)):
        found = bootstrap_mean(hits[chosen])
        figures |= with_interval(f"category/top1_{name}", found) | {f"category/top1_{name}/n": float(found.n)}
    said = _said_words(words, own[common], hits[common] == 1, predicted[common])
    figures["category/macro_f1_n30"] = macro_f1(own[common], said, len(words.names) + 1)
    figures["category/macro_f1_n30/n"] = float(common.sum())
    return figures


def _said_words(words: OwnWords, own: Ints, right: NDArray[np.bool_], predicted: Ints) -> Ints:
    """(n,) the prediction in the source's words: the photo's own where it is right, else the most frequent other
    word that may mean it; len(names) where none does."""
    other = words.says[:, predicted].T.copy()
    other[np.arange(len(own)), own] = False
    wrong = np.where(other.any(1), other.argmax(1), len(words.names)) if other.size else own
    return np.where(right, own, wrong)


def _word(data: Dataset, index: int) -> str:
    source, row = data.rows[index]
    column = source.spec.category
    return row.words.get(column, "") if column else ""
