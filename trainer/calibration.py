"""Probabilities one may believe and thresholds one may set, from dev photos: nothing here sees the test
split."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.dataset import Targets
from trainer.losses import partial_loss
from trainer.metrics import wilson_interval
from trainer.stages import CalibrationStage
from vision.answers import attribute_probabilities, candidates, softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration

TEMPERATURES = np.geomspace(0.25, 4.0, 81)
FEWEST_SAID = 20  # below this many photos a precision is a rumour
NEVER_BELOW = 0.3
DOUBT = 0.5  # standard errors by which a value's precision must lie above the one wanted
SILENT = 1.01  # a threshold that no probability reaches


def calibrate(outputs: RawOutputs, targets: Targets, labels: LabelSpace, stage: CalibrationStage) -> Calibration:
    """Temperatures and thresholds of the category, of every attribute group, and of every value that dev photos
    show often enough."""
    temperature = best_temperature(outputs.category_logits, targets.categories)
    groups, thresholds = {}, {}
    for group, at in labels.columns():
        logits, truth = outputs.attribute_logits[:, at], targets.attributes[:, at]
        groups[group.name] = best_temperature(logits, truth) if group.exclusive else 1.0
        confidence, right = _answers(group, logits / groups[group.name], truth, targets.known[:, at])
        thresholds[group.name] = threshold_for(confidence, right, stage.attribute_precision)
    confidence, right = said_and_right(softmax(outputs.category_logits / temperature), targets.categories)
    warm = Calibration(group_temperatures=groups)
    return Calibration(
        temperature=temperature,
        abstain_below=threshold_for(confidence, right, stage.category_precision),
        group_temperatures=groups,
        group_thresholds=thresholds,
        value_thresholds=value_thresholds(
            attribute_probabilities(outputs.attribute_logits, labels, warm), targets, labels, stage.attribute_precision
        ),
    )


def best_temperature(logits: NDArray[np.float32], allowed: NDArray[np.bool_]) -> float:
    """The temperature of the lowest negative log-likelihood (Guo et al. 2017), by grid; 1 where nothing is
    labelled."""
    if not logits.shape[1] or not allowed.any():
        return 1.0
    tensor, truth = torch.from_numpy(logits), torch.from_numpy(allowed)
    losses = [float(partial_loss(tensor / float(t), truth)) for t in TEMPERATURES]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def said_and_right(
    probabilities: NDArray[np.float32], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Of the labelled photos: the best class's probability, and whether it is allowed."""
    labelled = allowed.any(1)
    if not probabilities.shape[1] or not labelled.any():
        return np.empty(0, np.float32), np.empty(0, np.bool_)
    best = probabilities[labelled].argmax(1)
    rows = np.arange(len(best))
    return probabilities[labelled][rows, best], allowed[labelled][rows, best]


def threshold_for(confidence: NDArray[np.float32], right: NDArray[np.bool_], precision: float) -> float:
    """The lowest threshold at which what is said is right with this precision; never below 0.3.

    Where even the surest photos are not right that often, the threshold is the one of the surest twenty.
    """
    if len(confidence) < FEWEST_SAID:
        return 0.5
    order = np.argsort(-confidence, kind="stable")
    share_right = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    share_right[: FEWEST_SAID - 1] = 0
    enough = np.flatnonzero(share_right >= precision)
    last = int(enough[-1]) if len(enough) else FEWEST_SAID - 1
    return round(max(NEVER_BELOW, float(confidence[order[last]])), 4)


def value_thresholds(
    probabilities: NDArray[np.float32], targets: Targets, labels: LabelSpace, precision: float
) -> dict[str, float]:
    """By `group:value`, a threshold at which what is said of that value alone is right with this precision.

    One threshold for a group says its easy values too seldom and its hard ones too often: Blue was right in nine of
    ten dev photos and Navy Blue in seven. Values that would be said of fewer than twenty photos are left to their
    group. probabilities (N, A), calibrated.
    """
    found: dict[str, float] = {}
    if not probabilities.shape[1]:
        return found
    could_say = candidates(probabilities, labels) & targets.known & (probabilities >= NEVER_BELOW)
    for column, label in enumerate(labels.attributes):
        said = could_say[:, column]
        if said.sum() >= FEWEST_SAID:
            confidence, right = probabilities[said, column], targets.attributes[said, column]
            found[label] = cautious_threshold(confidence, right, precision)
    return found


def cautious_threshold(confidence: NDArray[np.float32], right: NDArray[np.bool_], precision: float) -> float:
    """The lowest threshold at which the precision of what is said lies half a standard error above the one wanted
    (by the score interval of Wilson 1927); never below 0.3, and above 1 where nothing would do.

    The lowest of many thresholds that looks right is the luckiest one: without the margin, precision on photos not
    seen falls short of the one wanted, the further the fewer photos it was found on.
    """
    order = np.argsort(-confidence, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(confidence[order])), len(order) - 1)  # the last of equal ones
    shares = np.cumsum(right[order])[ends] / (ends + 1)
    sure = [wilson_interval(float(p), int(n), z=DOUBT)[0] >= precision for p, n in zip(shares, ends + 1, strict=True)]
    enough = ends[np.array(sure)]
    return round(max(NEVER_BELOW, float(confidence[order[enough[-1]]])), 4) if len(enough) else SILENT


def _answers(
    group: AttributeGroup, logits: NDArray[np.float32], truth: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if group.exclusive:
        return said_and_right(softmax(logits), truth)
    if not logits.shape[1]:
        return np.empty(0, np.float32), np.empty(0, np.bool_)
    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return probabilities[known], truth[known]
