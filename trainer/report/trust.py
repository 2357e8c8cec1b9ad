"""The section on confidence: whether a probability may be believed, and what silence below a threshold buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.calibration import said_and_right
from trainer.figures import AttributeAnswers
from trainer.metrics import expected_calibration_error, reliability_table
from trainer.report.charts import coverage, reliability
from trainer.report.evidence import Evidence
from trainer.report.plots import Plot
from vision.answers import UNCALIBRATED, softmax
from vision.labels import AttributeGroup

BINS = 10
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Answers = tuple[Floats, Bools]  # confidence and rightness of each answer


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """One task: answered is the share of n answers that are sure enough to be said, precision how many of these are
    right. threshold: the group's; a value may have its own."""

    task: str
    n: int
    temperature: float
    threshold: float
    ece_before: float
    ece_after: float
    share_right: float
    answered: float
    precision: float
    plots: Sequence[Plot]


def confidences(evidence: Evidence) -> list[Confidence]:
    """The category first, then each attribute group that the split labels."""
    calibration, targets, outputs = evidence.manifest.calibration, evidence.targets, evidence.outputs
    found = []
    if evidence.has_categories:
        before = said_and_right(softmax(outputs.category_logits), targets.categories)
        after = said_and_right(evidence.category_probabilities(), targets.categories)
        said = after[0] >= calibration.abstain_below
        found.append(_confidence("category", before, after, said, calibration.temperature, calibration.abstain_below))
    groups = evidence.groups()
    every = evidence.attribute_answers() if groups else None
    return [*found, *(_of_group(evidence, every, group, at) for group, at in groups if every)]


def _of_group(evidence: Evidence, every: AttributeAnswers, group: AttributeGroup, at: slice) -> Confidence:
    """Of the best value in an exclusive group, of every known value in a free one."""
    calibration, truth = evidence.manifest.calibration, every.truth[:, at]
    logits, probabilities, said = (
        evidence.outputs.attribute_logits[:, at],
        every.probabilities[:, at],
        every.said[:, at],
    )
    if group.exclusive:
        before, after = said_and_right(softmax(logits), truth), said_and_right(probabilities, truth)
        sure = np.asarray(said[truth.any(1)].any(1))
    else:
        known = every.known[:, at]
        before, after = (_sigmoid(logits)[known], truth[known]), (probabilities[known], truth[known])
        sure = said[known]
    temperature = calibration.group_temperatures.get(group.name, 1.0)
    threshold = calibration.group_thresholds.get(group.name, UNCALIBRATED)
    return _confidence(group.name, before, after, sure, temperature, threshold)


def _confidence(
    task: str, before: Answers, after: Answers, said: Bools, temperature: float, threshold: float
) -> Confidence:
    """said (N,): which answers are sure enough."""
    confidence, right = after
    answered, precision = float(said.mean()), float(right[said].mean()) if said.any() else float("nan")
    order = np.argsort(-confidence, kind="stable")
    ranks = np.arange(1, len(order) + 1)
    return Confidence(
        task=task,
        n=len(right),
        temperature=temperature,
        threshold=threshold,
        ece_before=expected_calibration_error(*before),
        ece_after=expected_calibration_error(*after),
        share_right=float(right.mean()),
        answered=answered,
        precision=precision,
        plots=(
            reliability(task, reliability_table(*before, bins=BINS), reliability_table(*after, bins=BINS)),
            coverage(task, ranks / len(order), np.cumsum(right[order]) / ranks, (answered, precision)),
        ),
    )


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)
