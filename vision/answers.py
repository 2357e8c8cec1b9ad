"""From raw outputs to predictions: temperature, thresholds, and which attribute groups a category allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.engines import RawOutputs
from vision.labels import LabelSpace
from vision.manifest import Calibration, Manifest
from vision.prediction import Prediction

BEST = 5
UNCALIBRATED = 0.5  # the threshold of a group that calibration says nothing of

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def softmax(logits: Floats) -> Floats:
    """Over the last axis; an empty one stays empty."""
    if not logits.shape[-1]:
        return logits
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def attribute_probabilities(logits: Floats, labels: LabelSpace, calibration: Calibration) -> Floats:
    """(N, A) logits to (N, A) probabilities: softmax in exclusive groups, sigmoid in free ones."""
    out = np.empty_like(logits)
    for group, at in labels.columns():
        part = logits[:, at] / calibration.group_temperatures.get(group.name, 1.0)
        out[:, at] = softmax(part) if group.exclusive else 1 / (1 + np.exp(-np.clip(part, -60, 60)))
    return out


def attribute_thresholds(labels: LabelSpace, calibration: Calibration) -> Floats:
    """(A,) how probable each value must be to be said: its own threshold, or else its group's."""
    of_group = calibration.group_thresholds
    return np.array(
        [
            calibration.value_thresholds.get(label, of_group.get(group.name, UNCALIBRATED))
            for group in labels.groups
            for label in group.labels()
        ],
        dtype=np.float32,
    )


def candidates(probabilities: Floats, labels: LabelSpace) -> Bools:
    """(N, A) what could be said were it sure enough: the best value of an exclusive group, all of a free one."""
    out = np.ones(probabilities.shape, np.bool_)
    for group, at in labels.columns():
        if group.exclusive:
            best = probabilities[:, at].argmax(1)
            out[:, at] = best[:, np.newaxis] == np.arange(len(group.values))
    return out


class Reader:
    """Reads the outputs of one model version by its label space and calibration."""

    def __init__(self, manifest: Manifest) -> None:
        labels = manifest.labels
        self._categories = labels.categories if manifest.plan.category_head else ()
        self._labels = labels if manifest.plan.attribute_head else LabelSpace(categories=labels.categories)
        self._calibration = manifest.calibration
        self._attributes = self._labels.attributes
        self._thresholds = attribute_thresholds(self._labels, manifest.calibration)
        self._applies = _applies(self._labels)

    def read(self, outputs: RawOutputs) -> list[Prediction]:
        """One prediction a row."""
        categories = softmax(outputs.category_logits / self._calibration.temperature)
        attributes = self.attribute_probabilities(outputs.attribute_logits)
        said = self._said(categories, attributes)
        return [self._prediction(*row) for row in zip(categories, attributes, said, outputs.embedding, strict=True)]

    def attribute_probabilities(self, logits: Floats) -> Floats:
        """(N, A) calibrated probabilities of (N, A) logits."""
        return attribute_probabilities(logits, self._labels, self._calibration)

    def _said(self, categories: Floats, attributes: Floats) -> Bools:
        """(N, A) which attributes are sure enough and make sense for the best category."""
        said = candidates(attributes, self._labels) & (attributes >= self._thresholds)
        return said & self._applies[categories.argmax(1)] if self._categories else said

    def _prediction(self, categories: Floats, attributes: Floats, said: Bools, embedding: Floats) -> Prediction:
        best = np.argsort(-categories, kind="stable")[:BEST]
        told = np.flatnonzero(said)
        told = told[np.argsort(-attributes[told], kind="stable")]
        return Prediction(
            categories=tuple(self._categories[i] for i in best),
            category_scores=tuple(float(categories[i]) for i in best),
            abstained=len(best) > 0 and float(categories[best[0]]) < self._calibration.abstain_below,
            attributes=tuple(self._attributes[i] for i in told),
            attribute_scores=tuple(float(attributes[i]) for i in told),
            embedding=np.array(embedding, dtype=np.float32),
        )


def _applies(labels: LabelSpace) -> Bools:
    """(C, A) whether an attribute may be said of a category."""
    return np.array(
        [
            [group.applies_to(category) for group in labels.groups for _ in group.values]
            for category in labels.categories
        ],
        dtype=np.bool_,
    ).reshape(len(labels.categories), len(labels.attributes))
