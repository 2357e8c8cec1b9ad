"""Retrieval by hand, by the simple way of sorting everything, and by pytorch-metric-learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN

from trainer.metrics import find_mates, neighbours, retrieval


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def scattered(count: int, products: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points about one centre a product, so that some are found and some not."""
    rng = np.random.default_rng(seed)
    names = rng.integers(0, products, count)
    points = rng.normal(size=(products, 16))[names] + 1.3 * rng.normal(size=(count, 16))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), names


def simply(embedding: np.ndarray, products: np.ndarray, asks: np.ndarray, gallery: np.ndarray) -> dict[str, float]:
    """Every query by itself, everything sorted."""
    hits: dict[int, list[bool]] = {1: [], 5: [], 10: [], 20: []}
    precisions = []
    for query in np.flatnonzero(asks):
        others = np.array([i for i in np.flatnonzero(gallery) if i != query])
        order = others[np.argsort(-(embedding[others] @ embedding[query]), kind="stable")]
        mates = products[order] == products[query]
        if products[query] < 0 or not mates.any():
            continue
        for k, found in hits.items():
            found.append(mates[:k].any())
        total = mates.sum()
        precisions.append(sum(mates[: i + 1].sum() / (i + 1) for i in range(total) if mates[i]) / total)
    return {**{f"recall@{k}": np.mean(found) for k, found in hits.items()}, "map@r": np.mean(precisions)}


def test_retrieval_by_hand_on_a_half_circle() -> None:
    products = np.array([7, 8, 7, 8, -1])
    # Query 0: ranks 1 (10°: no), 2 (25°: yes). Query 2: 15° no, 25° yes. Query 1: 10° no, 15° no, 80° yes.
    # Query 3: 100° (no product), 25° no, 10° yes. R is 1 for all, and nobody's first is a mate.
    found = retrieval(on_circle(0, 10, 25, 90, 100), products, ks=(1, 2, 3))
    assert found["queries"] == 4
    assert (found["recall@1"], found["recall@2"], found["recall@3"]) == (0, 0.5, 1)
    assert found["map@r"] == found["r_precision"] == 0


def test_map_at_r_counts_precision_only_where_a_mate_stands() -> None:
    only_first = np.array([True, False, False, False, False])
    # Mates of query 0: ranks 1 and 3; R = 2: precision 1/1 at rank 1, nothing at rank 2 -> 1/2
    found = retrieval(on_circle(0, 10, 20, 30, 90), np.array([1, 1, 2, 1, 2]), queries=only_first)
    assert found["map@r"] == found["r_precision"] == 0.5


def test_a_late_mate_within_r_counts_by_its_precision() -> None:
    only_first = np.arange(6) == 0
    # Mates of query 0 at ranks 2, 3 and 5; R = 3: (1/2 + 2/3) / 3, and two of three are within R
    found = retrieval(on_circle(0, 5, 10, 15, 20, 25), np.array([1, 2, 1, 1, 2, 1]), queries=only_first)
    assert found["map@r"] == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert found["r_precision"] == pytest.approx(2 / 3)


def test_a_query_is_never_its_own_answer_even_beside_its_copy() -> None:
    points = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert retrieval(points, np.array([1, 2, 2]), ks=(1,))["recall@1"] == 0


def test_an_embedding_that_gives_all_photos_alike_finds_nothing() -> None:
    found = retrieval(np.tile(on_circle(45), (30, 1)), np.arange(30) // 3)
    assert found["recall@20"] == found["map@r"] == 0
    assert retrieval(np.tile(on_circle(45), (30, 1)), np.zeros(30, np.int64))["map@r"] == 1  # there is nobody else


def test_queries_search_only_the_gallery_as_in_shop_does() -> None:
    points, products = on_circle(0, 1, 20, 10, 90, 45), np.array([1, 1, 1, 2, 2, -1])
    queries = np.array([True, True, False, False, True, False])
    # Query 0 and 1: nearest of the gallery (20°, 10°, 45°) is 10°, then their mate at 20°; query 4: 45°, 20°, 10°.
    found = retrieval(points, products, queries=queries, gallery=~queries, ks=(1, 2, 3))
    assert (found["recall@1"], found["recall@2"], found["recall@3"], found["queries"]) == (
        0,
        pytest.approx(2 / 3),
        1,
        3,
    )


def test_a_query_without_a_mate_in_the_gallery_does_not_count() -> None:
    points, products = on_circle(0, 1, 20, 30), np.array([1, 1, 2, 3])
    queries = np.array([True, True, True, False])
    nothing = retrieval(points, products, queries=queries, gallery=~queries)
    assert nothing["queries"] == 0
    assert np.isnan(nothing["recall@1"])


@pytest.mark.parametrize("cells", [1, 700, 1 << 24])
def test_blocks_of_any_size_give_the_figures_of_sorting_everything(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", cells)
    points, products = scattered(180, 25)
    products[products == 3] = -1
    products[products == 4] = np.arange(1000, 1000 + (products == 4).sum())  # nobody's mates
    rng = np.random.default_rng(5)
    for queries, gallery in (
        (np.ones(180, bool), np.ones(180, bool)),
        (rng.random(180) < 0.4, rng.random(180) < 0.7),
    ):
        mine = retrieval(points, products, queries=queries, gallery=gallery)
        assert {k: mine[k] for k in mine if k not in {"queries", "r_precision"}} == pytest.approx(
            simply(points, products, queries, gallery)
        )


def test_products_with_more_photos_than_any_k_are_measured_to_the_last() -> None:
    points, products = scattered(150, 2)
    everyone = np.ones(150, bool)
    assert retrieval(points, products)["map@r"] == pytest.approx(simply(points, products, everyone, everyone)["map@r"])


def test_leave_one_out_agrees_with_pytorch_metric_learning() -> None:
    points, products = scattered(300, 60, seed=1)
    lonely = np.bincount(products)[products] == 1  # mine are counted out, the library's would be counted as misses
    points, products = points[~lonely], products[~lonely]
    theirs = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r", "r_precision"),
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
        k="max_bin_count",
    ).get_accuracy(torch.from_numpy(points), torch.from_numpy(products))
    mine = retrieval(points, products)
    assert mine["recall@1"] == pytest.approx(theirs["precision_at_1"])
    assert mine["map@r"] == pytest.approx(theirs["mean_average_precision_at_r"])
    assert mine["r_precision"] == pytest.approx(theirs["r_precision"])


def test_query_and_gallery_agree_with_pytorch_metric_learning() -> None:
    points, products = scattered(300, 40, seed=2)
    queries = np.arange(300) < 120
    theirs = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"),
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
        k="max_bin_count",
    ).get_accuracy(
        *(torch.from_numpy(a) for a in (points[queries], products[queries], points[~queries], products[~queries]))
    )
    mine = retrieval(points, products, queries=queries, gallery=~queries)
    assert mine["recall@1"] == pytest.approx(theirs["precision_at_1"])
    assert mine["map@r"] == pytest.approx(theirs["mean_average_precision_at_r"])


def test_what_each_query_found_is_told_by_its_row() -> None:
    found = find_mates(on_circle(0, 10, 25, 90, 100), np.array([7, 8, 7, 8, -1]))
    assert found.photos.tolist() == [0, 1, 2, 3]
    assert found.first.tolist() == [2, 3, 2, 3]
