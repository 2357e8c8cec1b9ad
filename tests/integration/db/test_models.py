"""The model registry: registered once, active alone, indexed when it is worth it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db import models
from db.engine import transaction
from db.enrichments import write_shard
from db.errors import ModelDoesNotFit, NoActiveModel, UnknownModelVersion
from db.migrate import migrate
from db.models import (
    activate_model,
    active_model,
    build_index,
    enriched_contents,
    list_models,
    model_by_id,
    model_by_name,
    register_model,
    wants_index,
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


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "VECTORS_WORTH_AN_INDEX", 3)


def wanted(shop: Shop) -> int | None:
    with transaction(shop.engine) as connection:
        return wants_index(connection)


def is_indexed(shop: Shop) -> bool:
    with transaction(shop.engine) as connection:
        return model_by_id(connection, shop.version).indexed


@pytest.mark.usefixtures("few_are_enough")
def test_an_index_is_wanted_once_there_are_enough_vectors_and_no_open_shards(shop: Shop) -> None:
    assert wanted(shop) is None
    shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [0, 1, 0]))
    assert wanted(shop) is None
    _, (shard,) = shop.plan("c")
    assert wanted(shop) is None
    lease = shop.take(shard)
    assert wanted(shop) is None
    shop.finish(lease)
    assert wanted(shop) == shop.version
    with transaction(shop.engine) as connection:
        assert enriched_contents(connection, shop.version) == 3
    assert build_index(shop.engine, shop.version)
    assert (wanted(shop), is_indexed(shop)) == (None, True)
    assert build_index(shop.engine, shop.version)  # again: nothing


@pytest.mark.usefixtures("few_are_enough")
def test_an_index_that_an_interrupted_build_left_invalid_is_built_anew(shop: Shop) -> None:
    ids = shop.stock(*(shop.item(str(place), [1, place, 0]) for place in range(5)))
    name = models.index_of(shop.version)
    shop.rows(f"CREATE INDEX {name} ON modiste.embedding_{shop.version} USING hnsw (vec halfvec_l2_ops) WITH (m = 4)")
    shop.rows("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:n)", n=f"modiste.{name}")
    assert wanted(shop) == shop.version
    assert build_index(shop.engine, shop.version)
    assert is_indexed(shop)
    (index,) = shop.rows(
        "SELECT indisvalid, pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indexrelid = to_regclass(:n)",
        n=f"modiste.{name}",
    )
    assert index["indisvalid"]
    assert "halfvec_cosine_ops" in index["definition"]
    assert "ef_construction='200'" in index["definition"]
    with transaction(shop.engine) as connection:
        assert len(similar_listings(connection, ids["0"])) == 4


@pytest.mark.usefixtures("few_are_enough")
def test_an_index_is_built_by_one_process_at_a_time(shop: Shop) -> None:
    shop.stock(*(shop.item(str(place), [1, place, 0]) for place in range(5)))
    with transaction(shop.engine) as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:lock, :id)"), {"lock": models.INDEX_LOCK, "id": shop.version})
        assert not build_index(shop.engine, shop.version)
    assert not is_indexed(shop)
    assert at_once(*[partial(build_index, shop.engine, shop.version)] * 3).count(True) >= 1
    assert is_indexed(shop)


def test_a_build_leaves_the_memory_setting_of_its_connection_alone(shop: Shop) -> None:
    shop.engine.dispose()
    with shop.engine.connect() as connection:
        before = connection.scalar(text("SHOW maintenance_work_mem"))
    build_index(shop.engine, shop.version, memory="2GB")
    connections = [shop.engine.connect() for _ in range(2)]
    assert {connection.scalar(text("SHOW maintenance_work_mem")) for connection in connections} == {before}
    for connection in connections:
        connection.close()


def test_pgvector_may_be_installed_in_any_schema(engine: Engine, open_shop: Callable[[Engine], Shop]) -> None:
    with transaction(engine) as connection:
        connection.execute(text("DROP SCHEMA modiste CASCADE"))
        connection.execute(text("DROP EXTENSION vector"))
        connection.execute(text('CREATE SCHEMA "My Extensions"'))
        connection.execute(text('CREATE EXTENSION vector SCHEMA "My Extensions"'))
    migrate(engine)
    shop = open_shop(engine)
    ids = shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [1, 1, 0]))
    build_index(shop.engine, shop.version)
    with transaction(shop.engine) as connection:
        (row,) = similar_listings(connection, ids["a"])
    assert (row.external_id, row.score) == ("b", pytest.approx(0.5**0.5, abs=1e-3))
