"""The client beside the API's own description: no route is forgotten, and an answer has the fields that it promises."""

from typing import Any

import httpx2
import pytest
from modiste_client import Client, answers
from modiste_client.answers import Answer
from pydantic import BaseModel

from api.app import make_app
from api.settings import ApiSettings

# What each operation is called as. One method may serve two routes: by id, and by catalogue and external id.
CALLS: dict[str, Any] = {
    "similar_listings": lambda client: client.similar(1),
    "similar_listings_by_external_id": lambda client: client.similar(("c", "x")),
    "search_by_vector": lambda client: client.search_vector([1.0]),
    "search_by_listings": lambda client: client.search_listings([1]),
    "search_by_attributes": lambda client: client.search_attributes(["a:b"]),
    "similar_batch": lambda client: client.similar_batch([1]),
    "search_by_photo": lambda client: client.search_photo(b"x"),
    "browse_listings": lambda client: next(client.listings()),
    "get_listing": lambda client: client.listing(1),
    "erase_listing": lambda client: client.erase_listing(1),
    "get_listing_by_external_id": lambda client: client.listing(("c", "x")),
    "put_listing": lambda client: client.put_listing("c", "x"),
    "erase_listing_by_external_id": lambda client: client.erase_listing(("c", "x")),
    "list_catalogues": lambda client: client.catalogues(),
    "upload_photo": lambda client: client.upload_photo(b"x"),
    "get_thumbnail": lambda client: client.thumbnail(1),
    "begin_import": lambda client: client.import_feed("https://feeds.example/f.csv", catalogue="c"),
    "list_imports": lambda client: next(client.imports()),
    "get_import": lambda client: client.get_import(1),
    "get_forecast": lambda client: client.forecast(1),
    "pause_import": lambda client: client.pause(1),
    "resume_import": lambda client: client.resume(1),
    "cancel_import": lambda client: client.cancel(1),
    "retry_import": lambda client: client.retry(1),
    "follow_import": lambda client: next(client.watch(1)),
    "get_import_report": lambda client: next(client.report(1)),
    "list_quarantine": lambda client: next(client.quarantine()),
    "list_corrections": lambda client: next(client.corrections()),
    "correct_listing": lambda client: client.correct(1, field="category", now="Dress", who="Ann"),
    "undo_correction": lambda client: client.undo_correction(1),
    "list_models": lambda client: client.models(),
    "get_model": lambda client: client.model("m"),
}
LEFT_OUT = {
    "export_catalogue": "a stream to a file, which plain HTTP does better",
    "get_import_quarantine": "quarantine(import_id=…) asks for the same",
}
SHAPES = sorted(
    (kind for kind in vars(answers).values() if isinstance(kind, type) and issubclass(kind, Answer) and kind != Answer),
    key=lambda kind: kind.__name__,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    nowhere = tmp_path_factory.mktemp("nowhere")
    settings = ApiSettings(
        database_url="postgresql+psycopg2:///", broker_url="redis://", store_url=str(nowhere), cache=nowhere
    )
    return make_app(settings).openapi()


def operations(described: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in described["paths"].items()
        if path.startswith("/v1/")  # the rest is for machines that watch machines
        for method, operation in methods.items()
    }


def test_every_route_has_a_method_or_a_reason_to_have_none(described: dict[str, Any]) -> None:
    assert set(operations(described)) == CALLS.keys() | LEFT_OUT.keys()


@pytest.mark.parametrize("operation", CALLS)
def test_a_method_asks_the_route_that_it_stands_for(described: dict[str, Any], operation: str) -> None:
    asked: list[tuple[str, str]] = []

    def refuse(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, request.url.path))
        return httpx2.Response(418, json={"type": "t", "title": "t", "status": 418, "detail": "seen"})

    client = Client("http://modiste.example", http=httpx2.Client(transport=httpx2.MockTransport(refuse)))
    with pytest.raises(Exception, match="seen"):
        CALLS[operation](client)
    method, path = operations(described)[operation]
    one_of_each = {
        "listing_id": "1",
        "photo_id": "1",
        "import_id": "1",
        "correction_id": "1",
        "catalogue": "c",
        "external_id": "x",
        "name": "m",
    }
    assert asked == [(method, path.format(**one_of_each))]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_an_answer_has_the_fields_that_the_api_promises(described: dict[str, Any], shape: type[BaseModel]) -> None:
    promised = described["components"]["schemas"][shape.__name__]["properties"]
    assert shape.model_fields.keys() <= promised.keys()
    assert promised.keys() <= shape.model_fields.keys(), "tell the client of the new field"
