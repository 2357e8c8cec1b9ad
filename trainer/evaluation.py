"""What a model is worth: every metric of `trainer.metrics` over one split, as flat named figures.

Names read `source/task/metric`; `source` is a source's name or `all`. Every share has its count beside it
(`…/n`). What each photo contributed is kept apart by `photo_scores`, for comparing two models.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset
from trainer.figures import (
    JUDGEABLE,
    Figures,
    attribute_figures,
    category_figures,
    category_hits,
    free_rankings,
    group_hits,
    only_answer,
    retrieval_figures,
)
from trainer.metrics import find_mates
from trainer.own_words import OwnWords, own_word_figures
from vision.engines import RawOutputs
from vision.manifest import Calibration

__all__ = ["JUDGEABLE", "evaluate", "only_answer", "photo_scores", "take"]

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
ALL = "all"


def evaluate(outputs: RawOutputs, data: Dataset, rows: Rows, calibration: Calibration) -> Figures:
    """All figures of these rows (outputs are of these rows, in order), for every source and for all
    together."""
    sources = data.sources[rows]
    names = sorted(set(sources.tolist()))
    found = {name: _some(outputs, data, rows, calibration, np.flatnonzero(sources == name)) for name in names}
    together = found[names[0]] if len(names) == 1 else _some(outputs, data, rows, calibration, np.arange(len(rows)))
    own = {name: _by_own_words(outputs, data, rows, name) for name in names}
    return {
        f"{name}/{key}": round(value, 4)
        for name, figures in [(ALL, together), *((name, found[name] | own[name]) for name in names)]
        for key, value in figures.items()
        if not np.isnan(value)
    }


def photo_scores(outputs: RawOutputs, data: Dataset, rows: Rows) -> Mapping[str, Scores]:
    """What each photo scored, (n,) float64 each, nan where it is not labelled or did not ask.

    Named as the figure that is their mean: `category/top1`, `GROUP/micro_f1` of an exclusive group, `GROUP/lrap`
    of a free one, `retrieval/recall@1`, `retrieval/map@r`. Photos of one product are mates as queries:
    give `data.targets.products[rows]` as clusters to a bootstrap of the last two.
    """
    targets, scores = data.targets.take(rows), {}
    if outputs.category_logits.shape[1] and targets.categories.any():
        scores["category/top1"] = category_hits(outputs, targets)
    if outputs.attribute_logits.shape[1]:
        for group, at in data.labels.columns():
            logits, truth, known = outputs.attribute_logits[:, at], targets.attributes[:, at], targets.known[:, at]
            if group.exclusive:
                scores[f"{group.name}/micro_f1"] = group_hits(logits, truth)
            else:
                scores[f"{group.name}/lrap"] = free_rankings(logits, truth, known)
    if outputs.embedding.shape[1]:
        scores |= _retrieval_scores(outputs, targets.products, data.roles[rows])
    return {name: each for name, each in scores.items() if not np.isnan(each).all()}


def _retrieval_scores(outputs: RawOutputs, products: Rows, roles: NDArray[np.str_]) -> dict[str, Scores]:
    found = find_mates(outputs.embedding, products, queries=roles != "gallery", gallery=roles != "query")
    first, map_at_r = np.full(len(products), np.nan), np.full(len(products), np.nan)
    first[found.photos], map_at_r[found.photos] = found.first <= 1, found.map_at_r
    return {"retrieval/recall@1": first, "retrieval/map@r": map_at_r}


def _some(outputs: RawOutputs, data: Dataset, rows: Rows, calibration: Calibration, chosen: Rows) -> Figures:
    part, targets = take(outputs, chosen), data.targets.take(rows[chosen])
    return {
        **category_figures(part, targets, calibration),
        **attribute_figures(part, targets, data.labels, calibration),
        **retrieval_figures(part, targets, data.roles[rows[chosen]]),
    }


def _by_own_words(outputs: RawOutputs, data: Dataset, rows: Rows, source: str) -> Figures:
    chosen = np.flatnonzero(data.sources[rows] == source)
    part, targets = take(outputs, chosen), data.targets.take(rows[chosen])
    words = OwnWords.read(data, source)
    if not (words.names and part.category_logits.shape[1] and targets.categories.any()):
        return {}
    return own_word_figures(words, rows[chosen], category_hits(part, targets), part.category_logits.argmax(1))


def take(outputs: RawOutputs, rows: Rows) -> RawOutputs:
    """The outputs of some photos."""
    return RawOutputs(
        category_logits=outputs.category_logits[rows],
        attribute_logits=outputs.attribute_logits[rows],
        embedding=outputs.embedding[rows],
    )
