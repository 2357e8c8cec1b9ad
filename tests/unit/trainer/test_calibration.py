from __future__ import annotations

import numpy as np
import pytest

from trainer.calibration import SILENT, best_temperature, calibrate, cautious_threshold, threshold_for, value_thresholds
from trainer.dataset import Targets
from trainer.metrics import expected_calibration_error
from trainer.stages import CalibrationStage
from vision.answers import softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace

LABELS = LabelSpace(
    categories=("Shirt", "Dress"),
    groups=(
        AttributeGroup(name="colour", values=("Red", "Blue", "Teal"), exclusive=True),
        AttributeGroup(name="detail", values=("Bow", "Zip"), exclusive=False),
    ),
)


def drawn(count: int = 3000, seed: int = 0) -> tuple[RawOutputs, Targets]:
    """Red is easy, Teal is taken for Blue and back, and of details only zips can be told."""
    rng = np.random.default_rng(seed)
    colour, zip_on, bow_on = rng.integers(0, 3, count), rng.random(count) < 0.5, rng.random(count) < 0.5
    logits = rng.normal(size=(count, 5)).astype(np.float32)
    logits[np.arange(count), colour] += 1
    logits[:, 0] += np.where(colour == 0, 3, -3)
    logits[:, 4] += np.where(zip_on, 3, -3)
    outputs = RawOutputs(
        category_logits=rng.normal(size=(count, 2)).astype(np.float32),
        attribute_logits=logits,
        embedding=np.empty((count, 0), np.float32),
    )
    attributes = np.concatenate([np.eye(3, dtype=bool)[colour], np.stack([bow_on, zip_on], axis=1)], axis=1)
    targets = Targets(
        categories=np.eye(2, dtype=bool)[rng.integers(0, 2, count)],
        attributes=attributes,
        known=np.ones_like(attributes),
        products=np.full(count, -1),
    )
    return outputs, targets


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


def test_a_values_threshold_is_cautious_and_less_so_with_more_photos() -> None:
    confidence = np.linspace(1, 0.5, 101).astype(np.float32)
    right = confidence > 0.75
    few, many = (
        cautious_threshold(confidence, right, 0.8),
        cautious_threshold(confidence.repeat(100), right.repeat(100), 0.8),
    )
    # 50 right of 62: 0.806, and of a hundred times as many less half a standard error of 0.005
    assert threshold_for(confidence, right, 0.8) == many < few
    # 50 right of 60: 0.833 less half of 0.048 is 0.809; of 61: 0.82 - 0.5 * 0.049 is below 0.8
    assert few == pytest.approx(1 - 0.005 * 60, abs=0.006)


def test_photos_of_equal_confidence_are_said_together_or_not_at_all() -> None:
    confidence = np.repeat(np.array([0.9, 0.8], np.float32), 100)
    right = np.ones(200, bool)
    right[120:] = False  # the first twenty at 0.8 are right, as it happens
    assert cautious_threshold(confidence, right, 0.9) == pytest.approx(0.9)


def test_a_value_that_is_never_right_often_enough_is_never_said() -> None:
    assert cautious_threshold(np.linspace(1, 0.5, 50).astype(np.float32), np.arange(50) % 2 == 0, 0.9) == SILENT
    assert SILENT > 1


def test_every_value_reaches_the_precision_on_photos_that_were_not_calibrated_on() -> None:
    outputs, targets = drawn()
    found = calibrate(outputs, targets, LABELS, CalibrationStage(category_precision=0.9, attribute_precision=0.9))
    assert found.value_thresholds["colour:Red"] < found.value_thresholds["colour:Blue"]
    assert found.value_thresholds["detail:Zip"] < found.value_thresholds["detail:Bow"] == SILENT
    new, truth = drawn(seed=1)
    shares = softmax(new.attribute_logits[:, :3] / found.group_temperatures["colour"])
    for value, name in enumerate(LABELS.groups[0].values):
        said = (shares.argmax(1) == value) & (shares[:, value] >= found.value_thresholds[f"colour:{name}"])
        assert truth.attributes[said, value].mean() > 0.88
        assert said.sum() > 100


def test_a_value_that_few_photos_show_is_left_to_its_group() -> None:
    outputs, targets = drawn(200)
    teal = targets.attributes[:, 2] | (outputs.attribute_logits[:, :3].argmax(1) == 2)
    keep = ~teal | (np.cumsum(teal) <= 15)
    probabilities = np.concatenate(
        [softmax(outputs.attribute_logits[:, :3]), 1 / (1 + np.exp(-outputs.attribute_logits[:, 3:]))], axis=1
    )[keep]
    found = value_thresholds(probabilities, targets.take(np.flatnonzero(keep)), LABELS, 0.8)
    assert "colour:Red" in found
    assert "colour:Teal" not in found


def test_what_nobody_knows_has_no_say_in_a_threshold() -> None:
    outputs, targets = drawn()
    wrong = Targets(
        categories=targets.categories,
        attributes=targets.attributes.copy(),
        known=targets.known.copy(),
        products=targets.products,
    )
    wrong.known[1500:], wrong.attributes[1500:] = False, False
    stage = CalibrationStage(category_precision=0.9, attribute_precision=0.9)
    half = RawOutputs(
        category_logits=outputs.category_logits[:1500],
        attribute_logits=outputs.attribute_logits[:1500],
        embedding=outputs.embedding[:1500],
    )
    known = calibrate(half, targets.take(np.arange(1500)), LABELS, stage)
    assert calibrate(outputs, wrong, LABELS, stage).value_thresholds == known.value_thresholds
    assert calibrate(outputs, wrong, LABELS, stage).group_thresholds == known.group_thresholds


def test_a_model_without_heads_is_calibrated_to_nothing() -> None:
    outputs, targets = drawn(50)
    bare = RawOutputs(
        category_logits=outputs.category_logits[:, :0],
        attribute_logits=outputs.attribute_logits[:, :0],
        embedding=outputs.embedding,
    )
    found = calibrate(bare, targets, LABELS, CalibrationStage())
    assert (found.temperature, found.value_thresholds) == (1.0, {})
