"""Which rows meet in a batch. Everything an epoch draws follows from (seed, stage, epoch), never from what ran before
or from the number of processes; so a resumed run goes on as the uninterrupted one would.

It knows row numbers only, no photos and no network. Rows are (n,) int64 arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def epoch_rng(seed: int, stage: str, epoch: int) -> np.random.Generator:
    """The source of all that one epoch of one stage draws; no two share a sequence. seed and epoch from 0 up."""
    name = int.from_bytes(hashlib.sha256(stage.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, name, epoch])


def shuffled_batches(rows: Rows, size: int, rng: np.random.Generator) -> list[Rows]:
    """Every row once, in batches as even as they can be, none larger than `size`.

    Even, because a last batch of three photos would move the network as far as one of 256.
    """
    if not len(rows):
        return []
    return np.array_split(rng.permutation(rows), -(-len(rows) // size))


def product_batches(
    rows: Rows,
    products: NDArray[np.int64],
    *,
    products_per_batch: int,
    photos_per_product: int,
    rng: np.random.Generator,
    count: int,
) -> list[Rows]:
    """`count` batches of P products with K photos each (Hermans et al. 2017), product by product.

    rows: those to draw from; a row that is to be its own mate stands there twice. products (N,): of every row of the
    dataset, -1 unknown. Only products with two of `rows` take part; one with fewer than K gives some of them twice.
    With fewer than P products a batch has them all; with fewer than two there is no batch.

    The library's MPerClassSampler does the same from NumPy's global generator, which every thread shares, and draws
    each batch afresh, so that some products wait for long; here all take their turn before any comes again.
    """
    members = _members(rows, products)
    if len(members) < 2:
        return []
    turns = _turns(len(members), products_per_batch, rng)
    return [
        np.concatenate([_drawn(members[product], photos_per_product, rng) for product in turn])
        for turn in islice(turns, count)
    ]


def repeat_factors(categories: NDArray[np.bool_], threshold: float) -> NDArray[np.float64]:
    """How often each photo should stand in an epoch, (N,), 1 or more: repeat-factor sampling (LVIS, Gupta et al. 2019).

    max(1, sqrt(threshold / f)) for a category of a share f of the labelled photos; threshold 0.001 in the paper, higher
    for small sets. categories (N, C): the allowed ones. A photo of k allowed categories counts 1/k for each
    and is repeated as the commonest of them; an unlabelled one stands once.
    """
    allowed = categories.sum(1, keepdims=True)
    shares = (categories / np.maximum(allowed, 1)).sum(0) / max(1, int((allowed > 0).sum()))
    of_class = np.sqrt(threshold / np.maximum(shares, np.finfo(np.float64).tiny)).clip(min=1)
    least = np.where(categories, of_class, np.inf).min(1, initial=np.inf)
    return np.where(np.isfinite(least), least, 1.0)


def repeated(rows: Rows, factors: NDArray[np.float64], rng: np.random.Generator) -> Rows:
    """The rows, each as often as its factor says; a fraction is drawn afresh each epoch. factors (N,), of all rows."""
    times = np.floor(factors[rows] + rng.random(len(rows))).astype(np.int64)
    return np.repeat(rows, times)


def share_of(batch: Rows, rank: int, world: int) -> tuple[Rows, int]:
    """The rows of one process of `world`, and how many of them, from the front, are real.

    All shares are equally long (a collective operation waits for every process): behind the batch its first rows come
    again, which must not count. So the shares of all ranks, joined and cut to the batch's length, are the batch.
    """
    size = -(-len(batch) // world)
    share = np.resize(batch, size * world)[rank * size : (rank + 1) * size]
    return share, min(max(len(batch) - rank * size, 0), size)


def _members(rows: Rows, products: NDArray[np.int64]) -> list[Rows]:
    """The rows of each product that has two or more, by product."""
    rows = np.sort(rows[products[rows] >= 0])
    order = rows[np.argsort(products[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(products[order])) + 1
    return [group for group in np.split(order, starts) if len(group) > 1]


def _turns(products: int, per_batch: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Endless sets of products: each pass is a new order, cut into full batches; what is left over waits for the
    next."""
    per_batch = min(per_batch, products)
    while True:
        order = rng.permutation(products)
        for start in range(0, products - per_batch + 1, per_batch):
            yield order[start : start + per_batch]


def _drawn(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    return rng.choice(rows, count, replace=len(rows) < count)
