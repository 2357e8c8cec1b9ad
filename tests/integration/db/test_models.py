"""The model registry: registered once, active alone, indexed when it is worth it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from db.enrichments import write_shard
from db.errors import ModelDoesNotFit, NoActiveModel, UnknownModelVersion
from db.indexes import VectorIndex, build_index
from db.migrate import migrate
from db.models import (
    activate_model,
    active_model,
    list_models,
    model_by_id,
    model_by_name,
    register_model,
)
from db.similarity import similar_listings
from db.states import ModelState

Shop = Any  # the fixture's class, in conftest.py


def register(engine: Engine, name: str = "v1", *, dim: int = 3, **manifest: Any) -> int:
    with transaction(engine) as connection:
        return register_model(connection, name=name, embedding_dim=dim, exclusive_groups=["a"], manifest=manifest)


def activate(engine: Engine, name: str) -> None:
    with transaction(engine) as connection:
        activate_model(connection, name)


def states(engine: Engine) -> dict[str, ModelState]:
    with transaction(engine) as connection:
        return {model.name: model.state for model in list_models(connection)}


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    start = Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def test_registering_again_changes_nothing_and_another_model_under_the_name_is_refused(engine: Engine) -> None:
    first = register(engine, labels=["Dress"], accuracy=0.5)
    assert register(engine, accuracy=0.50, labels=["Dress"]) == first
    with pytest.raises(ModelDoesNotFit, match="v1 is registered with another manifest"):
        register(engine, labels=["Shirt"], accuracy=0.5)
    with pytest.raises(ModelDoesNotFit):
        register(engine, dim=4, labels=["Dress"], accuracy=0.5)
    assert states(engine) == {"v1": ModelState.REGISTERED}
    with transaction(engine) as connection:
        registered = model_by_id(connection, first)
        assert (registered.embedding_dim, registered.indexed) == (3, False)
        assert registered.manifest == {"labels": ["Dress"], "accuracy": 0.5}
        with pytest.raises(UnknownModelVersion):
            model_by_id(connection, first + 1)


def test_workers_that_register_the_same_model_at_once_agree(engine: Engine) -> None:
    assert len(set(at_once(*[partial(register, engine, seed=1)] * 4))) == 1
    assert list(states(engine)) == ["v1"]


def test_activating_a_version_puts_the_other_back(engine: Engine) -> None:
    with transaction(engine) as connection, pytest.raises(NoActiveModel):
        active_model(connection)
    register(engine, "v1")
    register(engine, "v2")
    for name, other in (("v1", "v2"), ("v2", "v1"), ("v2", "v1")):
        activate(engine, name)
        assert states(engine) == {name: ModelState.ACTIVE, other: ModelState.REGISTERED}
        with transaction(engine) as connection:
            assert active_model(connection).name == name


def test_an_unknown_or_retired_version_cannot_be_activated(engine: Engine) -> None:
    register(engine, "v1")
    register(engine, "old")
    activate(engine, "v1")
    with transaction(engine) as connection:
        connection.execute(text("UPDATE modiste.model_version SET state = 'retired' WHERE name = 'old'"))
    for name in ("old", "v9"):
        with pytest.raises(UnknownModelVersion, match=f"no model version {name}"):
            activate(engine, name)
    assert states(engine)["v1"] is ModelState.ACTIVE


def test_a_version_is_found_by_its_name(engine: Engine) -> None:
    register(engine, "v1")
    register(engine, "v2")
    with transaction(engine) as connection:
        assert model_by_name(connection, "v2").id == 2
        with pytest.raises(UnknownModelVersion, match="no model version v3"):
            model_by_name(connection, "v3")


@pytest.mark.parametrize("dim", [0, 4001])
def test_an_embedding_that_no_index_can_hold_is_refused_before_anything_is_made(engine: Engine, dim: int) -> None:
    with pytest.raises(ModelDoesNotFit, match=f"embeddings of {dim} numbers; 1 to 4000"):
        register(engine, "v1", dim=dim)
    assert states(engine) == {}


def test_two_versions_can_never_both_be_active(engine: Engine) -> None:
    register(engine, "v1")
    register(engine, "v2")
    with transaction(engine) as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE modiste.model_version SET state = 'active'"))


def test_who_activate_different_versions_at_once_take_turns(engine: Engine) -> None:
    names = ["v1", "v2", "v3", "v4"]
    for name in names:
        register(engine, name)
    for _ in range(5):
        at_once(*(partial(activate, engine, name) for name in names))
        assert sorted(states(engine).values()) == [ModelState.ACTIVE, *[ModelState.REGISTERED] * 3]


def test_activating_does_not_wait_for_those_who_write_enrichments(shop: Shop) -> None:
    register(shop.engine, "v2")
    _, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    with transaction(shop.engine) as writer:
        write_shard(writer, lease, shop.dresses(lease), work_s=1.0)
        with transaction(shop.engine) as connection:
            connection.execute(text("SET LOCAL lock_timeout = '300ms'"))
            activate_model(connection, "v2")
            activate_model(connection, "v1")


def test_pgvector_may_be_installed_in_any_schema(engine: Engine, open_shop: Callable[[Engine], Shop]) -> None:
    with transaction(engine) as connection:
        connection.execute(text("DROP SCHEMA modiste CASCADE"))
        connection.execute(text("DROP EXTENSION vector"))
        connection.execute(text('CREATE SCHEMA "My Extensions"'))
        connection.execute(text('CREATE EXTENSION vector SCHEMA "My Extensions"'))
    migrate(engine)
    shop = open_shop(engine)
    ids = shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [1, 1, 0]))
    build_index(shop.engine, VectorIndex(version_id=shop.version))
    with transaction(shop.engine) as connection:
        (row,) = similar_listings(connection, ids["a"])
    assert (row.external_id, row.score) == ("b", pytest.approx(0.5**0.5, abs=1e-3))
