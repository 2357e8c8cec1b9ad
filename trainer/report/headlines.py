"""The few figures that are told first, of each task one, with their number of photos and 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.metrics import wilson_interval
from vision.labels import LabelSpace

Figures = Mapping[str, float]
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One figure of one task on the photos of a source (or of all). n counts `of` (photos, queries)."""

    task: str
    figure: str
    source: str
    value: float
    low: float
    high: float
    n: int
    of: str


def headlines(figures: Figures, labels: LabelSpace) -> list[Headline]:
    """Of each task (category, attribute groups, retrieval) its figure on all photos, then on each source's."""
    return [line for task in tasks(labels) for source in sources(figures) for line in _headline(figures, source, *task)]


def own_words(figures: Figures) -> list[Headline]:
    """Top-1 over the classes of a source as the source itself names them: see `trainer.own_words`."""
    kinds = (("category/top1_large10", "its ten largest classes"), ("category/top1_n30", "its classes of 30 or more"))
    found = []
    for source in sources(figures):
        for key, name in kinds:
            n = int(figures.get(f"{source}/{key}/n", 0))
            if n:
                low, high = interval(figures, f"{source}/{key}", n)
                value = figures[f"{source}/{key}"]
                line = Headline(
                    task="category", figure=name, source=source, value=value, low=low, high=high, n=n, of="photos"
                )
                found.append(line)
    return found


def tasks(labels: LabelSpace) -> list[tuple[str, str, str, str, str]]:
    """Task, key of its figure, the figure's name, key of its count, what is counted."""
    groups = [
        (group.name, "micro_f1", "share right" if group.exclusive else "micro-F1", "n", "photos")
        for group in labels.groups
    ]
    return [
        ("category", "top1", "top-1", "n", "photos"),
        *groups,
        ("retrieval", "recall@1", "Recall@1", "queries", "queries"),
    ]


def sources(figures: Figures) -> list[str]:
    """`all`, then the sources by name."""
    return sorted({name.split("/")[0] for name in figures}, key=lambda name: (name != ALL, name))


def of_task(lines: Sequence[Headline], task: str, source: str) -> Headline | None:
    """The headline of one task and source; None where there is none."""
    return next((line for line in lines if (line.task, line.source) == (task, source)), None)


def _headline(figures: Figures, source: str, task: str, key: str, name: str, count: str, of: str) -> list[Headline]:
    start = f"{source}/{task}/"
    value, n = figures.get(start + key), int(figures.get(start + count, 0))
    if value is None or not n:
        return []
    low, high = interval(figures, start + key, n)
    return [Headline(task=task, figure=name, source=source, value=value, low=low, high=high, n=n, of=of)]


def interval(figures: Figures, name: str, n: int) -> tuple[float, float]:
    """The measured 95 % interval of a share where the figures have one, else Wilson's."""
    if f"{name}/low" in figures and f"{name}/high" in figures:
        return figures[f"{name}/low"], figures[f"{name}/high"]
    return wilson_interval(figures[name], n)
