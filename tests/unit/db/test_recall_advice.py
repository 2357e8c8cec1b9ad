from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.recall import Check, Recall, percentile, recall_of
from db.recall_advice import advice, warnings

GOOD = Recall(
    filter={"catalogue": "c", "available": True, "brand": "Oona"}, inside=True, kept_share=0.1, estimated_share=0.1,
    k=10, queries=20, below_half=0, recall=0.99, p50_ms=1.0, p95_ms=2.0,
)  # fmt: skip


def check(*recalls: float, version: str = "v1") -> Check:
    rows = [replace(GOOD, recall=value) for value in recalls]
    return Check(checked_at=datetime(2026, 1, 2, tzinfo=UTC), model_version=version, rows=rows)


@pytest.mark.parametrize(
    ("inside", "recall", "is_fine"),
    [(True, 0.98, True), (True, 0.97, False), (False, 0.95, True), (False, 0.94, False), (True, None, True)],
)
def test_what_is_promised_from_inside_and_from_outside_is_enough(
    inside: bool, recall: float | None, is_fine: bool
) -> None:
    assert (advice(replace(GOOD, inside=inside, recall=recall)) is None) == is_fine


def test_a_wrong_estimate_is_put_right_by_analyze_and_else_the_index_is_built_anew() -> None:
    low = replace(GOOD, recall=0.5)
    assert "ANALYZE" in str(advice(replace(low, estimated_share=0.001)))
    assert str(advice(low)).startswith("brand Oona: recall 0.500 over 20 queries")
    assert "REINDEX" in str(advice(low))


def test_a_fall_since_the_check_before_is_told_even_where_all_is_enough() -> None:
    assert list(warnings(check(0.98), check(1.0))) == [
        "recall over all filters fell from 1.000 to 0.980 since 2026-01-02: ANALYZE modiste.listing, "
        "modiste.listing_summary, and where listings or photos were replaced by the thousand since, "
        "REINDEX INDEX CONCURRENTLY embedding_*_vec_idx"
    ]
    assert not list(warnings(check(0.99), check(1.0)))
    assert not list(warnings(check(0.98), check(1.0, version="v0")))


def test_of_listings_with_the_same_score_any_is_right_and_a_missing_one_is_not() -> None:
    assert recall_of([0.9, 0.8], [0.9, 0.8]) == 1.0
    assert recall_of([0.9, 0.8000001], [0.9, 0.8]) == 1.0
    assert recall_of([0.9, 0.7], [0.9, 0.8]) == 0.5
    assert recall_of([], []) == 1.0


def test_a_percentile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = [float(n) for n in range(20, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile([], 0.5)) == (10.0, 19.0, None)
