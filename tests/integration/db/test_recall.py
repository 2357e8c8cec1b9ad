"""Recall on a catalogue whose answers are known: what is found is counted, what takes too long stays open."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from db import recall
from db.engine import transaction
from db.errors import NotMeasured
from db.recall import check_recall, checks_alone, last_checks, recall_is_due

Shop = Any  # the fixture's class, in conftest.py

DIM = 8
LISTINGS = 400


@pytest.fixture(scope="module")
def stocked(module_shop: Shop) -> Shop:
    """Half are blue, a tenth of brand B, one in twenty a skirt; prices 1 to 400."""
    vectors = np.random.default_rng(3).standard_normal((LISTINGS, DIM))
    module_shop.stock(
        *(
            module_shop.item(
                str(place),
                vector.tolist(),
                colour="Blue" if place % 2 else f"other {place}",
                brand="B" if place % 10 == 0 else f"own {place}",
                categories={"Skirt" if place % 20 == 0 else "Dress": 0.9},
                price=place + 1,
                currency="EUR",
            )
            for place, vector in enumerate(vectors)
        )
    )
    module_shop.rows("ANALYZE")
    return module_shop


def filters_of(rows: Any) -> Mapping[tuple[str, bool], Any]:
    keys = {"colour", "brand", "category", "price_max"}
    return {(next(iter(keys & set(row.filter)), "none"), row.inside): row for row in rows}


def test_filters_are_drawn_that_keep_about_a_half_a_tenth_and_a_twentieth_and_comparing_finds_all(
    stocked: Shop,
) -> None:
    check = check_recall(stocked.engine, queries=3, k=10, limit_s=60)
    rows = filters_of(check.rows)
    assert {key: round(row.kept_share, 2) for key, row in rows.items()} == {
        ("none", True): 1.0,
        **{("colour", inside): 0.5 for inside in (True, False)},
        **{("brand", inside): 0.1 for inside in (True, False)},
        **{("category", inside): 0.05 for inside in (True, False)},
        **{("price_max", inside): 0.1 for inside in (True, False)},
    }
    assert {(row.recall, row.queries, row.below_half) for row in check.rows} == {(1.0, 3, 0)}
    assert all(row.p50_ms is not None and 0 < row.p50_ms <= row.p95_ms for row in check.rows)
    assert rows["colour", True].estimated_share == pytest.approx(0.5, abs=0.1)
    with transaction(stocked.engine) as connection:
        assert last_checks(connection, 1)[0].rows[0].recall == 1.0
        assert len(last_checks(connection, 1)[0].rows) == len(check.rows)


def test_what_a_search_misses_is_missing_in_its_recall(stocked: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    right = recall.similar_listings
    monkeypatch.setattr(recall, "similar_listings", lambda *given, **named: right(*given, **named)[:4])
    check = check_recall(stocked.engine, queries=2, k=10, limit_s=60)
    assert {row.recall for row in check.rows} == {0.4}
    assert {row.below_half for row in check.rows} == {2}


def test_a_comparison_that_does_not_end_leaves_its_figures_empty(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = recall.draw_probes
    monkeypatch.setattr(recall, "draw_probes", lambda *given, **named: draw(*given, **named)[:1])
    monkeypatch.setattr(recall, "similar_listings", lambda connection, *_, **__: connection.exec_driver_sql(
        "SELECT pg_sleep(60)"
    ))  # fmt: skip
    (row,) = check_recall(stocked.engine, queries=2, k=10, limit_s=1).rows
    assert (row.recall, row.queries, row.p95_ms) == (None, 0, None)


def test_a_check_is_due_once_there_is_an_index_and_again_after_its_hours(stocked: Shop) -> None:
    def due(hours: float) -> bool:
        with transaction(stocked.engine) as connection:
            return recall_is_due(connection, hours)

    stocked.rows("DELETE FROM modiste.recall_check")
    assert not due(24)  # everything is compared
    stocked.rows("UPDATE modiste.model_version SET index_built_at = now()")
    assert due(24)
    check_recall(stocked.engine, queries=1, k=10, limit_s=60)
    assert not due(24)
    stocked.rows("UPDATE modiste.recall_check SET checked_at = now() - interval '2 hours'")
    assert due(1)
    assert not due(3)
    stocked.rows("UPDATE modiste.recall_check SET checked_at = now() - interval '401 days'")
    check_recall(stocked.engine, queries=1, k=10, limit_s=60)
    with transaction(stocked.engine) as connection:
        assert len(last_checks(connection, 9)) == 1
    stocked.rows("UPDATE modiste.model_version SET index_built_at = NULL")


def test_one_process_checks_at_a_time(stocked: Shop) -> None:
    with transaction(stocked.engine) as one, transaction(stocked.engine) as other:
        assert checks_alone(one)
        assert not checks_alone(other)


def test_an_empty_catalogue_has_nothing_to_measure(shop: Shop) -> None:
    with pytest.raises(NotMeasured, match="no catalogue has more than 10"):
        check_recall(shop.engine, queries=1, k=10, limit_s=60)
