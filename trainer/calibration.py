"""Probabilities one may believe and thresholds one may set, from dev photos: nothing here sees the test
split."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.dataset import Targets
from trainer.losses import partial_loss
from trainer.recipe import CalibrationStage
from vision.answers import softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration

TEMPERATURES = np.geomspace(0.25, 4.0, 81)
FEWEST_SAID = 20  # below this many photos a precision is a rumour
NEVER_BELOW = 0.3


def calibrate(outputs: RawOutputs, targets: Targets, labels: LabelSpace, stage: CalibrationStage) -> Calibration:
    """Temperatures and thresholds of the category and of every attribute group."""
    temperature = best_temperature(outputs.category_logits, targets.categories)
    groups, thresholds = {}, {}
    for group, at in labels.columns():
        logits, truth = outputs.attribute_logits[:, at], targets.attributes[:, at]
        groups[group.name] = best_temperature(logits, truth) if group.exclusive else 1.0
        confidence, right = _answers(group, logits / groups[group.name], truth)
        thresholds[group.name] = threshold_for(confidence, right, stage.attribute_precision)
    confidence, right = said_and_right(softmax(outputs.category_logits / temperature), targets.categories)
    return Calibration(
        temperature=temperature,
        abstain_below=threshold_for(confidence, right, stage.category_precision),
        group_temperatures=groups,
        group_thresholds=thresholds,
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


def _answers(
    group: AttributeGroup, logits: NDArray[np.float32], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if group.exclusive:
        return said_and_right(softmax(logits), truth)
    probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
    labelled = truth.any(1)
    return probabilities[labelled].ravel(), truth[labelled].ravel()
