"""Anything that the OpenAPI document allows, and much that it does not: no answer is a fault of the API's own."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import make_app
from store import Store

EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def document(shop: Any, store: Store, place: Any) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.following.STREAM_AT_MOST_S", 0.0)  # of an import that never ends
        yield schemathesis.openapi.from_asgi("/openapi.json", make_app(place.settings(shop, store)))
        shutdown_lifespans()


@pytest.mark.parametrize("mode", MODES, ids=[mode.value for mode in MODES])
def test_no_request_breaks_the_api_or_its_word(document: Any, network: Any, mode: GenerationMode) -> None:
    tried = 0
    for operation in document.get_all_operations():
        try_hard(operation.ok(), mode)
        tried += 1
    assert tried >= 20


def try_hard(operation: Any, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    try:
        ask()
    except Unsatisfiable:  # a route without parameters cannot be asked wrongly
        assert mode is GenerationMode.NEGATIVE


NASTY = [
    "", " ", "\0", "a\0b", "\x1f", "%", "%s", "'; --", '"', "\\", "{}", "[]", "null", "-1", "0", "1e999", "NaN",
    "9" * 40, "1" * 5000, "é\u0301", "\U0001f457", "\u202e", "\ufffe", "../../etc/passwd", "a/../b", "=1+1", "x" * 3000,
]  # fmt: skip
RAW = ["%ed%a0%80", "%ff%fe", "%", "%0", "%00", "%2e%2e%2f"]


def values() -> Iterator[str]:
    yield from (quote(text, safe="") for text in NASTY)
    yield from RAW


def test_no_value_of_any_parameter_breaks_the_api(client: TestClient, network: Any) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                for value in values() if parameter["in"] in ("path", "query") else ():
                    answered(client, method, address(path, parameter, value), operation)


def address(path: str, parameter: dict[str, Any], value: str) -> str:
    """The path with this value for the parameter, and something harmless for the others of the path."""
    if parameter["in"] == "path":
        path = path.replace("{" + parameter["name"] + "}", value)
    harmless = {
        "{listing_id}": "1",
        "{photo_id}": "1",
        "{import_id}": "1",
        "{catalogue}": "shop",
        "{external_id}": "red",
    }
    for name, value_of in harmless.items():
        path = path.replace(name, value_of)
    return f"{path}?{quote(parameter['name'])}={value}" if parameter["in"] == "query" else path


def answered(client: TestClient, method: str, url: str, operation: dict[str, Any]) -> None:
    answer = client.request(method, url)
    assert answer.status_code < 500, (method, url[:300], answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", (method, url[:300])


@pytest.mark.parametrize("nasty", [*NASTY, "\ud800", "a\udfffb", None, True, 10**400, -0.0, 1e308, [], {}, [[[]]]])
def test_no_value_of_any_field_breaks_the_api(client: TestClient, nasty: Any) -> None:
    fields = ["title", "price", "currency", "available", "metadata", "photos", "x" if nasty is None else "brand"]
    bodies = [{field: nasty} for field in fields] + [{"metadata": {"a": nasty}}, {"photos": [nasty]}, nasty]
    if isinstance(nasty, str):
        bodies.append({"metadata": {nasty: "a"}})
    vectors = [{"embedding": nasty}, {"embedding": [nasty, 0, 1]}, {"embedding": [1, 0, 0], "k": nasty}, nasty]
    vectors += [
        {"embedding": [1, 0, 0], "filters": {name: nasty}} for name in ("brand", "price_min", "available", "metadata.a")
    ]
    vectors += [{"embedding": [1, 0, 0], "options": {"ef": nasty}}, {"embedding": [1, 0, 0], "model_version": nasty}]
    for method, path, sent in [("PUT", "/v1/catalogues/n/listings/n", bodies), ("POST", "/v1/search/vector", vectors)]:
        for body in sent:
            answer = client.request(
                method, path, content=json.dumps(body).encode(), headers={"content-type": "application/json"}
            )
            assert answer.status_code < 500, (body, answer.text)
