"""The section on the category: every class by itself, which are taken for which, and the surest mistakes.

Per-class figures count photos of one known category; one labelled "one of several" cannot be counted for any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.figures import JUDGEABLE, only_answer
from trainer.metrics import class_table, confusion_matrix
from trainer.report.evidence import Evidence

MATRIX_CLASSES = 20
CONFUSIONS = 8
MISTAKES = 12


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """A class of n true photos, said `said` times; few: too few to judge by."""

    name: str
    n: int
    said: int
    precision: float
    recall: float
    f1: float
    few: bool


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Of the photos of each class (row), the share said to be each class (column); the last is all others."""

    names: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]
    shares: Sequence[Sequence[float]]
    n: Sequence[int]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """`count` of the `of` photos of `truth` were said to be `said`. row: the surest of these photos; lookalike: a photo
    that is rightly said to be `said`, None where there is none."""

    truth: str
    said: str
    count: int
    of: int
    row: int
    lookalike: int | None


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A photo (row of the data) whose best category is not an allowed one."""

    row: int
    source: str
    truth: str
    said: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Categories:
    """The section. n: photos with a category; single: those of one known category."""

    n: int
    single: int
    classes: Sequence[ClassRow]
    matrix: Matrix
    confusions: Sequence[Confusion]
    mistakes: Sequence[Mistake]
    wrong: int


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answers:
    """truth (N,): the only answer or -1; said, confidence (N,); table (C, C): photos by truth and what was said."""

    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    confidence: NDArray[np.float32]
    table: NDArray[np.int64]


def categories(evidence: Evidence) -> Categories | None:
    """None where the model tells no categories or no photo has one."""
    if not evidence.has_categories:
        return None
    answers = _answers(evidence)
    mistakes = _mistakes(evidence, answers)
    return Categories(
        n=int(evidence.targets.categories.any(1).sum()),
        single=int((answers.truth >= 0).sum()),
        classes=_classes(evidence.data.labels.categories, answers),
        matrix=_matrix(evidence.data.labels.categories, answers.table),
        confusions=_confusions(evidence, answers),
        mistakes=mistakes[:MISTAKES],
        wrong=len(mistakes),
    )


def _answers(evidence: Evidence) -> _Answers:
    probabilities = evidence.category_probabilities()
    truth, said = only_answer(evidence.targets.categories), probabilities.argmax(1)
    table = confusion_matrix(truth, said, probabilities.shape[1])
    return _Answers(truth=truth, said=said, confidence=probabilities.max(1), table=table)


def _classes(names: Sequence[str], answers: _Answers) -> list[ClassRow]:
    worth, said = class_table(answers.truth, answers.said, len(names)), answers.table.sum(0)
    rows = [
        ClassRow(
            name=name,
            n=int(worth.n[i]),
            said=int(said[i]),
            precision=float(worth.precision[i]) if said[i] else float("nan"),
            recall=float(worth.recall[i]),
            f1=float(worth.f1[i]),
            few=bool(worth.n[i] < JUDGEABLE),
        )
        for i, name in enumerate(names)
        if worth.n[i]
    ]
    return sorted(rows, key=lambda row: -row.n)


def _matrix(names: Sequence[str], table: NDArray[np.int64]) -> Matrix:
    true = table.sum(1)
    order = np.argsort(-true, kind="stable")
    shown = order[: min(MATRIX_CLASSES, int((true > 0).sum()))]
    counts = table[np.ix_(shown, shown)]
    counts = np.column_stack([counts, true[shown] - counts.sum(1)])
    shares = counts / np.maximum(true[shown], 1)[:, None]
    labels = [names[i] for i in shown]
    return Matrix(
        names=labels,
        columns=[*labels, "other"],
        counts=counts.tolist(),
        shares=shares.tolist(),
        n=true[shown].tolist(),
        left_out=int((true > 0).sum()) - len(shown),
    )


def _confusions(evidence: Evidence, answers: _Answers) -> list[Confusion]:
    wrong = answers.table.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [(int(place) // len(wrong), int(place) % len(wrong)) for place in order if wrong.flat[place]]
    names = evidence.data.labels.categories
    return [
        Confusion(
            truth=names[truth],
            said=names[said],
            count=int(wrong[truth, said]),
            of=int(answers.table[truth].sum()),
            row=_surest_first(evidence, answers, truth, said)[0],
            lookalike=next(iter(_surest_first(evidence, answers, said, said)), None),
        )
        for truth, said in pairs
    ]


def _surest_first(evidence: Evidence, answers: _Answers, truth: int, said: int) -> list[int]:
    """The rows that are `truth` and said to be `said`, by falling confidence."""
    found = np.flatnonzero((answers.truth == truth) & (answers.said == said))
    ordered: list[int] = evidence.rows[found[np.argsort(-answers.confidence[found], kind="stable")]].tolist()
    return ordered


def _mistakes(evidence: Evidence, answers: _Answers) -> list[Mistake]:
    allowed = evidence.targets.categories
    wrong = np.flatnonzero(allowed.any(1) & ~allowed[np.arange(len(allowed)), answers.said])
    wrong = wrong[np.argsort(-answers.confidence[wrong], kind="stable")]
    return [
        Mistake(
            row=int(evidence.rows[i]),
            source=str(evidence.data.sources[evidence.rows[i]]),
            truth=evidence.category_of(int(evidence.rows[i])),
            said=evidence.data.labels.categories[answers.said[i]],
            confidence=float(answers.confidence[i]),
        )
        for i in wrong
    ]
