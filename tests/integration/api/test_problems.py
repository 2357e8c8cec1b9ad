from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError, TimeoutError  # noqa: A004

from api.app import make_app
from db.engine import transaction
from db.errors import NotMigrated, NotReachable
from store import Store


def said(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["type"].startswith("urn:modiste:problem:")
    return dict(answer.json())


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/nowhere", 404, "/docs lists them all"),
        ("GET", "/v1/listings/", 404, "no such route"),
        ("DELETE", "/v1/models", 405, "does not take the method DELETE"),
        ("GET", "/v1/models/nothing", 404, "GET /v1/models lists them"),
        ("GET", "/v1/models/%00", 422, "NUL"),
        ("POST", "/v1/search/vector", 415, "takes application/json, not an untyped body"),
    ],
)
def test_everything_that_fails_is_a_problem(client: TestClient, method: str, path: str, status: int, says: str) -> None:
    problem = said(client.request(method, path))
    assert (problem["status"], says in problem["detail"]) == (status, True), problem


def test_a_wrong_method_names_the_right_ones(client: TestClient) -> None:
    assert client.delete("/v1/models").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/v1/listings", "/v1/listings/1", "/", "/search", "/static/any/modiste.css", "/docs", "/healthz", "/nowhere"],
)
def test_head_is_answered_like_get_without_a_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert dict(head.headers) == dict(get.headers)


def test_head_of_a_thumbnail_says_how_large_it_is(client: TestClient, ids: dict[str, int]) -> None:
    path = client.get(f"/v1/listings/{ids['red']}").json()["photos"][0]["thumbnail"]
    head = client.head(path)
    assert (head.status_code, head.headers["content-type"]) == (200, "image/webp")
    assert int(head.headers["content-length"]) == len(client.get(path).content)


def test_head_needs_the_key_as_get_does(guarded: TestClient) -> None:
    assert guarded.head("/v1/listings").status_code == 401
    assert guarded.head("/v1/listings", headers={"Authorization": "bearer schlüssel".encode()}).status_code == 200
    assert guarded.head("/readyz").status_code == 200


def test_a_body_that_is_no_json_says_so(client: TestClient) -> None:
    answer = client.post("/v1/search/vector", content=b"{nonsense", headers={"content-type": "application/json"})
    assert said(answer)["status"] == 422
    assert answer.json()["detail"] == "The body: JSON cannot be read at character 1."


def test_every_wrong_parameter_is_named(client: TestClient) -> None:
    problem = said(client.get("/v1/listings?limit=0&price_min=x"))
    assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [("query", "price_min"), ("query", "limit")]
    assert problem["detail"] == (
        "price_min (query): write a number with a point, such as 12.5. "
        "limit (query): input should be greater than or equal to 1."
    )


def test_a_json_body_over_its_limit_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.limits.LINGER_S", 0.1)
    chunks = (b"[" * 2**16 for _ in range(20))  # without a stated length
    answer = client.post("/v1/search/vector", content=chunks, headers={"content-type": "application/json"})
    assert said(answer)["status"] == 413
    assert "1,048,576 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuntimeError("secret of the inside"), 500),
        (OperationalError("SELECT secret", {}, Exception("secret of the inside")), 503),
        (TimeoutError("secret of the pool"), 503),
        (NotMigrated(), 503),
    ],
)
def test_faults_of_the_inside_are_not_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr("api.models.list_models", fail)
    problem = said(client.get("/v1/models"))
    assert problem["status"] == status
    assert "secret" not in str(problem)


def test_who_is_told_of_readiness_does_not_learn_where_the_database_is(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise NotReachable(f'{NotReachable.__doc__} (connection to server at "db.internal", port 5432 failed)')

    monkeypatch.setattr("api.health.require_migrated", away)
    problem = said(client.get("/readyz"))
    assert (problem["status"], problem["detail"]) == (503, NotReachable.__doc__)


def test_ready_means_that_a_model_is_active(client: TestClient, shop: Any) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "model_version": "v1"}
    with transaction(shop.engine) as connection:
        connection.exec_driver_sql("UPDATE modiste.model_version SET state = 'registered'")
    try:
        assert said(client.get("/readyz"))["status"] == 503
        assert said(client.get("/v1/listings/1/similar"))["title"] == "No active model"
        assert client.get("/v1/listings").json()["listings"][0]["enrichment"] is None
    finally:
        with transaction(shop.engine) as connection:
            connection.exec_driver_sql("UPDATE modiste.model_version SET state = 'active'")


def test_versions_are_listed_without_paths(client: TestClient) -> None:
    (version,) = client.get("/v1/models").json()
    assert (version["name"], version["state"], version["embedding_dim"], version["indexed"]) == (
        "v1",
        "active",
        3,
        False,
    )
    details = client.get("/v1/models/v1").json()
    assert details | version == details
    assert details["coverage"]["covered"] == details["coverage"]["shown"] > 0
    assert details["coverage"]["share"] == 1.0


@pytest.mark.parametrize("path", ["/v1/listings", "/docs", "/openapi.json", "/nowhere", "/redoc", "/healthz/"])
@pytest.mark.parametrize("given", [None, "Bearer wrong", "Bearer ", "Basic c2VjcmV0", "schlüssel", "Bearer schlüssel!"])
def test_a_key_guards_everything_but_health(guarded: TestClient, path: str, given: str | None) -> None:
    headers = {"Authorization": given.encode()} if given else {}
    answer = guarded.get(path, headers=headers)
    assert said(answer)["status"] == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_with_the_key_everything_is_open(guarded: TestClient) -> None:
    headers = {"Authorization": "bearer schlüssel".encode()}
    assert guarded.get("/v1/listings", headers=headers).status_code == 200
    document = guarded.get("/openapi.json", headers=headers).json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert document["paths"]["/v1/listings"]["get"]["security"] == [{"key": ["read"]}]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_health_needs_no_key(guarded: TestClient) -> None:
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code == 200


@pytest.fixture(scope="module")
def guarded(shop: Any, store: Store, place: Any) -> Any:
    with TestClient(make_app(place.settings(shop, store, key="schlüssel")), raise_server_exceptions=False) as made:
        yield made


def test_every_route_is_documented_with_what_it_may_answer(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["tags"], where
            assert operation.get("description") or operation.get("summary"), where
            assert "_" in operation["operationId"], where
            if path.startswith("/v1"):
                assert {"422", "500", "503"} <= set(operation["responses"]), where
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (where, status)


def test_every_schema_has_an_example_of_each_field(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name, schema in document["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            speaks = {"examples", "default", "$ref", "enum", "const"} & set(said) or said.get("type") in (
                "boolean",
                "array",
            )
            refers = any("$ref" in part for part in said.get("anyOf", []))
            assert speaks or refers or "description" in said, f"{name}.{field} says nothing of itself"
