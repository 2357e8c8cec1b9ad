from __future__ import annotations

import numpy as np
import pytest

from trainer.calibration import best_temperature, threshold_for
from trainer.metrics import expected_calibration_error
from vision.answers import softmax


def test_overconfident_logits_are_cooled_until_they_may_be_believed() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 5)).astype(np.float32) * 2
    truth = np.array([rng.choice(5, p=row / row.sum()) for row in softmax(honest).astype(np.float64)])
    allowed = np.eye(5, dtype=bool)[truth]
    temperature = best_temperature(honest * 3, allowed)
    assert temperature == pytest.approx(3, rel=0.1)

    def error(logits: np.ndarray) -> float:
        scores = softmax(logits)
        return expected_calibration_error(scores.max(1), scores.argmax(1) == truth)

    assert error(honest * 3 / temperature) < 0.03 < error(honest * 3)


def test_threshold_is_the_lowest_that_keeps_the_precision() -> None:
    confidence = np.linspace(1, 0.5, 101).astype(np.float32)  # steps of 0.005
    right = confidence > 0.75  # 50 are right, the rest wrong
    assert threshold_for(confidence, right, 0.8) == pytest.approx(1 - 0.005 * 61, abs=0.006)  # 50 of 62 are right


def test_threshold_without_evidence_is_a_half() -> None:
    assert threshold_for(np.ones(5, np.float32), np.ones(5, bool), 0.9) == 0.5
