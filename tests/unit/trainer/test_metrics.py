"""Each expected figure is worked out by hand, by a slower way, or by scikit-learn's definition written
out."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.metrics import (
    expected_calibration_error,
    f1_scores,
    macro_f1,
    micro_f1,
    multilabel_f1,
    retrieval,
    top_k_accuracy,
    wilson_interval,
)

SCORES = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1], [0.9, 0.1, 0.0]], dtype=np.float32)


def allowed(*sets: tuple[int, ...]) -> np.ndarray:
    return np.array([[column in chosen for column in range(3)] for chosen in sets])


def test_top_k_is_hit_in_top_k_over_labelled_photos() -> None:
    truth = allowed((1,), (2,), (2,), ())
    assert top_k_accuracy(SCORES, truth, 1) == pytest.approx(1 / 3)
    assert top_k_accuracy(SCORES, truth, 2) == pytest.approx(2 / 3)
    assert top_k_accuracy(SCORES, truth, 3) == 1
    assert np.isnan(top_k_accuracy(SCORES, allowed((), (), (), ()), 1))


def test_any_allowed_category_is_a_hit() -> None:
    assert top_k_accuracy(SCORES, allowed((0, 1), (0, 1), (0, 1), (2,)), 1) == 0.5


def test_f1_by_counting_true_and_false_positives() -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2, -1]), np.array([0, 0, 1, 1, 0, 1, 0])
    # class 0: TP 2, FP 1, FN 1; class 1: TP 1, FP 2, FN 1; class 2: TP 0, FN 1; class 3 never occurs
    scores, counts = f1_scores(truth, said, 4)
    assert scores.tolist() == pytest.approx([2 / 3, 2 / 5, 0, 0])
    assert counts.tolist() == [3, 2, 1, 0]
    assert macro_f1(truth, said, 4) == pytest.approx((2 / 3 + 2 / 5) / 3)
    assert micro_f1(truth, said) == pytest.approx(3 / 6)


def test_multilabel_f1_pools_for_micro_and_averages_for_macro() -> None:
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=bool)
    said = np.array([[1, 1, 0], [0, 1, 1], [0, 1, 0]], dtype=bool)
    # value 0: TP 1 FN 1 -> 2/3; value 1: TP 2 FP 1 -> 4/5; value 2: never true
    micro, macro = multilabel_f1(truth, said)
    assert micro == pytest.approx(2 * 3 / (4 + 5))
    assert macro == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_retrieval_by_hand_on_a_half_circle() -> None:
    angles = np.radians([0, 10, 25, 90, 100])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    products = np.array([7, 8, 7, 8, -1])
    # Query 0: ranks 1 (10°: no), 2 (25°: yes). Query 2: 15° no, 25° yes. Query 1: 10° no, 15° no, 80° yes.
    # Query 3: 100° (no product), 25° no, 10° yes. R is 1 for all, and nobody's first is a mate.
    found = retrieval(points, products, ks=(1, 2, 3))
    assert found["queries"] == 4
    assert (found["recall@1"], found["recall@2"], found["recall@3"]) == (0, 0.5, 1)
    assert found["map@r"] == 0


def test_map_at_r_counts_precision_only_where_a_mate_stands() -> None:
    angles = np.radians([0, 10, 20, 30, 90])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    products = np.array([1, 1, 2, 1, 2])
    only_first = np.array([True, False, False, False, False])
    # Mates of query 0: ranks 1 and 3; R = 2: precision 1/1 at rank 1, nothing at rank 2 -> 1/2
    assert retrieval(points, products, queries=only_first)["map@r"] == pytest.approx(0.5)


def test_a_query_is_never_its_own_answer_even_beside_its_copy() -> None:
    points = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert retrieval(points, np.array([1, 2, 2]), ks=(1,))["recall@1"] == 0


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    confidence = np.array([0.95, 0.85, 0.15, 0.05, 1.0], dtype=np.float32)
    right = np.array([True, False, True, False, True])
    # two bins: high (0.95, 0.85, 1.0): accuracy 2/3, confidence 2.8/3; low: accuracy 1/2, confidence 0.1
    expected = 3 / 5 * abs(2 / 3 - 2.8 / 3) + 2 / 5 * abs(1 / 2 - 0.1)
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(expected, abs=1e-6)


def test_wilson_interval_of_eight_in_ten() -> None:
    assert wilson_interval(0.8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-3)
