"""The section on retrieval: how often photos of one product find each other, and whom they find instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.report.charts import similarities
from trainer.report.evidence import Evidence
from trainer.report.plots import Plot

SHOWN = 6  # neighbours of a query
EXAMPLES = 5  # queries of each kind
KS = (1, 5, 10, 20)
BINS = 80
EDGES = np.linspace(-1.0, 1.0, BINS + 1)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A photo (row of the data) that was found, and whether it is of the query's product; spare: all that were to be
    found stand before it."""

    row: int
    similarity: float
    right: bool
    spare: bool

    @property
    def mark(self) -> str:
        """How it is framed."""
        return "right" if self.right else "spare" if self.spare else "wrong"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A query and its nearest photos. mates: how many photos of its product there were to find."""

    row: int
    mates: int
    found: Sequence[Neighbour]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Recall@k by k and mAP@R over the queries of one source, or of all."""

    source: str
    queries: int
    recall: Mapping[int, float]
    map_at_r: float


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """The section. right: examples whose nearest photo is of their product; wrong: those whose nearest is not."""

    figures: Sequence[Figures]
    right: Sequence[Example]
    wrong: Sequence[Example]
    right_count: int
    wrong_count: int
    plot: Plot


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """Of each query (place among the N photos): its nearest SHOWN places, their similarities; histograms."""

    queries: NDArray[np.int64]
    nearest: NDArray[np.int64]
    similarity: NDArray[np.float32]
    mates: NDArray[np.int64]
    histograms: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def neighbours(evidence: Evidence) -> Retrieval | None:
    """None where the model has no embedding or no query of the split has a mate to find. As the figures count it: a
    "query" only asks, a "gallery" photo is only searched, one without a role does both."""
    products = evidence.targets.products
    queries = _queries(products, evidence.data.roles[evidence.rows])
    if not evidence.outputs.embedding.shape[1] or not queries.size:
        return None
    found = _search(evidence, queries)
    hit = products[found.nearest[:, 0]] == products[found.queries]
    return Retrieval(
        figures=_figures(evidence),
        right=[_example(evidence, found, i) for i in _spread(np.flatnonzero(hit))],
        wrong=[_example(evidence, found, i) for i in _spread(np.flatnonzero(~hit))],
        right_count=int(hit.sum()),
        wrong_count=int((~hit).sum()),
        plot=similarities(EDGES, *found.histograms),
    )


def _queries(products: NDArray[np.int64], roles: NDArray[np.str_]) -> NDArray[np.int64]:
    """Places of the photos that ask and have another photo of their product to find."""
    searched = products[(roles != "query") & (products >= 0)]
    to_find = np.isin(products, searched) & (roles == "query")
    twice = np.flatnonzero(np.bincount(searched, minlength=1) > 1)
    return np.flatnonzero(to_find | (np.isin(products, twice) & (roles == "")))


def _search(evidence: Evidence, queries: NDArray[np.int64]) -> _Found:
    """One query at a time, so that memory stays flat."""
    embedding, products = evidence.outputs.embedding, evidence.targets.products
    gallery = evidence.data.roles[evidence.rows] != "query"
    nearest, similarity, mates = [], [], []
    histograms = [np.zeros(BINS, np.int64) for _ in range(3)]
    for query in queries.tolist():
        close = np.where(gallery, embedding @ embedding[query], -np.inf)
        close[query] = -np.inf
        same = gallery & (products == products[query])
        same[query] = False
        others = close[gallery & (products != products[query])]
        for i, values in enumerate((close[same], others, others[others.argmax() :][:1] if len(others) else others)):
            histograms[i] += np.histogram(np.clip(values, -1, 1), EDGES)[0]
        order = np.lexsort((same, -close))[: min(SHOWN, int(np.isfinite(close).sum()))]
        nearest.append(order)  # of equally near photos a mate is last, as the figures count it
        similarity.append(close[order])
        mates.append(int(same.sum()))
    return _Found(
        queries=queries,
        nearest=np.stack(nearest),
        similarity=np.stack(similarity),
        mates=np.array(mates, np.int64),
        histograms=(histograms[0], histograms[1], histograms[2]),
    )


def _figures(evidence: Evidence) -> list[Figures]:
    """As `trainer.evaluation` has them: each source among its own photos, and all among all."""
    asked = {name.split("/")[0]: int(n) for name, n in evidence.figures.items() if name.endswith("/retrieval/queries")}
    return [
        Figures(source=source, queries=queries, **_of_source(evidence.figures, f"{source}/retrieval/"))
        for source, queries in asked.items()
    ]


def _of_source(figures: Mapping[str, float], start: str) -> dict[str, Any]:
    recall = {k: figures[f"{start}recall@{k}"] for k in KS if f"{start}recall@{k}" in figures}
    return {"recall": recall, "map_at_r": figures[f"{start}map@r"]}


def _spread(places: NDArray[np.int64]) -> list[int]:
    """Evenly spaced over the queries in their order: nobody picked them."""
    if not len(places):
        return []
    at = np.linspace(0, len(places) - 1, min(EXAMPLES, len(places))).round().astype(int)
    chosen: list[int] = places[at].tolist()
    return chosen


def _example(evidence: Evidence, found: _Found, index: int) -> Example:
    rows, products, nearest = evidence.rows, evidence.targets.products, found.nearest[index]
    right = products[nearest] == products[found.queries[index]]
    mates = int(found.mates[index])
    before = np.cumsum(right) - right
    return Example(
        row=int(rows[found.queries[index]]),
        mates=mates,
        found=[
            Neighbour(row=int(rows[place]), similarity=float(near), right=bool(is_mate), spare=int(earlier) == mates)
            for place, near, is_mate, earlier in zip(nearest, found.similarity[index], right, before, strict=True)
        ],
    )
