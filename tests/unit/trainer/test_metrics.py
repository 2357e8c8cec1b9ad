"""Each expected figure is worked out by hand, by a slower way written here, or by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from trainer.metrics import (
    average_precisions,
    class_table,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    hamming_loss,
    label_ranking_precisions,
    macro_f1,
    micro_f1,
    multilabel_f1,
    places,
    reliability_table,
    top_k_accuracy,
    top_k_recall,
    wilson_interval,
    within_top,
)

SCORES = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1], [0.9, 0.1, 0.0]], dtype=np.float32)


def allowed(*sets: tuple[int, ...]) -> np.ndarray:
    return np.array([[column in chosen for column in range(3)] for chosen in sets])


def cells(*rows: str) -> np.ndarray:
    return np.array([[cell == "1" for cell in row] for row in rows])


def test_top_k_is_hit_in_top_k_over_labelled_photos() -> None:
    truth = allowed((1,), (2,), (2,), ())
    assert top_k_accuracy(SCORES, truth, 1) == pytest.approx(1 / 3)
    assert top_k_accuracy(SCORES, truth, 2) == pytest.approx(2 / 3)
    assert top_k_accuracy(SCORES, truth, 3) == 1
    assert np.isnan(top_k_accuracy(SCORES, allowed((), (), (), ()), 1))


def test_any_allowed_category_is_a_hit() -> None:
    assert top_k_accuracy(SCORES, allowed((0, 1), (0, 1), (0, 1), (2,)), 1) == 0.5


def test_of_equal_scores_the_earlier_class_stands_first() -> None:
    level = np.zeros((3, 3), dtype=np.float32)
    assert places(level, allowed((0,), (2,), ())).tolist() == [0, 2, 3]
    assert places(level, allowed((1, 2), (), (0, 2))).tolist() == [1, 3, 0]


def test_top_k_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=(500, 12)).astype(np.float32), rng.integers(0, 12, 500)
    for k in (1, 3, 5):
        theirs = sk.top_k_accuracy_score(truth, scores, k=k, labels=range(12))
        assert top_k_accuracy(scores, np.eye(12, dtype=bool)[truth], k) == pytest.approx(theirs)


def test_f1_by_counting_true_and_false_positives() -> None:
    truth, said = np.array([0, 0, 0, 1, 1, 2, -1]), np.array([0, 0, 1, 1, 0, 1, 0])
    # class 0: TP 2, FP 1, FN 1; class 1: TP 1, FP 2, FN 1; class 2: TP 0, FN 1; class 3 never occurs
    scores, counts = f1_scores(truth, said, 4)
    assert scores.tolist() == pytest.approx([2 / 3, 2 / 5, 0, 0])
    assert counts.tolist() == [3, 2, 1, 0]
    assert macro_f1(truth, said, 4) == pytest.approx((2 / 3 + 2 / 5) / 3)
    assert micro_f1(truth, said) == pytest.approx(3 / 6)
    assert confusion_matrix(truth, said, 4).tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_the_class_table_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth, said = rng.integers(0, 6, 300), rng.integers(0, 7, 300)
    table = class_table(truth, said, 7)
    theirs = sk.precision_recall_fscore_support(truth, said, labels=range(7), zero_division=0)
    for mine, their in zip((table.precision, table.recall, table.f1, table.n), theirs, strict=True):
        assert mine == pytest.approx(their, abs=1e-6)
    assert (confusion_matrix(truth, said, 7) == sk.confusion_matrix(truth, said, labels=range(7))).all()
    assert macro_f1(truth, said, 7) == pytest.approx(sk.f1_score(truth, said, labels=range(6), average="macro"))


def test_multilabel_f1_pools_for_micro_and_averages_for_macro() -> None:
    truth, said = cells("100", "110", "010"), cells("110", "011", "010")
    # value 0: TP 1 FN 1 -> 2/3; value 1: TP 2 FP 1 -> 4/5; value 2: never true
    micro, macro = multilabel_f1(truth, said, np.ones((3, 3), bool))
    assert micro == pytest.approx(2 * 3 / (4 + 5))
    assert macro == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_a_cell_that_nobody_knows_is_neither_right_nor_wrong() -> None:
    truth, said = cells("100", "110", "010"), cells("110", "011", "010")
    known = cells("101", "111", "000")  # photo 0 is not known for value 1, photo 2 for nothing
    # value 0: TP 1 FN 1; value 1: TP 1; value 2: FP 1
    assert multilabel_f1(truth, said, known) == pytest.approx((2 * 2 / (3 + 3), (2 / 3 + 1) / 2))
    assert hamming_loss(truth, said, known) == pytest.approx(2 / 5)
    assert np.isnan(hamming_loss(truth, said, known & False))
    assert np.isnan(multilabel_f1(truth & False, said, known)).all()


def test_multilabel_figures_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    truth, scores = rng.random((200, 9)) < 0.3, rng.normal(size=(200, 9)).astype(np.float32)
    known, said = np.ones_like(truth), scores > 0.4
    micro, macro = multilabel_f1(truth, said, known)
    assert micro == pytest.approx(sk.f1_score(truth, said, average="micro"))
    assert macro == pytest.approx(sk.f1_score(truth, said, average="macro"))
    assert hamming_loss(truth, said, known) == pytest.approx(sk.hamming_loss(truth, said))
    assert average_precisions(scores, truth, known) == pytest.approx(
        sk.average_precision_score(truth, scores, average=None)
    )
    some = truth.any(1)
    theirs = sk.label_ranking_average_precision_score(truth[some], scores[some])
    assert np.nanmean(label_ranking_precisions(scores, truth, known)) == pytest.approx(theirs)


def test_average_precision_by_hand_with_photos_of_equal_score_together() -> None:
    scores = np.array([[0.9], [0.8], [0.8], [0.1], [0.99]], dtype=np.float32)
    truth, known = cells("1", "0", "1", "1", "0"), cells("1", "1", "1", "1", "0")
    # thresholds 0.9, 0.8, 0.1: precision 1/1, 2/3, 3/4, a third of recall each; the unknown photo is not ranked
    assert average_precisions(scores, truth, known)[0] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert average_precisions(scores, truth, known)[0] == pytest.approx(
        sk.average_precision_score(truth[:4, 0], scores[:4, 0])
    )
    assert np.isnan(average_precisions(scores, truth & False, known)).all()


def test_ranking_precision_of_a_photo_by_hand() -> None:
    scores = np.array([[0.9, 0.5, 0.7, 0.1]], dtype=np.float32)
    # true at ranks 1 and 3 of 4 -> (1/1 + 2/3) / 2; without the value at rank 2 they stand at 1 and 2
    assert label_ranking_precisions(scores, cells("1100"), cells("1111")).tolist() == pytest.approx([5 / 6])
    assert label_ranking_precisions(scores, cells("1100"), cells("1101")).tolist() == [1]
    assert np.isnan(label_ranking_precisions(scores, cells("0000"), cells("1111")))[0]


def test_top_k_recall_is_matched_over_true_attributes_pooled_over_photos() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]], dtype=np.float32)
    truth, known = cells("1001", "1111", "0100"), np.ones((3, 4), bool)
    top = within_top(scores, known, 2)
    # photo 0: one of two; photo 1: two of four, for only two can be within two; photo 2: one of one
    assert top_k_recall(top, truth, known) == pytest.approx(4 / 7)
    # of the first two columns alone, in the ranking of all four: photo 0 one of one, photo 1 none of two, photo 2 one
    assert top_k_recall(top, truth, known, counted=slice(0, 2)) == pytest.approx(2 / 4)
    unknown = known.copy()
    unknown[0, 1] = False  # the value is not ranked, but column 3 is still only the third
    assert top_k_recall(within_top(scores, unknown, 2), truth, unknown) == pytest.approx(4 / 7)
    assert within_top(scores, unknown, 2)[0].tolist() == [True, False, True, False]
    assert within_top(scores, known, 9).all()
    assert np.isnan(top_k_recall(top, truth & False, known))


def test_top_k_recall_agrees_with_a_slower_way() -> None:
    rng = np.random.default_rng(3)
    truth, scores = rng.random((80, 30)) < 0.1, rng.normal(size=(80, 30)).astype(np.float32)
    known = np.ones_like(truth)
    matched = sum(len(set(np.argsort(-s)[:5]) & set(np.flatnonzero(t))) for s, t in zip(scores, truth, strict=True))
    assert top_k_recall(within_top(scores, known, 5), truth, known) == pytest.approx(matched / truth.sum())


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    confidence = np.array([0.95, 0.85, 0.15, 0.05, 1.0], dtype=np.float32)
    right = np.array([True, False, True, False, True])
    # two bins: high (0.95, 0.85, 1.0): accuracy 2/3, confidence 2.8/3; low: accuracy 1/2, confidence 0.1
    expected = 3 / 5 * abs(2 / 3 - 2.8 / 3) + 2 / 5 * abs(1 / 2 - 0.1)
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(expected, abs=1e-6)
    low, high = reliability_table(confidence, right, bins=2)
    assert (low.low, low.high, low.n, low.right) == (0, 0.5, 2, 0.5)
    assert (high.n, high.confidence) == (3, pytest.approx(2.8 / 3))
    assert reliability_table(confidence[:0], right[:0]) == ()
    assert np.isnan(expected_calibration_error(confidence[:0], right[:0]))


def test_reliability_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.random(1000).astype(np.float32)
    right = rng.random(1000) < confidence
    theirs = calibration_curve(right, confidence, n_bins=10)
    mine = reliability_table(confidence, right, bins=10)
    assert [b.right for b in mine] == pytest.approx(theirs[0])
    assert [b.confidence for b in mine] == pytest.approx(theirs[1], abs=1e-6)


def test_wilson_interval_of_eight_in_ten() -> None:
    assert wilson_interval(0.8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-3)
