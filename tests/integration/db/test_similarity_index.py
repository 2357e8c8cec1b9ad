"""Similarity with an HNSW index: when it is walked, that it finds what there is, and that nobody notices otherwise."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from db.engine import open_engine, transaction
from db.indexes import VectorIndex, build_index
from db.similarity import SimilarListing, similar_listings, similar_to

Shop = Any  # the fixture's class, in conftest.py

DIM = 16
LISTINGS = 3_600
HNSW_SETTINGS = ("hnsw.iterative_scan", "hnsw.ef_search", "hnsw.max_scan_tuples", "hnsw.scan_mem_multiplier")


def clustered(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """(count, DIM) float32, L2-normalised, in 40 clusters."""
    centres = rng.standard_normal((40, DIM))
    vectors = centres[rng.integers(0, 40, count)] + 0.4 * rng.standard_normal((count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors(module_shop: Shop) -> NDArray[np.float32]:
    """The shop's listings "0", "1", … with these vectors. Women's are 5 of 6, and far: those that look along x least.

    The first three have twenty photos each, all almost the same.
    """
    rng = np.random.default_rng(7)
    made = clustered(rng, LISTINGS)
    made = made[np.argsort(-made[:, 0])]
    crowd = [made[place] + 0.001 * rng.standard_normal((20, DIM)) for place in range(3)]
    crowd_looks = [np.repeat(made[:1], 20, axis=0) + 0.001 * rng.standard_normal((20, DIM)) for _ in crowd]
    made[:3] = [looks[0] for looks in crowd_looks]
    module_shop.stock(
        *(
            module_shop.item(
                str(place),
                *([vector.tolist()] if place >= 3 else crowd_looks[place].tolist()),
                gender="Women" if place >= LISTINGS // 6 else "Men",
                colour=("Blue", "Red")[place % 2],
                size="rare" if place % 90 == 0 else None,
            )
            for place, vector in enumerate(made)
        )
    )
    module_shop.rows("ANALYZE")
    assert build_index(module_shop.engine, VectorIndex(version_id=module_shop.version))
    return made


@pytest.fixture(scope="module")
def ids(module_shop: Shop, vectors: NDArray[np.float32]) -> list[int]:
    found = {row["external_id"]: row["id"] for row in module_shop.rows("SELECT external_id, id FROM modiste.listing")}
    return [found[str(place)] for place in range(LISTINGS)]


def ask(shop: Shop, listing_id: int, k: int = 10, **filters: Any) -> list[SimilarListing]:
    with transaction(shop.engine) as connection:
        return similar_listings(connection, listing_id, k=k, filters=filters)


def recall(shop: Shop, vectors: NDArray[np.float32], asked: int, answer: list[SimilarListing], kept: Any) -> float:
    places = [int(row.external_id) for row in answer]
    wanted = [place for place in np.argsort(-(vectors @ vectors[asked])) if kept(place) and place != asked][:10]
    return len(set(places) & set(wanted)) / 10


@pytest.mark.parametrize(
    ("filters", "kept", "how"),
    [
        ({}, lambda place: True, "approximate"),
        ({"gender": "Women"}, lambda place: place >= LISTINGS // 6, "approximate"),
        ({"colour": "Blue"}, lambda place: place % 2 == 0, "exact"),
        ({"size": "rare"}, lambda place: place % 90 == 0, "exact"),
    ],
)
def test_the_index_is_walked_where_many_pass_and_finds_what_comparing_all_finds(
    module_shop: Shop, vectors: NDArray[np.float32], ids: list[int], filters: dict[str, str], kept: Any, how: str
) -> None:
    found = []
    for asked in range(1200, LISTINGS, 100):
        answer = ask(module_shop, ids[asked], **filters)
        assert (len(answer), {row.how for row in answer} - {"exact"}) == (10, {how} - {"exact"})
        assert len({row.listing_id for row in answer} - {ids[asked]}) == 10
        assert [row.score for row in answer] == sorted((row.score for row in answer), reverse=True)
        found.append(recall(module_shop, vectors, asked, answer, kept))
    assert np.mean(found) >= (0.95 if how == "approximate" else 0.99)


def test_a_filter_that_keeps_many_but_far_listings_still_has_k_answers(
    module_shop: Shop, vectors: NDArray[np.float32], ids: list[int]
) -> None:
    found = []
    for asked in range(10, LISTINGS // 12, 20):
        answer = ask(module_shop, ids[asked], gender="Women")
        assert len(answer) == 10
        found.append(recall(module_shop, vectors, asked, answer, lambda place: place >= LISTINGS // 6))
    assert np.mean(found) >= 0.95


def test_what_is_far_from_the_vector_is_compared_and_not_walked(
    module_shop: Shop, vectors: NDArray[np.float32], ids: list[int]
) -> None:
    answer = ask(module_shop, ids[10], gender="Women")
    assert {row.how for row in answer} == {"exact"}
    assert recall(module_shop, vectors, 10, answer, lambda place: place >= LISTINGS // 6) == 1


def test_a_listing_answers_once_where_many_of_its_photos_are_nearest(
    module_shop: Shop, vectors: NDArray[np.float32], ids: list[int]
) -> None:
    with transaction(module_shop.engine) as connection:
        answer = similar_to(connection, vectors[0].tolist(), k=10)
    assert len({row.external_id for row in answer}) == 10
    assert {row.external_id for row in answer[:3]} == {"0", "1", "2"}


@pytest.mark.parametrize("k", [1, 100, 1000])
def test_k_listings_answer_whatever_k(module_shop: Shop, ids: list[int], k: int) -> None:
    assert len(ask(module_shop, ids[3000], k=k)) == k
    assert len(ask(module_shop, ids[3000], k=k, gender="Women")) == k


def test_the_walk_reads_the_index_and_not_the_whole_table(module_shop: Shop, ids: list[int]) -> None:
    table = f"modiste.embedding_{module_shop.version}"
    counted = text("""
        SELECT pg_stat_get_xact_numscans(to_regclass(:index)) AS walks,
               pg_stat_get_xact_tuples_returned(to_regclass(:index)) AS walked,
               pg_stat_get_xact_numscans(to_regclass(:table)) AS table_scans
    """)
    for filters in ({}, {"gender": "Women"}):
        with transaction(module_shop.engine) as connection:
            names = {"index": f"{table}_vec_idx", "table": table}
            before = connection.execute(counted, names).one()
            assert similar_listings(connection, ids[3200], k=10, filters=filters)[0].how == "approximate"
            after = connection.execute(counted, names).one()
        assert (after.walks - before.walks, after.table_scans - before.table_scans) == (1, 0)
        assert after.walked - before.walked < LISTINGS / 10


def test_a_walk_that_does_not_meet_its_own_vector_has_lost_its_way_and_is_not_believed(
    module_shop: Shop, vectors: NDArray[np.float32], ids: list[int]
) -> None:
    question = text("""
        SELECT n.listing_id, n.how FROM modiste.nearest_listings(
            :version, CAST(CAST(:asked AS real[]) AS halfvec), :self, 10, '{"available": true}', :kept) AS n
    """)
    asked = vectors[1300] + vectors[1400] / 4  # is nobody's own
    values = {"version": module_shop.version, "asked": asked.tolist(), "kept": LISTINGS}
    right = [ids[place] for place in np.argsort(-(vectors @ asked))[:10]]
    with transaction(module_shop.engine) as connection:
        own = connection.execute(question, values | {"self": None}).all()
        lost = connection.execute(question, values | {"self": ids[3300]}).all()
        # Nothing else is of its category: there is nowhere to look but everywhere.
        connection.execute(
            text(f"""
                UPDATE modiste.embedding_{module_shop.version} SET category = 'Alone'
                WHERE content_id IN (SELECT content_id FROM modiste.photo WHERE listing_id = :id)
            """),
            {"id": ids[3300]},
        )
        alone = connection.execute(question, values | {"self": ids[3300]}).all()
        connection.rollback()
    assert {row.how for row in own} == {row.how for row in lost} == {"approximate"}
    assert len({row.listing_id for row in lost} & set(right)) >= 9
    assert ([row.listing_id for row in alone], {row.how for row in alone}) == (right, {"exact"})


def test_a_question_leaves_the_settings_of_its_session_as_they_were(module_shop: Shop, ids: list[int]) -> None:
    def settings(connection: Any) -> list[str]:
        return [connection.scalar(text("SELECT current_setting(:n)"), {"n": name}) for name in HNSW_SETTINGS]

    with module_shop.engine.connect() as connection:
        connection.execute(text("SELECT '[1]'::vector <=> '[1]'::vector"))  # loads the library and its defaults
        defaults = settings(connection)
        mine = ["strict_order", "77", "12345", "2"]
        for name, value in zip(HNSW_SETTINGS, mine, strict=True):
            connection.execute(text("SELECT set_config(:n, :v, false)"), {"n": name, "v": value})
        connection.commit()
        assert similar_listings(connection, ids[3200])[0].how == "approximate"
        assert settings(connection) == mine
        connection.commit()
        connection.execute(text("SET LOCAL hnsw.ef_search = 99"))
        similar_listings(connection, ids[3200])
        assert settings(connection) == ["strict_order", "99", *mine[2:]]
        connection.commit()
        assert settings(connection) == mine
        for name in HNSW_SETTINGS:
            connection.execute(text(f"RESET {name}"))
        assert settings(connection) == defaults


@pytest.fixture
def ordinary(module_shop: Shop) -> Iterator[Engine]:
    """Fresh sessions of a role that may read the schema and nothing else."""
    role = "reader_of_similarity"
    module_shop.rows(f"CREATE ROLE {role} LOGIN")
    module_shop.rows(f"GRANT USAGE ON SCHEMA modiste TO {role}")
    module_shop.rows(f"GRANT SELECT ON ALL TABLES IN SCHEMA modiste TO {role}")
    opened = open_engine(module_shop.engine.url.set(username=role).render_as_string(hide_password=False))
    yield opened
    opened.dispose()
    module_shop.rows(f"DROP OWNED BY {role}")
    module_shop.rows(f"DROP ROLE {role}")


def test_a_fresh_session_of_an_ordinary_role_may_ask_and_keeps_the_default_settings(
    ordinary: Engine, module_shop: Shop, ids: list[int]
) -> None:
    with transaction(ordinary) as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        assert similar_listings(connection, ids[3200])[0].how == "approximate"
    with ordinary.connect() as connection:
        assert [connection.scalar(text("SELECT current_setting(:n)"), {"n": name}) for name in HNSW_SETTINGS] == [
            "off", "40", "20000", "1",
        ]  # fmt: skip
