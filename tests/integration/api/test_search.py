import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import make_app
from cli.settings import SHIPPED_MODELS
from db.engine import transaction
from db.models import activate_model, active_model, register_model
from db.similarity import similar_to
from store import Store
from tests.integration.api.conftest import AXES, picture
from tests.integration.db.conftest import migrated_database, open_shop
from worker.registration import register


def ask(client: TestClient, photo: bytes | None = None, **query: Any) -> Any:
    return client.post("/v1/search/photo", files={"photo": ("p.jpg", photo or picture())}, params=query)


def activate(shop: Any, name: str) -> None:
    with transaction(shop.engine) as connection:
        activate_model(connection, name)


@pytest.fixture
def two_versions(shop: Any) -> Iterator[Any]:
    """A second version with vectors of its own: by "v1" the photo is most like "red", by "v2" most like "blue"."""
    with transaction(shop.engine) as connection:
        register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={})
        connection.exec_driver_sql("""
            INSERT INTO modiste.embedding_2
            SELECT content_id, category, (ARRAY[vec[2], vec[1], vec[3]])::real[] FROM (
                SELECT content_id, category, vec::real[] AS vec FROM modiste.embedding_1) AS v
            ON CONFLICT DO NOTHING
        """)
        connection.exec_driver_sql("""
            INSERT INTO modiste.listing_summary (listing_id, model_version_id, category, category_score, abstained,
                                                 attributes, attribute_scores, photos, enriched_at)
            SELECT listing_id, 2, category, category_score, abstained, attributes, attribute_scores, photos,
                   enriched_at FROM modiste.listing_summary WHERE model_version_id = 1 ON CONFLICT DO NOTHING
        """)
    yield shop
    activate(shop, "v1")


def test_the_answer_tells_what_is_seen_and_what_is_similar(client: TestClient, shop: Any, network: Any) -> None:
    answer = ask(client, k=2)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seen"] == {
        "category": "Dress", "category_score": 0.75, "abstained": False,
        "attributes": [{"name": "colour:Red", "score": 0.5}],
    }  # fmt: skip
    assert answer.json()["model_version"] == "v1"
    with transaction(shop.engine) as connection:
        rows = similar_to(connection, AXES["v1"], k=2)
    assert [row["listing_id"] for row in answer.json()["similar"]] == [row.listing_id for row in rows]


def test_filters_and_options_are_query_parameters(client: TestClient, network: Any) -> None:
    found = ask(client, gender="Men", catalogue="shop").json()["similar"]
    assert [row["external_id"] for row in found] == ["shirt"]
    assert ask(client, colr="Red").status_code == 422
    assert "mode (query)" in ask(client, mode="looks").json()["detail"]


def test_a_part_of_the_photo_is_asked_about(client: TestClient, network: Any) -> None:
    assert ask(client, crop="0.25,0,0.5,1").status_code == 200
    assert "crop (query)" in ask(client, crop="0.5,0,0.9,1").json()["detail"]
    assert ask(client, crop="0,0,0.01,0.01").json()["reason"] == "too_small"


def test_another_version_is_opened_when_it_becomes_active(client: TestClient, two_versions: Any, network: Any) -> None:
    assert ask(client).json()["model_version"] == "v1"
    activate(two_versions, "v2")
    answer = ask(client, k=1).json()
    assert (answer["model_version"], answer["similar"][0]["external_id"]) == ("v2", "blue")


def test_a_version_that_changes_while_the_photo_is_looked_at_is_asked_again(
    client: TestClient, two_versions: Any, network: Any
) -> None:
    assert ask(client).json()["model_version"] == "v1"
    network.meanwhile = lambda: activate(two_versions, "v2")
    answer = ask(client, k=1).json()
    assert (answer["model_version"], answer["similar"][0]["external_id"]) == ("v2", "blue")


def test_versions_never_mix_while_they_change(client: TestClient, two_versions: Any, network: Any) -> None:
    stop = threading.Event()

    def toggle() -> None:
        while not stop.wait(0.02):
            with transaction(two_versions.engine) as connection:
                other = {"v1": "v2", "v2": "v1"}[active_model(connection).name]
                activate_model(connection, other)

    toggling = threading.Thread(target=toggle)
    toggling.start()
    with ThreadPoolExecutor(8) as askers:
        answers = list(askers.map(lambda _: ask(client, k=1), range(80)))
    stop.set()
    toggling.join()
    right = {"v1": {"red", "sold", "pink"}, "v2": {"blue"}}
    met = [a.json() for a in answers if a.status_code == 200]
    assert all(a.status_code in (200, 409) for a in answers)
    assert {a["model_version"] for a in met} == {"v1", "v2"}
    assert all(a["similar"][0]["external_id"] in right[a["model_version"]] for a in met)


def test_without_its_network_a_photo_is_refused_and_everything_else_goes_on(
    shop: Any, store: Store, place: Any
) -> None:
    with TestClient(make_app(place.settings(shop, store)), raise_server_exceptions=False) as client:
        answer = ask(client)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert client.get("/v1/listings").status_code == 200


def test_the_shipped_model_finds_the_photo_itself(servers: Any, template: str, tmp_path: Path, place: Any) -> None:
    store = Store.open(str(tmp_path / "store"))
    with migrated_database(servers, template) as engine:
        name = register(engine, store, sorted(SHIPPED_MODELS.glob("*/manifest.json"))[-1].parent)
        shop = open_shop(engine)
        with transaction(engine) as connection:
            activate_model(connection, name)
            version = active_model(connection)
        with TestClient(make_app(place.settings(shop, store))) as client:
            vectors = {colour: client.app.state.resources.network.embed(picture(colour=colour)) for colour in COLOURS}
            shop.dim = version.embedding_dim
            shop.stock(
                *(shop.item(c, seen.prediction.embedding.tolist()) for c, seen in vectors.items()), version=version.id
            )
            for colour in COLOURS:
                answer = ask(client, picture(colour=colour), k=1).json()
                assert answer["model_version"] == name
                assert (answer["similar"][0]["external_id"], answer["similar"][0]["score"]) == (
                    colour,
                    pytest.approx(1, abs=1e-3),
                )


COLOURS = ("red", "green", "blue")
