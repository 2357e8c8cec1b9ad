"""HNSW indexes: when one is wanted, that it is built once and whole, and that a large category gets its own."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from db import indexes
from db.engine import transaction
from db.indexes import VectorIndex, build_index, dead_indexes, forget_dead_indexes, index_of, wants_index
from db.models import enriched_contents, model_by_id
from db.similarity import similar_listings

Shop = Any  # the fixture's class, in conftest.py


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "VECTORS_WORTH_AN_INDEX", 3)


def wanted(shop: Shop) -> VectorIndex | None:
    with transaction(shop.engine) as connection:
        return wants_index(connection)


def all_of(shop: Shop) -> VectorIndex:
    return VectorIndex(version_id=shop.version)


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
    assert wanted(shop) == all_of(shop)
    with transaction(shop.engine) as connection:
        assert enriched_contents(connection, shop.version) == 3
    assert build_index(shop.engine, all_of(shop))
    assert (wanted(shop), is_indexed(shop)) == (None, True)
    assert build_index(shop.engine, all_of(shop))  # again: nothing


@pytest.mark.usefixtures("few_are_enough")
def test_an_index_that_an_interrupted_build_left_invalid_is_built_anew(shop: Shop) -> None:
    ids = shop.stock(*(shop.item(str(place), [1, place, 0]) for place in range(5)))
    name = indexes.index_of(shop.version)
    shop.rows(f"CREATE INDEX {name} ON modiste.embedding_{shop.version} USING hnsw (vec halfvec_l2_ops) WITH (m = 4)")
    shop.rows("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:n)", n=f"modiste.{name}")
    assert wanted(shop) == all_of(shop)
    assert build_index(shop.engine, all_of(shop))
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
def test_an_index_that_is_noted_and_gone_or_invalid_is_found_and_built_anew(shop: Shop) -> None:
    build_index(shop.engine, VectorIndex(version_id=shop.version))
    name = index_of(shop.version)
    invalid = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)"
    for spoil in (f"DROP INDEX modiste.{name}", invalid):
        with transaction(shop.engine) as connection:
            assert dead_indexes(connection) == []
            values = {"name": f"modiste.{name}"} if ":name" in spoil else {}
            connection.execute(text(spoil), values)
            assert dead_indexes(connection) == [VectorIndex(version_id=shop.version)]
            assert forget_dead_indexes(connection) == [VectorIndex(version_id=shop.version)]
            assert dead_indexes(connection) == []
            noted = text("SELECT index_built_at FROM modiste.model_version WHERE id = :id")
            assert connection.scalar(noted, {"id": shop.version}) is None
        build_index(shop.engine, VectorIndex(version_id=shop.version))


def test_an_index_is_built_by_one_process_at_a_time(shop: Shop) -> None:
    shop.stock(*(shop.item(str(place), [1, place, 0]) for place in range(5)))
    with transaction(shop.engine) as other:
        other.execute(
            text("SELECT pg_advisory_xact_lock(:lock, :id)"), {"lock": indexes.INDEX_LOCK, "id": shop.version}
        )
        assert not build_index(shop.engine, all_of(shop))
    assert not is_indexed(shop)
    with ThreadPoolExecutor(3) as pool:
        assert any(pool.map(partial(build_index, shop.engine), [all_of(shop)] * 3))
    assert is_indexed(shop)


def test_a_build_leaves_the_memory_setting_of_its_connection_alone(shop: Shop) -> None:
    shop.engine.dispose()
    with shop.engine.connect() as connection:
        before = connection.scalar(text("SHOW maintenance_work_mem"))
    build_index(shop.engine, all_of(shop), memory="2GB")
    connections = [shop.engine.connect() for _ in range(2)]
    assert {connection.scalar(text("SHOW maintenance_work_mem")) for connection in connections} == {before}
    for connection in connections:
        connection.close()


@pytest.mark.usefixtures("few_are_enough")
def test_a_large_category_gets_an_index_of_its_own_whatever_it_is_called(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "CATEGORY_WORTH_AN_INDEX", 4)
    strange = "Ladies' %s \\ tops"
    shop.stock(
        *(shop.item(f"a{place}", [1, place, 0], categories={strange: 0.9}) for place in range(5)),
        *(shop.item(f"b{place}", [1, place, 1]) for place in range(3)),
    )
    build_index(shop.engine, all_of(shop))
    assert wanted(shop) is None, "PostgreSQL has no statistics yet"
    shop.rows("ANALYZE")
    index = wanted(shop)
    assert index == VectorIndex(version_id=shop.version, category=strange)
    assert build_index(shop.engine, index)
    assert wanted(shop) is None
    assert build_index(shop.engine, index)  # again: nothing
    (found,) = shop.rows(
        "SELECT indexdef FROM pg_indexes WHERE tablename = :t AND indexdef LIKE '%WHERE%'",
        t=f"embedding_{shop.version}",
    )
    assert "hnsw" in found["indexdef"]
    asked = "SELECT modiste.indexed_category(:v, jsonb_build_object('category', CAST(:f AS text[])))"
    assert shop.one(asked, v=shop.version, f=[strange]) == strange
    assert shop.one(asked, v=shop.version, f=[strange, "Dress"]) is None
