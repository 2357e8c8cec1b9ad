"""The active version changes under load: nobody gets an error, no answer mixes versions, and there is always one."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db.backfills import begin_backfill
from db.batches import ContentRef
from db.engine import transaction
from db.enrichments import Outcome
from db.models import activate_model, list_models, register_model
from db.similarity import similar_listings
from db.states import ModelState

Shop = Any  # the fixture's class, in conftest.py
DIM = 5
ASKERS = 6
CHANGES = 21


@pytest.fixture
def stocked(shop: Shop) -> dict[str, int]:
    """Listings that v1 takes for dresses and v2, of another dimension, for shirts."""
    ids: dict[str, int] = shop.stock(*(shop.item(f"n{place}", [1, place / 10, 0]) for place in range(30)))
    with transaction(shop.engine) as connection:
        register_model(connection, name="v2", embedding_dim=DIM, exclusive_groups=[], manifest={"version": "v2"})
        begin_backfill(connection, "v2")
    for row in shop.rows("SELECT id FROM modiste.shard WHERE state = 'queued'"):
        lease = shop.take(row["id"])
        seen = shop.seen([1.0] * DIM, categories={"Shirt": 0.9})
        shop.finish(
            lease,
            [
                Outcome(photo_id=p.id, content=ContentRef(sha256=p.sha256, size_bytes=1), seen=seen)
                for p in lease.photos
            ],
        )
    return ids


def activate(engine: Engine, name: str) -> None:
    with transaction(engine) as connection:
        activate_model(connection, name)


def test_who_asks_while_versions_change_gets_answers_of_one_version(shop: Shop, stocked: dict[str, int]) -> None:
    changed = threading.Event()
    given: Counter[frozenset[str]] = Counter()
    asked = threading.Semaphore(0)

    def answers() -> Iterator[frozenset[str]]:
        ids = list(stocked.values())
        turn = 0
        while not changed.is_set():
            with transaction(shop.engine) as connection:
                found = similar_listings(connection, ids[turn % len(ids)], k=12)
            assert len(found) == 12
            yield frozenset(str(row.category) for row in found)
            turn += 1
            asked.release()

    with ThreadPoolExecutor(ASKERS) as threads:
        askers = [threads.submit(lambda: Counter(answers())) for _ in range(ASKERS)]
        try:
            for change in range(CHANGES):
                activate(shop.engine, ("v2", "v1")[change % 2])
                for _ in range(ASKERS):  # some are asked under each version
                    assert asked.acquire(timeout=30)
        finally:
            changed.set()
        for asker in askers:
            given.update(asker.result())
    assert set(given) == {frozenset({"Dress"}), frozenset({"Shirt"})}


@pytest.mark.usefixtures("stocked")
def test_whoever_dies_while_activating_changes_nothing(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        activate_model(connection, "v2")
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        shop.rows("SELECT pg_terminate_backend(:pid, 10000)", pid=pid)
        with pytest.raises(DBAPIError):
            connection.commit()
    with transaction(shop.engine) as connection:
        states = {model.name: model.state for model in list_models(connection)}
    assert states == {"v1": ModelState.ACTIVE, "v2": ModelState.REGISTERED}
    activate(shop.engine, "v2")
