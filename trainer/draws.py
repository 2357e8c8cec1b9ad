"""Which photos make up each batch of an epoch, and in which view; all of it follows from stage, seed and epoch.

So a run that is resumed draws what the uninterrupted one would have drawn, and every process of a distributed run
knows the whole batch and takes its share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.dataset import Dataset
from trainer.sampling import epoch_rng, product_batches, repeat_factors, repeated, share_of, shuffled_batches
from trainer.stages import Stage

Rows = NDArray[np.int64]
Bools = NDArray[np.bool_]
SEEDS = 2**31


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """One batch of n photos.

    rows (n,) of the dataset; seeds (n,): which view of each, or how it is augmented; recoloured (n,): seen in another
    colour. plain: the photos as they are, for measuring.
    """

    rows: Rows
    seeds: Rows
    recoloured: Bools
    plain: bool = False

    def share(self, rank: int, world: int) -> Draw:
        """What one process runs; shares are of one size, the last ones filled up with photos that are cut off again."""
        mine, _ = share_of(np.arange(len(self.rows)), rank, world)
        return Draw(rows=self.rows[mine], seeds=self.seeds[mine], recoloured=self.recoloured[mine], plain=self.plain)


def plain_draws(rows: Rows, size: int) -> list[Draw]:
    """Photos as they are, in order."""
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        Draw(rows=part, seeds=np.zeros(len(part), np.int64), recoloured=np.zeros(len(part), np.bool_), plain=True)
        for part in parts
    ]


def epoch_draws(stage: Stage, train: Rows, data: Dataset, *, seed: int, epoch: int) -> list[Draw]:
    """Every train photo once (rare categories more often, where the stage says so), and mates beside them."""
    rng = epoch_rng(seed, stage.name, epoch)
    everyone = train
    if stage.repeat_rare:
        factors = np.ones(len(data))
        factors[train] = repeat_factors(data.targets.categories[train], stage.repeat_rare)
        everyone = repeated(train, factors, rng)
    batches = shuffled_batches(everyone, stage.batch_size, rng)
    mates = _mates(stage, train, data, rng, len(batches)) or [train[:0]] * len(batches)
    return [_drawn(stage, batch, some, rng) for batch, some in zip(batches, mates, strict=True)]


def mate_numbers(stage: Stage, train: Rows, data: Dataset) -> Rows:
    """(N,) product of each row as the metric loss is told: -1 where a photo has no mate.

    Photos that are their own mate are products of their own, behind the last of the others.
    """
    products = data.targets.products
    numbers = np.full(len(products), -1, np.int64)
    names, place, counts = np.unique(products[train], return_inverse=True, return_counts=True)
    shared = (names[place] >= 0) & (counts[place] > 1)
    numbers[train[shared]] = np.unique(products[train[shared]], return_inverse=True)[1]
    alone = train[~shared & np.isin(data.sources[train], stage.own_mates)]
    numbers[alone] = numbers.max(initial=-1) + 1 + np.arange(len(alone))
    return numbers


def _mates(stage: Stage, train: Rows, data: Dataset, rng: np.random.Generator, count: int) -> list[Rows]:
    """`count` batches of mates; none where there are no two products. Real mates are few beside photos that are their
    own: each kind gives half of a batch's products."""
    if not stage.metric or not stage.products_per_batch:
        return []
    numbers = mate_numbers(stage, train, data)
    rows = train[numbers[train] >= 0]
    _, place, counts = np.unique(numbers[rows], return_inverse=True, return_counts=True)
    alone = rows[counts[place] == 1]
    kinds = [kind for kind in (rows[counts[place] > 1], np.repeat(alone, 2)) if len(kind)]
    parts = [
        product_batches(
            kind,
            numbers,
            products_per_batch=max(2, stage.products_per_batch // len(kinds)),
            photos_per_product=stage.photos_per_product,
            rng=rng,
            count=count,
        )
        for kind in kinds
    ]
    return [np.concatenate(together) for together in zip(*(part for part in parts if part), strict=True)]


def _drawn(stage: Stage, batch: Rows, mates: Rows, rng: np.random.Generator) -> Draw:
    rows = np.concatenate([batch, mates])
    recoloured = np.zeros(len(rows), np.bool_)
    if stage.recolour:
        recoloured[len(batch) :] = rng.random(len(mates)) < stage.recolour
    return Draw(rows=rows, seeds=rng.integers(0, SEEDS, len(rows)), recoloured=recoloured)
