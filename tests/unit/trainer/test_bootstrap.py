from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import norm

from trainer.bootstrap import bootstrap_mean, bootstrap_ratio, paired_bootstrap


def test_the_interval_of_a_share_is_as_wide_as_the_normal_approximation_says() -> None:
    hits = np.arange(400) < 320
    found = bootstrap_mean(hits, resamples=4000)
    half = norm.ppf(0.975) * np.sqrt(0.8 * 0.2 / 400)
    assert (found.value, found.n) == (0.8, 400)
    assert (found.low, found.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.004)


def test_the_interval_agrees_with_scipys_percentile_bootstrap() -> None:
    scores = np.random.default_rng(1).gamma(2, size=150)
    mine = bootstrap_mean(scores, resamples=4000)
    theirs = scipy_bootstrap((scores,), np.mean, method="percentile", n_resamples=4000, rng=0).confidence_interval
    assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_photos_without_a_score_are_left_out_and_none_at_all_is_nan() -> None:
    assert bootstrap_mean([1.0, np.nan, 0.0, np.nan]).n == 2
    assert bootstrap_mean([1.0, np.nan, 0.0]).value == 0.5
    assert np.isnan(bootstrap_mean([np.nan]).low)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    scores = np.random.default_rng(2).normal(size=60)
    assert bootstrap_mean(scores, seed=3) == bootstrap_mean(scores, seed=3)
    assert bootstrap_mean(scores, seed=3) != bootstrap_mean(scores, seed=4)


def test_photos_that_fall_together_widen_the_interval_as_fewer_photos_would() -> None:
    products = np.repeat(np.arange(40), 10)
    hits = products < 28  # all ten photos of a product hit or miss together
    apart, together = bootstrap_mean(hits, resamples=4000), bootstrap_mean(hits, clusters=products, resamples=4000)
    assert together.value == apart.value == 0.7
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(np.sqrt(10), rel=0.1)


def test_a_ratio_of_sums_is_resampled_by_photo() -> None:
    right, asked = np.array([2.0, 0.0, 1.0, 4.0] * 50), np.array([4.0, 2.0, 2.0, 4.0] * 50)
    found = bootstrap_ratio(right, asked, resamples=4000)
    assert found.value == pytest.approx(7 / 12)
    # Delta method: the variance of right - ratio * asked, over photos, and the mean asked.
    spread = np.std(right - found.value * asked) / np.sqrt(200) / asked.mean()
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * spread, rel=0.1)


def test_a_clear_difference_is_told_from_chance() -> None:
    rng = np.random.default_rng(0)
    b = rng.random(500) < 0.7
    a = b | (rng.random(500) < 0.3)
    found = paired_bootstrap(a, b)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.low > 0
    assert found.p < 0.01
    back = paired_bootstrap(b, a)
    assert back.value == -found.value
    assert 0 < back.p < 0.01


def test_two_models_that_differ_by_as_many_photos_either_way_are_even() -> None:
    a, b = np.ones(100), np.ones(100)
    a[:10], b[10:20] = 0, 0
    found = paired_bootstrap(a, b)
    assert found.value == 0
    assert found.low < 0 < found.high
    assert found.p > 0.8
    assert paired_bootstrap(a, a).p == 1


def test_p_is_that_of_the_sign_test_where_few_photos_differ() -> None:
    a, b = np.ones(300), np.ones(300)
    b[:6] = 0  # six photos that only the first model has: two-sided p of resampling none of them is 2 * exp(-6)
    assert paired_bootstrap(a, b, resamples=20000).p == pytest.approx(2 * np.exp(-6), rel=0.4)


def test_photos_that_one_model_was_not_scored_on_do_not_count() -> None:
    found = paired_bootstrap([1.0, np.nan, 0.0, 1.0], [0.0, 1.0, np.nan, 1.0])
    assert (found.n, found.value) == (2, 0.5)


def test_many_different_scores_are_resampled_in_bounded_memory() -> None:
    scores = np.random.default_rng(5).random(60000)
    found = bootstrap_mean(scores, resamples=100)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(1 / 12 / 60000), rel=0.3)
