"""The thesis's question, asked of any data: does one network do as well as one a task, and do stages help?

Trains the smaller models, the joint and the staged one from one recipe on equal budgets, and compares each figure on
the same test photos with the single-task model's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainer.bootstrap import Difference, bootstrap_mean, paired_bootstrap
from trainer.dataset import Split
from trainer.errors import RecipeError
from trainer.evaluation import photo_scores
from trainer.judge import Judged, look
from trainer.recipe import Recipe
from trainer.report.comparison import ComparisonRow, Kind
from trainer.run import How, Places, Teller, run
from trainer.stages import WATCHED, Stage

TASK_OF = {
    "category": "category",
    "retrieval": "retrieval",
}  # of a figure's first word; any other is an attribute group
HEADS = {
    "category": {"category"},
    "attributes": {"attributes"},
    "retrieval": {"retrieval"},
    "category+attributes": {"category", "attributes"},
    "joint": {"category", "attributes", "retrieval"},
    "staged": {"category", "attributes", "retrieval"},
}
KINDS = {"joint": Kind.JOINT, "staged": Kind.STAGED, "category+attributes": Kind.STAGED}
FIGURES = ("top1", "micro_f1", "lrap", "recall@1", "map@r")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One model of a comparison."""

    name: str
    kind: Kind
    recipe: Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A variant after its training: what each test photo scored by figure, and what it cost."""

    variant: Variant
    scores: Mapping[str, NDArray[np.float64]]
    clusters: NDArray[np.int64]
    seconds: float
    photos_seen: int


def variants(recipe: Recipe, names: Sequence[str] = tuple(HEADS)) -> list[Variant]:
    """The recipe's model with fewer heads, joint, and as it is. All see each train photo equally often.

    The smaller models go through the recipe's stages too, without the losses of the heads that they lack. Joint: a
    single stage like the recipe's last, in which fresh heads and what is released learn together, for as many epochs
    as all stages have.
    """
    unknown = sorted(set(names) - set(HEADS))
    if unknown:
        raise RecipeError(f"there is no model {', '.join(unknown)}; there are {', '.join(HEADS)}.")
    if recipe.network.embedding_dim == 0:
        names = [name for name in names if "retrieval" not in HEADS[name] or len(HEADS[name]) > 1]
    return [
        Variant(name=name, kind=KINDS.get(name, Kind.SINGLE), recipe=_variant(recipe, name))
        for name in HEADS
        if name in names
    ]


def compare(
    recipe: Recipe,
    places: Places,
    names: Sequence[str],
    teller: Callable[[str], Teller],
    how: How,
) -> list[ComparisonRow]:
    """Trains and judges every variant; the rows of the table. places.out holds a model folder for each."""
    trained = [_train(variant, places, teller(variant.name), how) for variant in variants(recipe, names)]
    return rows_of(trained)


def rows_of(trained: Sequence[Trained]) -> list[ComparisonRow]:
    """Every figure of every model, beside the single-task model's on the same photos."""
    singles = {next(iter(HEADS[one.variant.name])): one for one in trained if one.variant.kind is Kind.SINGLE}
    rows = []
    for one in trained:
        for figure, scores in one.scores.items():
            task = TASK_OF.get(figure.split("/", maxsplit=1)[0], "attributes")
            single = singles.get(task)
            rows.append(_row(one, task, figure, scores, None if single in (None, one) else single))
    return rows


def _variant(recipe: Recipe, name: str) -> Recipe:
    heads = HEADS[name]
    plan = replace(
        recipe.network,
        category_head="category" in heads,
        attribute_head="attributes" in heads,
        embedding_dim=recipe.network.embedding_dim if "retrieval" in heads else 0,
        category_share=recipe.network.category_share if {"category", "retrieval"} <= set(heads) else 0.0,
    )
    stages = (_joint(recipe.stages),) if name == "joint" else recipe.stages
    watched = tuple(
        replace(stage, watch=tuple(w for w in stage.watch if w in heads) or tuple(w for w in WATCHED if w in heads))
        for stage in stages
    )
    return replace(recipe, version=f"{recipe.version}-{name.replace('+', '-')}", network=plan, stages=watched)


def _joint(stages: Sequence[Stage]) -> Stage:
    return replace(stages[-1], name="joint", epochs=sum(stage.epochs for stage in stages))


def _train(variant: Variant, places: Places, teller: Teller, how: How) -> Trained:
    out = places.out / variant.name.replace("+", "-")
    start = time.monotonic()
    run(variant.recipe, replace(places, out=out), teller, how)
    seconds = time.monotonic() - start
    judged = look(out, variant.recipe, places.data, split=Split.TEST, engine="onnx")
    return Trained(
        variant=variant,
        scores=_scores(judged),
        clusters=judged.data.targets.products[judged.wanted],
        seconds=seconds,
        photos_seen=_photos_seen(variant.recipe, judged),
    )


def _photos_seen(recipe: Recipe, judged: Judged) -> int:
    """By the budget: train photos times epochs; a stage may have ended early."""
    return int((judged.data.splits == Split.TRAIN).sum()) * sum(stage.epochs for stage in recipe.stages)


def _scores(judged: Judged) -> dict[str, NDArray[np.float64]]:
    """Of all wanted photos (nan where one could not be read), so that every model's stand beside each other."""
    found = {}
    place = {row: at for at, row in enumerate(judged.wanted.tolist())}
    at = [place[row] for row in judged.rows.tolist()]
    for name, scores in photo_scores(judged.outputs, judged.data, judged.rows).items():
        if name.rsplit("/", maxsplit=1)[1] in FIGURES and not np.isnan(scores).all():
            found[name] = np.full(len(judged.wanted), np.nan)
            found[name][at] = scores
    return found


def _row(one: Trained, task: str, figure: str, scores: NDArray[np.float64], single: Trained | None) -> ComparisonRow:
    clusters = _clusters(one) if task == "retrieval" else None
    interval = bootstrap_mean(scores, clusters=clusters)
    gap: Difference | None = None
    if single is not None and figure in single.scores:
        gap = paired_bootstrap(scores, single.scores[figure], clusters=clusters)
    return ComparisonRow(
        name=one.variant.name,
        kind=one.variant.kind,
        task=task,
        figure=figure,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        n=interval.n,
        difference=None if gap is None else gap.value,
        difference_low=None if gap is None else gap.low,
        difference_high=None if gap is None else gap.high,
        p=None if gap is None else gap.p,
        seconds=one.seconds,
        photos_seen=one.photos_seen,
    )


def _clusters(one: Trained) -> NDArray[np.int64]:
    """Queries of one product stand or fall together; photos without one stand alone."""
    alone = one.clusters.max(initial=-1) + 1 + np.arange(len(one.clusters))
    return np.where(one.clusters >= 0, one.clusters, alone)
