from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from api.app import make_app
from api.settings import ApiSettings
from db.engine import transaction
from db.models import activate_model, register_model
from db.similarity import similar_listings


@pytest.fixture
def shop(engine: Engine) -> list[int]:
    """Four enriched listings; their ids."""
    with transaction(engine) as connection:
        version = register_model(connection, name="v1", embedding_dim=2, exclusive_groups=[], manifest={})
        activate_model(connection, "v1")
        connection.execute(text("INSERT INTO modiste.catalogue VALUES ('shop')"))
        connection.execute(
            text(
                "INSERT INTO modiste.import (catalogue, feed, lane, model_version_id) VALUES ('shop', 'f', 'bulk', :v)"
            ),
            {"v": version},
        )
        connection.execute(
            text(f"""
                WITH made AS (
                    INSERT INTO modiste.listing (catalogue, external_id, title, gender, row_hash)
                    SELECT 'shop', n::text, 'Listing ' || n, (ARRAY['Women', 'Men'])[1 + n % 2], ''
                    FROM generate_series(1, 4) n
                    RETURNING id
                ), content AS (
                    INSERT INTO modiste.content (sha256, size_bytes)
                    SELECT sha256(id::text::bytea), 1 FROM made RETURNING id
                ), vec AS (
                    INSERT INTO modiste.embedding_{version}
                    SELECT id, 'Shirt', ARRAY[1, id]::real[]::halfvec FROM content
                ), said AS (
                    INSERT INTO modiste.enrichment
                    SELECT id, :v, '{{Shirt}}', '{{1}}', false, '{{}}', '{{}}' FROM content
                ), numbered AS (
                    SELECT id, row_number() OVER (ORDER BY id) AS n FROM content
                )
                INSERT INTO modiste.photo (listing_id, position, source, content_id, state, import_id)
                SELECT m.id, 0, 'p', c.id, 'enriched', (SELECT max(id) FROM modiste.import)
                FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM made) m JOIN numbered c USING (n)
            """),
            {"v": version},
        )
        ids = list(connection.scalars(text("SELECT id FROM modiste.listing ORDER BY id")))
        connection.execute(text("SELECT modiste.refresh_summaries(:ids)"), {"ids": ids})
    return ids


@pytest.fixture
def client(database_url: str) -> Iterator[TestClient]:
    with TestClient(make_app(ApiSettings(database_url=database_url))) as made:
        yield made


def test_http_gives_the_rows_of_sql_in_their_order(client: TestClient, engine: Engine, shop: list[int]) -> None:
    answer = client.get(f"/v1/listings/{shop[0]}/similar", params={"k": 2})
    with transaction(engine) as connection:
        rows = similar_listings(connection, shop[0], k=2)
    assert answer.status_code == 200
    assert [(row["listing_id"], row["score"], row["how"]) for row in answer.json()] == [
        (row.listing_id, row.score, row.how) for row in rows
    ]


def test_filters_are_those_of_sql(client: TestClient, shop: list[int]) -> None:
    answer = client.get(f"/v1/listings/{shop[0]}/similar", params={"filters": '{"gender": "Women"}'})
    assert [row["external_id"] for row in answer.json()] == ["2", "4"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/listings/999999/similar", 404, "does not exist"),
        ("/v1/listings/1/similar?filters=nonsense", 422, "no JSON"),
        ("/v1/listings/1/similar?filters=[1]", 422, "JSON object"),
        ('/v1/listings/1/similar?filters={"colr":"Red"}', 422, "colr"),
    ],
)
def test_a_bad_question_is_a_problem_that_says_what_was_wrong(
    client: TestClient, shop: list[int], path: str, status: int, says: str
) -> None:
    answer = client.get(path.replace("/1/", f"/{shop[0]}/"))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_ready_means_that_a_model_is_active(client: TestClient, engine: Engine) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    with transaction(engine) as connection:
        register_model(connection, name="v1", embedding_dim=2, exclusive_groups=[], manifest={})
        activate_model(connection, "v1")
    assert client.get("/readyz").json() == {"status": "ready", "model_version": "v1"}


def test_a_key_guards_everything_but_health(database_url: str, shop: list[int]) -> None:
    path = f"/v1/listings/{shop[0]}/similar"
    with TestClient(make_app(ApiSettings(database_url=database_url, key="secret"))) as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer secret"}).status_code == 200
        assert client.get("/healthz").status_code == 200
