"""Figures of an embedding: does a photo find the others of its product? In blocks of queries, so that memory
stays small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

KS = (1, 5, 10, 20)
BLOCK_CELLS = 1 << 24  # similarities at a time: 64 MB of float32


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What each of Q queries found. photos (Q,): which rows asked. first (Q,): rank of the first mate, from 1
    (where it is beyond all that is asked about, some rank beyond). map_at_r, r_precision (Q,)."""

    photos: Ints
    first: Ints
    map_at_r: Doubles
    r_precision: Doubles


def retrieval(
    embedding: Floats,
    products: Ints,
    *,
    queries: Bools | None = None,
    gallery: Bools | None = None,
    ks: tuple[int, ...] = KS,
) -> dict[str, float]:
    """Means over the queries of `find_mates`: recall@k, map@r, r_precision, and `queries`, how many asked."""
    found = find_mates(embedding, products, queries=queries, gallery=gallery, deepest=max(ks))
    figures = {f"recall@{k}": _mean(found.first <= k) for k in ks}
    means = {"map@r": _mean(found.map_at_r), "r_precision": _mean(found.r_precision)}
    return {**figures, **means, "queries": float(len(found.photos))}


def find_mates(
    embedding: Floats,
    products: Ints,
    *,
    queries: Bools | None = None,
    gallery: Bools | None = None,
    deepest: int = max(KS),
) -> Found:
    """Every query photo searches the gallery by cosine, and never finds itself.

    embedding (N, D) of length one; products (N,), -1: nobody's mate, though it may stand in the gallery. queries
    (N,): who asks; gallery (N,): who is searched. Without them it is leave-one-out: all ask, all are searched.
    With them it is In-Shop's protocol (Liu et al. 2016). Only queries with a mate in the gallery count.

    Recall@k (Jégou et al. 2011; Oh Song et al. 2016): a photo of the product is among the k nearest (hit in top
    k). mAP@R (Musgrave et al. 2020): precision at each rank i ≤ R where a mate stands, summed, over R = the
    number of mates. R-precision: share of mates among the R nearest. Photos of others that are just as near as
    a mate stand before it, so a collapsed embedding finds nothing. Ranks are exact up to `deepest` and R.
    """
    everyone = np.ones(len(products), np.bool_)
    search = _Search(embedding, products, everyone if gallery is None else gallery, deepest)
    asks = np.flatnonzero((everyone if queries is None else queries) & (search.mates > 0))
    step = max(1, BLOCK_CELLS // max(1, search.size))
    parts = [search.ask(asks[start : start + step]) for start in range(0, len(asks), step)]
    first, map_at_r, precision = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _NOTHING
    return Found(photos=asks, first=first, map_at_r=map_at_r, r_precision=precision)


class _Search:
    """A gallery laid out by product, so that the mates of a query stand side by side."""

    def __init__(self, embedding: Floats, products: Ints, gallery: Bools, deepest: int) -> None:
        rows = np.flatnonzero(gallery)
        rows = rows[np.argsort(products[rows], kind="stable")]
        self.size = len(rows)
        self._deepest = deepest
        self._all = torch.from_numpy(np.ascontiguousarray(embedding, dtype=np.float32))
        self._gallery = self._all[torch.from_numpy(rows)]
        self._start = np.searchsorted(products[rows], products, side="left")
        self._count = np.searchsorted(products[rows], products, side="right") - self._start
        self._place = np.full(len(products), -1)  # a photo's own column, -1 outside the gallery
        self._place[rows] = np.arange(len(rows))
        self.mates: Ints = np.where(products >= 0, self._count - (self._place >= 0), 0)

    def ask(self, photos: Ints) -> tuple[Ints, Doubles, Doubles]:
        """Rank of the first mate, mAP@R and R-precision of these photos, (B,) each."""
        similar = self._all[torch.from_numpy(photos)] @ self._gallery.T
        mates = self._take_mates(similar, photos)
        others = similar.topk(min(self.size, max(self._deepest, mates.shape[1]))).values
        # How many others are at least as near; both ascending once negated.
        before = torch.searchsorted(-others.contiguous(), -mates, right=True).numpy()
        return _scores(before, self.mates[photos])

    def _take_mates(self, similar: Tensor, photos: Ints) -> Tensor:
        """(B, max R) similarities of mates, nearest first, then -inf; in `similar` mates and self become -inf."""
        count = self._count[photos]
        offset = np.arange(count.max())
        columns = np.minimum(self._start[photos][:, np.newaxis] + offset, self.size - 1)
        is_mate = (offset < count[:, np.newaxis]) & (columns != self._place[photos][:, np.newaxis])
        mates = similar.gather(1, torch.from_numpy(columns)).masked_fill(~torch.from_numpy(is_mate), -torch.inf)
        own, column = np.nonzero(offset < count[:, np.newaxis])
        similar[torch.from_numpy(own), torch.from_numpy(columns[own, column])] = -torch.inf
        return mates.sort(dim=1, descending=True).values[:, : int(self.mates[photos].max())].contiguous()


def _scores(before: Ints, mates: Ints) -> tuple[Ints, Doubles, Doubles]:
    """before (B, max R): how many others stand before each mate; mates (B,): R."""
    nth = np.arange(1, before.shape[1] + 1)
    rank, total = nth + before, mates[:, np.newaxis]
    near = (rank <= total) & (nth <= total)
    return rank[:, 0], (near * nth / rank).sum(1) / mates, near.sum(1) / mates


def _mean(values: Bools | Doubles) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


_NOTHING = (np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.float64))
