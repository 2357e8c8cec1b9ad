"""The gate between two models: it refuses what is worse beyond chance, and lets chance pass."""

import numpy as np

from trainer.gate import Gate, judge_scores

NAMES = [f"c{n}" for n in range(20)]


def models(seed: int, *, worse: float = 0.0, photos: int = 40) -> Gate:
    """Two models right nine times in ten on 20 categories; in the first one the new model loses `worse` of its hits."""
    rng = np.random.default_rng(seed)
    category = np.repeat(np.arange(20), photos)
    old, new = ((rng.random(len(category)) < 0.9).astype(float) for _ in range(2))
    new[(category == 0) & (rng.random(len(category)) < worse)] = 0.0
    return judge_scores({"category/top1": (old, new)}, category=category, names=NAMES)


def test_a_category_that_is_forgotten_is_refused_and_named() -> None:
    gate = models(1, worse=0.6)
    assert not gate.passed
    assert [one.name for one in gate.categories if one.worse] == ["c0"]


def test_models_that_differ_by_chance_pass_nearly_always() -> None:
    refused = sum(not models(seed).passed for seed in range(40))
    assert refused <= 5  # five in a hundred are two of these


def test_a_model_that_is_worse_everywhere_a_little_is_refused_overall() -> None:
    rng = np.random.default_rng(3)
    category = np.repeat(np.arange(20), 40)
    old = (rng.random(800) < 0.9).astype(float)
    new = np.where(rng.random(800) < 0.06, 0.0, old)
    gate = judge_scores({"category/top1": (old, new)}, category=category, names=NAMES)
    assert [one.name for one in gate.worse][:1] == ["category/top1"]


def test_photos_without_a_score_and_categories_with_few_photos_judge_nothing() -> None:
    category = np.array([0] * 30 + [1] * 3 + [-1] * 7)
    old, new = np.ones(40), np.ones(40)
    new[30:33] = 0.0
    old[33:] = new[33:] = np.nan
    gate = judge_scores({"category/top1": (old, new)}, category=category, names=NAMES)
    assert [one.name for one in gate.categories] == ["c0"]
    assert gate.overall[0].n == 33


def test_a_better_model_passes() -> None:
    old = np.zeros(60)
    gate = judge_scores({"category/top1": (old, np.ones(60))}, category=np.zeros(60, dtype=np.int64), names=NAMES)
    assert gate.passed
    assert (gate.overall[0].before, gate.overall[0].after) == (0.0, 1.0)
