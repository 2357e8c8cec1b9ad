"""What KEDA asks to decide how many workers there should be: the queries of deploy/kubernetes, on a real database."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from db.states import Lane

Shop = Any  # the fixture's class, in conftest.py
FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"


@pytest.fixture(params=["cpu", "gpu"])
def query(request: pytest.FixtureRequest) -> str:
    scaled = yaml.safe_load((FOLDER / request.param / "scaling.yaml").read_text())
    return str(scaled["spec"]["triggers"][0]["metadata"]["query"])


def test_work_counts_from_when_it_is_queued_until_it_is_done(shop: Shop, query: str) -> None:
    assert shop.one(query) == 0
    _, (shard,) = shop.plan("a")
    assert shop.one(query) == 1
    lease = shop.take(shard)
    assert shop.one(query) == 1
    shop.finish(lease)
    assert shop.one(query) == 0


def test_what_rests_or_is_due_much_later_needs_no_worker(shop: Shop, query: str) -> None:
    shop.plan("a")
    shop.rows("UPDATE modiste.shard SET not_before = clock_timestamp() + interval '1 h'")
    assert shop.one(query) == 0
    shop.rows("UPDATE modiste.shard SET not_before = clock_timestamp(), state = 'paused'")
    assert shop.one(query) == 0


def test_a_feed_that_waits_to_be_planned_needs_a_worker(shop: Shop, query: str) -> None:
    import_id, _ = shop.plan("a")
    shop.rows("UPDATE modiste.shard SET state = 'cancelled'")
    shop.rows("INSERT INTO modiste.plan (import_id, feed_file) VALUES (:id, 'feed')", id=import_id)
    assert shop.one(query) == 1


def test_no_gpu_is_started_for_a_single_listing(shop: Shop, query: str) -> None:
    shop.plan("a")
    shop.rows("UPDATE modiste.shard SET lane = :lane", lane=Lane.INTERACTIVE)
    assert shop.one(query) == (0 if "interactive" in query else 1)
