"""From raw outputs to predictions: temperature, thresholds, and which attribute groups a category allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.engines import RawOutputs
from vision.labels import AttributeGroup
from vision.manifest import Manifest
from vision.prediction import Prediction

BEST = 5


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the last axis; an empty one stays empty."""
    if not logits.shape[-1]:
        return logits
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


class Reader:
    """Reads the outputs of one model version by its label space and calibration."""

    def __init__(self, manifest: Manifest) -> None:
        self._categories = manifest.labels.categories if manifest.plan.category_head else ()
        self._columns = tuple(manifest.labels.columns()) if manifest.plan.attribute_head else ()
        self._calibration = manifest.calibration

    def read(self, outputs: RawOutputs) -> list[Prediction]:
        """One prediction a row."""
        categories = softmax(outputs.category_logits / self._calibration.temperature)
        attributes = self.attribute_probabilities(outputs.attribute_logits)
        return [self._prediction(*row) for row in zip(categories, attributes, outputs.embedding, strict=True)]

    def attribute_probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, A) logits to (N, A) probabilities: softmax in exclusive groups, sigmoid in free ones."""
        out = np.empty_like(logits)
        for group, at in self._columns:
            part = logits[:, at] / self._calibration.group_temperatures.get(group.name, 1.0)
            out[:, at] = softmax(part) if group.exclusive else 1 / (1 + np.exp(-np.clip(part, -60, 60)))
        return out

    def _prediction(
        self, categories: NDArray[np.float32], attributes: NDArray[np.float32], embedding: NDArray[np.float32]
    ) -> Prediction:
        best = np.argsort(-categories, kind="stable")[:BEST]
        names = tuple(self._categories[i] for i in best)
        said = self._attributes(attributes, names[0] if names else None)
        return Prediction(
            categories=names,
            category_scores=tuple(float(categories[i]) for i in best),
            abstained=bool(names) and float(categories[best[0]]) < self._calibration.abstain_below,
            attributes=tuple(label for label, _ in said),
            attribute_scores=tuple(score for _, score in said),
            embedding=np.array(embedding, dtype=np.float32),
        )

    def _attributes(self, scores: NDArray[np.float32], category: str | None) -> list[tuple[str, float]]:
        said = []
        for group, at in self._columns:
            if group.applies_to(category):
                said += self._of_group(group, scores[at])
        return sorted(said, key=lambda pair: -pair[1])

    def _of_group(self, group: AttributeGroup, scores: NDArray[np.float32]) -> list[tuple[str, float]]:
        at_least = self._calibration.group_thresholds.get(group.name, 0.5)
        candidates = [int(scores.argmax())] if group.exclusive else range(len(scores))
        labels = group.labels()
        return [(labels[i], float(scores[i])) for i in candidates if scores[i] >= at_least]
