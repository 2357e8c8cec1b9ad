"""The sections on attributes: each group by itself and each of its values, with curves; for colours, names that are
neighbours are told apart from real mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.figures import JUDGEABLE, AttributeAnswers
from trainer.metrics import average_precisions, confusion_matrix, multilabel_counts
from trainer.report.charts import precision_recall
from trainer.report.evidence import Evidence
from trainer.report.plots import Plot
from vision.answers import attribute_thresholds
from vision.labels import AttributeGroup

# Names that two people would give one garment; which of them is "right" is a seller's word.
NEIGHBOURS = frozenset(
    frozenset(pair)
    for pair in (
        ("Black", "Navy Blue"), ("Black", "Charcoal"), ("Grey", "Charcoal"), ("Grey", "Silver"), ("White", "Off White"),
        ("White", "Cream"), ("Off White", "Cream"), ("Cream", "Beige"), ("Beige", "Khaki"), ("Beige", "Tan"),
        ("Beige", "Brown"), ("Brown", "Tan"), ("Red", "Maroon"), ("Pink", "Purple"), ("Blue", "Navy Blue"),
        ("Blue", "Teal"), ("Green", "Teal"), ("Green", "Olive"), ("Olive", "Khaki"), ("Yellow", "Gold"),
        ("Yellow", "Mustard"),
    )
)  # fmt: skip
CONFUSIONS = 8
Bools = NDArray[np.bool_]
Curve = tuple[NDArray[np.floating], NDArray[np.floating]]


@dataclass(frozen=True, kw_only=True)
class ValueRow:
    """One value: n photos that have it, `said` that are said to. average_precision: nan where nothing is true.
    threshold: how probable it must be to be said."""

    name: str
    n: int
    said: int
    precision: float
    recall: float
    f1: float
    average_precision: float
    threshold: float
    few: bool


@dataclass(frozen=True, kw_only=True)
class ValueConfusion:
    """`count` of the `of` photos of `truth` were said to be `said`; near: the names are neighbours."""

    truth: str
    said: str
    count: int
    of: int
    near: bool


@dataclass(frozen=True, kw_only=True)
class Colours:
    """How many of n answers are right, and how many when a neighbour of the true name counts as right."""

    n: int
    exact: float
    with_neighbours: float
    near: Sequence[ValueConfusion]
    far: Sequence[ValueConfusion]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The section of one group. confusions: of an exclusive group; colours: of one whose names are colours."""

    name: str
    exclusive: bool
    n: int
    micro_f1: float
    macro_f1: float
    mean_average_precision: float
    values: Sequence[ValueRow]
    plot: Plot
    confusions: Sequence[ValueConfusion]
    colours: Colours | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answers:
    """One group's columns, (N, V) each, as `trainer.figures.AttributeAnswers` has them."""

    truth: Bools
    probabilities: NDArray[np.float32]
    known: Bools
    answer: Bools


def attributes(evidence: Evidence) -> list[Group]:
    """A section of each group that the model tells and the split labels."""
    groups = evidence.groups()
    every = evidence.attribute_answers() if groups else None
    return [_group(evidence, group, at, _of_group(every, at)) for group, at in groups if every]


def _of_group(every: AttributeAnswers, at: slice) -> _Answers:
    return _Answers(
        truth=every.truth[:, at],
        probabilities=every.probabilities[:, at],
        known=every.known[:, at],
        answer=every.answer[:, at],
    )


def _group(evidence: Evidence, group: AttributeGroup, at: slice, answers: _Answers) -> Group:
    rows = _values(group, answers, attribute_thresholds(evidence.data.labels, evidence.manifest.calibration)[at])
    confusions = _confusions(group, answers) if group.exclusive else []
    start = f"all/{group.name}/"
    return Group(
        name=group.name,
        exclusive=group.exclusive,
        n=int(answers.known.any(1).sum()),
        micro_f1=evidence.figures.get(f"{start}micro_f1", float("nan")),
        macro_f1=evidence.figures.get(f"{start}macro_f1", float("nan")),
        mean_average_precision=evidence.figures.get(f"{start}map", float("nan")),
        values=rows,
        plot=_plot(group, answers, rows),
        confusions=confusions[:CONFUSIONS],
        colours=_colours(group, answers, confusions),
    )


def _values(group: AttributeGroup, answers: _Answers, thresholds: NDArray[np.float32]) -> list[ValueRow]:
    counts = multilabel_counts(answers.truth, answers.answer, answers.known)
    precisions = average_precisions(answers.probabilities, answers.truth, answers.known)
    rows = [
        ValueRow(
            name=value,
            n=int(true),
            said=int(said),
            precision=float(right / said) if said else float("nan"),
            recall=float(right / true) if true else float("nan"),
            f1=float(2 * right / (true + said)) if true else float("nan"),
            average_precision=float(average),
            threshold=float(threshold),
            few=bool(true < JUDGEABLE),
        )
        for value, right, true, said, average, threshold in zip(
            group.values, *counts, precisions, thresholds, strict=True
        )
    ]
    return sorted(rows, key=lambda row: -row.n)


def _plot(group: AttributeGroup, answers: _Answers, rows: Sequence[ValueRow]) -> Plot:
    """The values with enough photos to draw a curve of, best first; all where none has."""
    true = [row for row in rows if row.n]
    drawn = sorted([row for row in true if not row.few] or true, key=lambda row: -row.average_precision)
    columns = {value: v for v, value in enumerate(group.values)}
    curves = {row.name: _curve(answers, slice(columns[row.name], columns[row.name] + 1)) for row in drawn}
    return precision_recall(group.name, curves, _curve(answers, slice(None)))


def _curve(answers: _Answers, at: slice) -> Curve:
    """(recall, precision) of these values pooled, after each answer by falling probability."""
    known = answers.known[:, at]
    truth, scores = answers.truth[:, at][known], answers.probabilities[:, at][known]
    hits = np.cumsum(truth[np.argsort(-scores, kind="stable")])
    return hits / max(1, int(truth.sum())), hits / np.arange(1, len(hits) + 1)


def _confusions(group: AttributeGroup, answers: _Answers) -> list[ValueConfusion]:
    single = answers.known.all(1) & answers.truth.any(1)
    truth, said = answers.truth[single].argmax(1), answers.answer[single].argmax(1)
    table = confusion_matrix(truth, said, len(group.values))
    wrong = table - np.diag(table.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[: int((wrong > 0).sum())]
    return [
        ValueConfusion(
            truth=group.values[true],
            said=group.values[taken],
            count=int(wrong[true, taken]),
            of=int(table[true].sum()),
            near=frozenset((group.values[true], group.values[taken])) in NEIGHBOURS,
        )
        for true, taken in (divmod(int(place), len(wrong)) for place in order)
    ]


def _colours(group: AttributeGroup, answers: _Answers, confusions: Sequence[ValueConfusion]) -> Colours | None:
    """None unless two of the group's names are neighbouring colours."""
    n = int(answers.known.any(1).sum())
    if not any(pair <= set(group.values) for pair in NEIGHBOURS) or not n or not group.exclusive:
        return None
    right = n - sum(confusion.count for confusion in confusions)
    near = [confusion for confusion in confusions if confusion.near]
    return Colours(
        n=n,
        exact=right / n,
        with_neighbours=(right + sum(confusion.count for confusion in near)) / n,
        near=near[:CONFUSIONS],
        far=[confusion for confusion in confusions if not confusion.near][:CONFUSIONS],
    )
