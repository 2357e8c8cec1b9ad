"""The plots of a report, each from plain arrays: curves of a run, precision and recall, confidence, similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from trainer.metrics import Bin
from trainer.report.plots import DASHES, INK, SERIES, SHEET, SOFT, Plot, canvas, finish
from trainer.report.runlog import RunLog

Floats = NDArray[np.floating]
Counts = NDArray[np.int64]
LABELLED_CURVES = 3
MANY_ORDERS = 20  # a loss this much larger than another wants a logarithmic axis


def loss_curves(log: RunLog) -> Plot:
    """Loss of each task over the epochs of the whole run."""
    with canvas() as (figure, axes):
        lines = {task: [epoch.losses.get(task, np.nan) for epoch in log.epochs] for task in log.tasks()}
        _lines(axes, lines)
        positive = [value for line in lines.values() for value in line if value > 0]
        if positive and max(positive) / min(positive) > MANY_ORDERS:
            axes.set_yscale("log")
        _mark_stages(axes, log)
        axes.set(xlabel="epoch", ylabel="mean loss of the epoch")
        return finish(figure, "losses", "Loss of each task", "On train photos, as the optimiser saw it.")


def score_curves(log: RunLog) -> Plot:
    """The dev score over the epochs, its parts beside it, the best of each stage marked."""
    with canvas() as (figure, axes):
        parts = {name: [epoch.scores.get(name, np.nan) for epoch in log.epochs] for name in log.measures()}
        score = [np.nan if epoch.score is None else epoch.score for epoch in log.epochs]
        _lines(axes, {"score": score} | {name: line for name, line in parts.items() if name != "score"})
        for stage in log.stages():
            if stage.best is not None and stage.best_epoch is not None:
                axes.plot(stage.first + stage.best_epoch - 1, stage.best, "o", ms=7, mfc=SHEET, mec=SERIES[0], mew=1.8)
        _mark_stages(axes, log)
        axes.set(xlabel="epoch", ylabel="score (1 is perfect)")
        return finish(figure, "scores", "Score on dev photos", "The ring marks the best epoch of each stage.")


def precision_recall(name: str, curves: Mapping[str, tuple[Floats, Floats]], pooled: tuple[Floats, Floats]) -> Plot:
    """Precision over recall of each value (thin) and of all answers pooled (thick); the worst values are named.

    curves: value to (recall, precision), in the order of average precision, best first.
    """
    with canvas() as (figure, axes):
        named = list(curves)[-LABELLED_CURVES:]
        for recall, precision in (curves[value] for value in curves if value not in named):
            axes.step(recall, precision, where="post", color=SOFT, lw=0.8, alpha=0.5)
        for i, value in enumerate(named):
            axes.step(*curves[value], where="post", color=SERIES[i + 1], lw=1.2, ls=DASHES[i + 1], label=value)
        axes.step(*pooled, where="post", color=SERIES[0], lw=2.4, label="all values pooled")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
        axes.figure.legend(loc="outside upper left", ncols=2, fontsize=9)
        rest = f" Named: the {len(named)} hardest; the others are thin." if len(curves) > len(named) else ""
        return finish(figure, f"pr-{name}", f"Precision and recall: {name}", f"One value against all others.{rest}")


def reliability(task: str, before: Sequence[Bin], after: Sequence[Bin]) -> Plot:
    """Share right over confidence, before and after the temperature."""
    with canvas(4.4, 3.6) as (figure, axes):
        axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)), label="as it should be")
        kinds = ((before, SERIES[1], DASHES[1], "before temperature"), (after, SERIES[0], "-", "after temperature"))
        for bins, colour, style, label in kinds:
            axes.plot([b.confidence for b in bins], [b.right for b in bins], color=colour, ls=style, label=label)
        most = max((each.n for each in after), default=1)
        for each in after:
            axes.plot(each.confidence, each.right, "o", color=SERIES[0], ms=3 + 9 * (each.n / most) ** 0.5)
        axes.set(xlabel="confidence (mean of the bin)", ylabel="share right", xlim=(0, 1.03), ylim=(0, 1.03))
        axes.legend(loc="upper left", fontsize=9)
        note = "Ten bins of equal width; a larger dot is more answers."
        return finish(figure, f"reliability-{task}", f"Reliability: {task}", note)


def coverage(task: str, covered: Floats, precise: Floats, chosen: tuple[float, float]) -> Plot:
    """Precision over the share answered, the surest first; chosen: where the thresholds put the model."""
    with canvas(4.4, 3.6) as (figure, axes):
        axes.plot(covered, precise, color=SERIES[0])
        if chosen[0] > 0:
            axes.plot(*chosen, "o", ms=9, mfc=SHEET, mec=SERIES[1], mew=2)
            axes.annotate(
                "threshold", chosen, xytext=(-8, -16), textcoords="offset points", ha="right", color=SERIES[1]
            )
        low = float(precise[len(precise) // 50 :].min()) if len(precise) else 0.0
        axes.set(xlabel="share answered", ylabel="share of answers right", xlim=(0, 1.02))
        axes.set_ylim(max(0.0, low - 0.08), 1.01)
        note = "Read from the right: silence about the least sure buys precision."
        return finish(figure, f"coverage-{task}", f"Coverage and precision: {task}", note)


def similarities(edges: Floats, mates: Counts, others: Counts, nearest: Counts) -> Plot:
    """Histograms of cosine similarity: with photos of the same product, with all others, with the nearest other."""
    with canvas() as (figure, axes):
        kinds = (("same product", mates), ("another product", others), ("nearest of another product", nearest))
        for i, (label, counts) in enumerate(kinds):
            share = 100 * counts / max(1.0, counts.sum())
            axes.stairs(share, edges, color=SERIES[i], lw=1.6, ls=DASHES[i], label=label)
            axes.stairs(share, edges, color=SERIES[i], fill=True, alpha=0.12)
        used = np.flatnonzero(mates + others + nearest)
        axes.set_xlim(float(edges[used[0]]), float(edges[used[-1] + 1]))
        axes.set(xlabel="cosine similarity", ylabel="share of pairs, %")
        axes.figure.legend(loc="outside upper left", fontsize=9)
        return finish(
            figure, "similarities", "How alike photos are", "The less the curves overlap, the safer is a match."
        )


def _lines(axes: Axes, lines: Mapping[str, Sequence[float]]) -> None:
    for i, (name, values) in enumerate(lines.items()):
        style, colour = DASHES[i % len(DASHES)], SERIES[i % len(SERIES)]
        lone = "o" if len(values) == 1 else None
        axes.plot(range(1, len(values) + 1), values, color=colour, ls=style, label=name, marker=lone)
    axes.figure.legend(loc="outside upper center", ncols=min(3, max(1, len(lines))), fontsize=9)


def _mark_stages(axes: Axes, log: RunLog) -> None:
    stages = log.stages()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for stage in stages if len(stages) > 1 else []:
        axes.axvline(stage.first - 0.5, color=SOFT, lw=0.8, ls=(0, (2, 2)))
        axes.annotate(
            stage.name, (stage.first - 0.5, 1), xycoords=("data", "axes fraction"), xytext=(3, 2),
            textcoords="offset points", va="bottom", color=INK, fontsize=9,
        )  # fmt: skip
