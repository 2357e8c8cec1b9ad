"""Whether a new model may take an older one's place: on the same photos it must not be worse beyond chance.

Overall, for each category with enough photos, and for each further figure that both have. A paired bootstrap says how
easily chance makes such a loss (`trainer.bootstrap`); as many figures are looked at, the levels are Holm's (1979,
A simple sequentially rejective multiple test procedure): the chance that a model as good as the old one is refused
for any of them is about LEVEL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.bootstrap import paired_bootstrap
from trainer.errors import RecipeError
from trainer.evaluation import photo_scores
from trainer.judge import Judged

LEVEL = 0.05
PHOTOS_MIN = 10
TOP1 = "category/top1"
FIGURES = ("top1", "micro_f1", "lrap", "recall@1")
# Enough for levels that Holm's divides by a hundred categories.
RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One figure, over `n` photos that both models were scored on; `p`: two-sided, of no difference."""

    name: str
    before: float
    after: float
    n: int
    p: float
    worse: bool


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Overall figures, and the categories; refused where any is worse beyond chance."""

    overall: Sequence[Verdict]
    categories: Sequence[Verdict]

    @property
    def worse(self) -> list[Verdict]:
        return [one for one in (*self.overall, *self.categories) if one.worse]

    @property
    def passed(self) -> bool:
        return not self.worse


def compare(before: Judged, after: Judged) -> Gate:
    """Of two models that looked at the same photos. Raises RecipeError where they did not, or nothing is labelled."""
    if not np.array_equal(before.rows, after.rows):
        raise RecipeError("the two models did not look at the same photos.")
    one = photo_scores(before.outputs, before.data, before.rows)
    other = photo_scores(after.outputs, after.data, after.rows)
    if TOP1 not in one or TOP1 not in other:
        raise RecipeError("no photo of the frozen set has a category: there is nothing to judge by.")
    labels, known = before.data.labels.categories, before.data.targets.take(before.rows).categories
    return judge_scores(
        {name: (one[name], other[name]) for name in one if name in other and name.rsplit("/", 1)[1] in FIGURES},
        category=np.where(known.sum(1) == 1, known.argmax(1), -1),
        names=labels,
    )


def judge_scores(
    scores: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    *,
    category: NDArray[np.int64],
    names: Sequence[str],
) -> Gate:
    """scores: each figure by photo, (N,) of the old and of the new model; category (N,): the true one, -1 unknown."""
    overall = [verdict(name, old, new) for name, (old, new) in scores.items()]
    old, new = scores[TOP1]
    each = [
        verdict(names[which], old[category == which], new[category == which])
        for which in range(len(names))
        if (category == which).sum() >= PHOTOS_MIN
    ]
    judged = holm([*overall, *each])
    return Gate(overall=judged[: len(overall)], categories=judged[len(overall) :])


def verdict(name: str, old: NDArray[np.float64], new: NDArray[np.float64]) -> Verdict:
    """Not judged yet: whether it is worse depends on how many others are looked at."""
    both = ~np.isnan(old) & ~np.isnan(new)
    gap = paired_bootstrap(new[both], old[both], resamples=RESAMPLES)
    return Verdict(
        name=name,
        before=float(old[both].mean()),
        after=float(new[both].mean()),
        n=int(both.sum()),
        p=gap.p,
        worse=False,
    )


def holm(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Which are worse at Holm's levels; only losses are tested, so a two-sided p counts half."""
    losses = sorted((one for one in verdicts if one.after < one.before), key=lambda one: one.p)
    worse: set[int] = set()
    for place, one in enumerate(losses):
        if one.p / 2 > LEVEL / (len(verdicts) - place):
            break
        worse.add(id(one))
    return [Verdict(name=v.name, before=v.before, after=v.after, n=v.n, p=v.p, worse=id(v) in worse) for v in verdicts]
