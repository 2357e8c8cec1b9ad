"""Figures over photos of known answers; what each means is tested with `trainer.metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.bootstrap import bootstrap_mean
from trainer.dataset import Dataset, Targets
from trainer.evaluation import evaluate, photo_scores, take
from trainer.sources import Row, Source, SourceSpec
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration

LABELS = LabelSpace(
    categories=("Shirt", "Boot", "Sandal"),
    groups=(
        AttributeGroup(name="colour", values=("Red", "Blue"), exclusive=True),
        AttributeGroup(name="detail", values=("Bow", "Zip", "Lace"), exclusive=False),
    ),
)
NOTHING = Calibration()


def sets(labels: Sequence[str], *rows: str) -> np.ndarray:
    """A row says which labels hold, by their first letters."""
    return np.array([[label[0] in row for label in labels] for row in rows])


def one_hot(places: Sequence[int], width: int, *, sure: float = 4.0) -> np.ndarray:
    return (np.eye(width)[list(places)] * sure).astype(np.float32)


def dataset(
    categories: np.ndarray,
    *,
    attributes: np.ndarray | None = None,
    known: np.ndarray | None = None,
    products: Sequence[int] | None = None,
    sources: Sequence[str] | None = None,
    roles: Sequence[str] | None = None,
    words: Sequence[str] | None = None,
) -> Dataset:
    count = len(categories)
    nothing = np.zeros((count, 5), bool)
    names = list(sources or ["shop"] * count)
    spoken = list(words or [""] * count)
    opened = {
        name: Source(spec=SourceSpec(name=name, table="t.csv", licence=""), table=Path("t.csv"), rows=(), read=_unread)
        for name in names
    }
    return Dataset(
        labels=LABELS,
        targets=Targets(
            categories=categories,
            attributes=nothing if attributes is None else attributes,
            known=nothing if known is None else known,
            products=np.array(products if products is not None else [-1] * count),
        ),
        sources=np.array(names),
        splits=np.array(["test"] * count),
        roles=np.array(roles or [""] * count),
        rows=[
            (opened[name], Row(line=i + 2, photo=f"{i}.jpg", words={"category": word}))
            for i, (name, word) in enumerate(zip(names, spoken, strict=True))
        ],
    )


def _unread(name: str) -> bytes:
    raise KeyError(name)


def outputs(
    categories: np.ndarray, attributes: np.ndarray | None = None, embedding: np.ndarray | None = None
) -> RawOutputs:
    count = len(categories)
    return RawOutputs(
        category_logits=categories,
        attribute_logits=np.zeros((count, 0), np.float32) if attributes is None else attributes,
        embedding=np.zeros((count, 0), np.float32) if embedding is None else embedding,
    )


def everything(data: Dataset) -> np.ndarray:
    return np.arange(len(data))


def test_category_figures_of_five_photos_and_one_unlabelled() -> None:
    truth = sets(LABELS.categories, "S", "S", "B", "BS", "B", "")
    truth[:, 2] = [False, False, False, True, False, False]  # the fourth is one of Boot and Sandal
    truth[3, 0] = False
    data = dataset(truth)
    found = evaluate(outputs(one_hot([0, 1, 1, 2, 0, 0], 3)), data, everything(data), NOTHING)
    assert found["all/category/top1"] == 0.6
    assert found["all/category/top3"] == 1
    assert found["all/category/n"] == 5
    # Shirt: TP 1, FP 1, FN 1; Boot: TP 1, FP 1, FN 1; the photo of two allowed names counts for neither
    assert found["all/category/macro_f1"] == 0.5
    assert found["all/category/top1/low"] < 0.6 < found["all/category/top1/high"]
    assert found["shop/category/top1"] == 0.6


def test_what_is_not_said_of_a_photo_is_not_counted() -> None:
    data = dataset(
        np.zeros((4, 3), bool),
        attributes=np.array([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 0]], bool),
        known=np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]], bool),
    )
    logits = np.array([[3, 0, 9, 9, -9], [3, 0, 9, 9, 9], [0, 3, 9, 9, 9], [0, 3, 9, -9, -8]], np.float32)
    found = evaluate(outputs(np.zeros((4, 0), np.float32), logits), data, everything(data), NOTHING)
    assert found["all/colour/n"] == 2
    assert found["all/colour/micro_f1"] == 0.5
    assert found["all/colour/hamming"] == 0.5
    # detail: photo 0 Bow right, Zip wrong, Lace rightly not; photo 1 Zip right; photo 3 Bow right, Zip missed
    assert found["all/detail/n"] == 3
    assert found["all/detail/micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert found["all/detail/hamming"] == pytest.approx(2 / 7, abs=1e-4)
    assert (found["all/detail/said"], found["all/detail/precision_said"]) == (0.75, 0.75)
    assert found["all/attributes/n"] == 6
    assert "all/category/top1" not in found
    assert not any(name.startswith("shop/retrieval") for name in found)


def test_thresholds_decide_what_a_free_group_and_how_often_an_exclusive_one_says() -> None:
    attributes = np.array([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]], bool)
    data = dataset(np.zeros((2, 3), bool), attributes=attributes, known=np.ones((2, 5), bool))
    logits = np.array([[3, 0, 2, -9, -9], [1, 0, -9, 2, -9]], np.float32)  # Red 0.95, Red 0.73; Bow 0.88, Zip 0.88
    said = outputs(np.zeros((2, 0), np.float32), logits)
    loose = evaluate(said, data, everything(data), NOTHING)
    strict = Calibration(group_thresholds={"colour": 0.5}, value_thresholds={"colour:Red": 0.9, "detail:Zip": 0.9})
    found = evaluate(said, data, everything(data), strict)
    assert (loose["all/colour/said"], loose["all/colour/precision_said"]) == (1, 0.5)
    assert (found["all/colour/said"], found["all/colour/precision_said"]) == (0.5, 1)
    assert found["all/colour/micro_f1"] == loose["all/colour/micro_f1"] == 0.5  # forced to answer, it is no other
    assert (loose["all/detail/micro_f1"], found["all/detail/micro_f1"]) == (1, pytest.approx(2 / 3, abs=1e-4))


def test_sources_are_measured_apart_and_together() -> None:
    data = dataset(sets(LABELS.categories, "B", "B", "B", "B"), sources=["a", "a", "a", "b"])
    found = evaluate(outputs(one_hot([1, 1, 0, 0], 3)), data, everything(data), NOTHING)
    names = ("a/category/top1", "b/category/top1", "all/category/top1")
    assert [found[name] for name in names] == [0.6667, 0, 0.5]


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_photos_without_a_role_search_each_other_and_queries_only_the_gallery() -> None:
    nothing, points = np.zeros((4, 3), bool), on_circle(0, 1, 30, 10)
    said = outputs(np.zeros((4, 0), np.float32), embedding=points)
    free = dataset(nothing, products=[1, 1, 1, 2])
    found = evaluate(said, free, everything(free), NOTHING)
    assert (found["shop/retrieval/queries"], found["shop/retrieval/recall@1"]) == (3, 0.6667)
    shop = replace(free, roles=np.array(["query", "query", "gallery", "gallery"]))
    found = evaluate(said, shop, everything(shop), NOTHING)
    assert (found["shop/retrieval/queries"], found["shop/retrieval/recall@1"]) == (2, 0)
    assert found["shop/retrieval/recall@5"] == 1
    both = replace(shop, roles=np.array(["query", "gallery", "gallery", "gallery"]))
    assert (
        evaluate(said, both, everything(both), NOTHING)["shop/retrieval/queries"] == 1
    )  # mates in the gallery do not ask
    assert np.isfinite(photo_scores(said, both, everything(both))["retrieval/recall@1"]).tolist() == [1, 0, 0, 0]


def test_photos_of_one_product_are_drawn_together_for_the_interval_of_retrieval() -> None:
    products = np.repeat(np.arange(12), 10)
    directions = np.eye(12)[products] * 9 + np.random.default_rng(0).normal(size=(120, 12)) / 9
    directions[products >= 8] = np.random.default_rng(1).normal(size=(40, 12))  # products that are never found whole
    points = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    data = dataset(np.zeros((120, 3), bool), products=products.tolist())
    said = outputs(np.zeros((120, 0), np.float32), embedding=points)
    found = evaluate(said, data, everything(data), NOTHING)
    scores = photo_scores(said, data, everything(data))["retrieval/recall@1"]
    together = bootstrap_mean(scores, clusters=products)
    assert found["all/retrieval/recall@1/low"] == round(together.low, 4) < bootstrap_mean(scores).low


def test_a_photo_that_may_be_either_of_two_values_counts_for_neither() -> None:
    attributes = np.array([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], bool)
    known = np.array([[1, 1, 0, 0, 0], [1, 1, 0, 0, 0]], bool)
    data = dataset(np.zeros((2, 3), bool), attributes=attributes, known=known)
    logits = np.array([[3, 0, 0, 0, 0], [0, 3, 0, 0, 0]], np.float32)
    found = evaluate(outputs(np.zeros((2, 0), np.float32), logits), data, everything(data), NOTHING)
    assert (found["all/colour/n"], found["all/attributes/n"]) == (1, 1)
    assert found["all/attributes/hamming"] == 0


def test_a_source_without_products_has_no_retrieval_figures() -> None:
    data = dataset(sets(LABELS.categories, "B", "B"))
    found = evaluate(outputs(one_hot([1, 1], 3), embedding=on_circle(0, 1)), data, everything(data), NOTHING)
    assert not any("retrieval" in name for name in found)


def test_figures_by_the_sources_own_words() -> None:
    """40 tees (Shirt), 30 shoes (Boot or Sandal, one of them surely a Boot), 5 clogs (Sandal), too few for n30."""
    words = ["tee"] * 40 + ["shoe"] * 30 + ["clog"] * 5
    truth = np.repeat(np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]], bool), [40, 30, 5], axis=0)
    truth[40, 2] = False
    # The sure Boot is taken for a Sandal: wrong, though Sandals are called shoes too, so it falls to the clogs.
    said = [0] * 30 + [1] * 10 + [2] + [1] * 15 + [2] * 8 + [0] * 6 + [2] * 5
    data = dataset(truth, words=words)
    found = evaluate(outputs(one_hot(said, 3)), data, everything(data), NOTHING)
    assert found["shop/category/top1_large10"] == round((30 + 23 + 5) / 75, 4)
    assert found["shop/category/top1_n30"] == round(53 / 70, 4)
    assert found["shop/category/top1_n30/n"] == 70
    # tee: TP 30, FN 10, FP 6; shoe: TP 23, FN 7, FP 10
    assert found["shop/category/macro_f1_n30"] == pytest.approx((60 / (60 + 16) + 46 / (46 + 17)) / 2, abs=1e-4)
    assert not any(name.startswith("all/") and "n30" in name for name in found)


def test_frequent_words_are_counted_over_all_splits_and_rare_photos_left_out() -> None:
    words = [f"word{i:02}" for i in range(12) for _ in range(40 - i)]
    truth = np.tile(np.array([[True, False, False]]), (len(words), 1))
    data = dataset(truth, words=words)
    rows = np.array([i for i, word in enumerate(words) if word in {"word09", "word10", "word11"}])
    found = evaluate(outputs(one_hot([0] * len(rows), 3)), data, rows, NOTHING)
    assert found["shop/category/top1_large10/n"] == 31  # of word09 alone: the tenth
    assert found["shop/category/top1_n30/n"] == 31 + 30  # word11 has 29


def test_photo_scores_are_what_the_figures_are_means_of() -> None:
    rng = np.random.default_rng(0)
    count = 60
    truth = np.eye(3, dtype=bool)[rng.integers(0, 3, count)] & (rng.random(count) < 0.8)[:, np.newaxis]
    colour = np.eye(2, dtype=bool)[rng.integers(0, 2, count)]
    attributes = np.concatenate([colour, rng.random((count, 3)) < 0.4], axis=1)
    known = np.repeat(rng.random((count, 2)) < 0.7, [2, 3], axis=1)
    data = dataset(truth, attributes=attributes & known, known=known, products=rng.integers(0, 20, count).tolist())
    points = rng.normal(size=(count, 4))
    said = outputs(
        rng.normal(size=(count, 3)).astype(np.float32),
        rng.normal(size=(count, 5)).astype(np.float32),
        (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32),
    )
    rows = np.arange(5, count)
    part = take(said, rows)
    scores, figures = photo_scores(part, data, rows), evaluate(part, data, rows, NOTHING)
    assert set(scores) == {
        "category/top1", "colour/micro_f1", "detail/lrap", "retrieval/recall@1", "retrieval/map@r",
    }  # fmt: skip
    for name, each in scores.items():
        assert len(each) == len(rows)
        assert figures[f"all/{name}"] == pytest.approx(float(np.nanmean(each)), abs=1e-4)
    low = bootstrap_mean(scores["category/top1"]).low
    assert figures["all/category/top1/low"] == round(low, 4)


def test_tasks_that_nobody_labelled_have_no_photo_scores() -> None:
    data = dataset(np.zeros((3, 3), bool))
    assert photo_scores(outputs(one_hot([0, 1, 2], 3), embedding=on_circle(0, 1, 2)), data, everything(data)) == {}
