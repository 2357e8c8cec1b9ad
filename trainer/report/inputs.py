"""The section on what went in: photos of each source and split, what is unlabelled, how categories are filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.dataset import Split
from trainer.report.evidence import Evidence

SHOWN = 8  # faults and unknown words that are listed by name


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """Photos of one source. licence: as the recipe states it."""

    name: str
    licence: str
    train: int
    dev: int
    test: int

    @property
    def photos(self) -> int:
        """Of all splits."""
        return self.train + self.dev + self.test


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """What share of each source's photos has no label of a kind, in the order of the sources; and of all."""

    label: str
    unlabelled: Sequence[float]
    all: float


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Train photos of a category: those labelled so, and those labelled "one of several" with it among them."""

    name: str
    n: int
    among: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The section."""

    sources: Sequence[SourceRow]
    labels: Sequence[LabelRow]
    classes: Sequence[ClassCount]
    smallest: Sequence[str]
    unusable: Sequence[str]
    unusable_count: int
    ignored: Sequence[tuple[str, str, str, int]]
    warnings: Sequence[str]
    ignored_count: int


def inputs(evidence: Evidence) -> Inputs:
    """Counts of the data as the recipe reads it; unusable photos are known of the judged split only."""
    faults, ignored = evidence.judged.faults, evidence.data.ignored
    classes = _classes(evidence)
    return Inputs(
        sources=_sources(evidence),
        labels=_labels(evidence),
        classes=classes,
        smallest=[row.name for row in classes if not row.n],
        unusable=faults[:SHOWN],
        unusable_count=len(faults),
        ignored=[(*what, n) for what, n in ignored.most_common(SHOWN)],
        ignored_count=sum(ignored.values()),
        warnings=evidence.data.warnings,
    )


def _names(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys(evidence.data.sources.tolist()))


def _sources(evidence: Evidence) -> list[SourceRow]:
    data = evidence.data
    licences = {source.spec.name: source.spec.licence for source, _ in data.rows}

    def count(name: str, split: Split) -> int:
        return int(((data.sources == name) & (data.splits == split)).sum())

    return [
        SourceRow(
            name=name,
            licence=licences[name],
            train=count(name, Split.TRAIN),
            dev=count(name, Split.DEV),
            test=count(name, Split.TEST),
        )
        for name in _names(evidence)
    ]


def _labels(evidence: Evidence) -> list[LabelRow]:
    targets = evidence.data.targets
    kinds = [("category", np.asarray(targets.categories.any(1)))]
    kinds += [
        (group.name, np.asarray(targets.attributes[:, at].any(1))) for group, at in evidence.data.labels.columns()
    ]
    kinds.append(("product", targets.products >= 0))
    sources = [evidence.data.sources == name for name in _names(evidence)]
    return [
        LabelRow(label=label, unlabelled=[float(1 - there[of].mean()) for of in sources], all=float(1 - there.mean()))
        for label, there in kinds
    ]


def _classes(evidence: Evidence) -> list[ClassCount]:
    allowed = evidence.data.targets.categories[evidence.data.splits == Split.TRAIN]
    alone = allowed[allowed.sum(1) == 1].sum(0)
    among = allowed.sum(0) - alone
    most = max(1, int((alone + among).max(initial=0)))
    rows = [
        ClassCount(name=name, n=int(n), among=int(more), share=float(n / most))
        for name, n, more in zip(evidence.data.labels.categories, alone, among, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.n, -row.among))
