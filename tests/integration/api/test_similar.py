import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic_core import to_json

from api.similar import SimilarListing
from db.engine import transaction
from db.similarity import listings_like, similar_listings, similar_to, similar_to_many


def asked_in_sql(shop: Any, listing_id: int, **question: Any) -> bytes:
    with transaction(shop.engine) as connection:
        return to_json(similar_listings(connection, listing_id, **question))


def found(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["external_id"] for row in answer.json()]


def test_http_gives_the_rows_of_sql_in_their_order(client: TestClient, shop: Any, ids: dict[str, int]) -> None:
    by_id = client.get(f"/v1/listings/{ids['red']}/similar", params={"k": 3})
    assert by_id.content == asked_in_sql(shop, ids["red"], k=3)
    assert found(by_id) == ["pink", "shirt", "blue"]
    assert [SimilarListing.model_validate(row).model_dump() for row in by_id.json()] == by_id.json()


def test_a_listing_may_be_named_by_the_sellers_id(client: TestClient, ids: dict[str, int]) -> None:
    by_id = client.get(f"/v1/listings/{ids['a/b c?d']}/similar").json()
    assert client.get("/v1/catalogues/shop/listings/a%2Fb%20c%3Fd/similar").json() == by_id
    assert client.get("/v1/catalogues/shop/listings/a/b c%3Fd/similar").json() == by_id


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("gender=Women", {"gender": "Women"}),
        ("colour=Red&colour=Pink", {"colour": ["Red", "Pink"]}),
        ("category=Dress&available=true&available=false", {"category": "Dress", "available": [True, False]}),
        ("attributes=colour:Red", {"attributes": ["colour:Red"]}),
        ("metadata.season=Fall&metadata.season=Spring", {"metadata.season": ["Fall", "Spring"]}),
        ("price_min=1.5&price_max=1e6", {"price_min": 1.5, "price_max": 1e6}),
        ("catalogue=other", {"catalogue": "other"}),
        ("exclude_seller=acme&k=2", {"exclude_seller": "acme"}),
    ],
)
def test_a_filter_in_the_query_is_the_filter_of_sql(
    client: TestClient, shop: Any, ids: dict[str, int], query: str, filters: dict[str, Any]
) -> None:
    k = 2 if "k=2" in query else 12
    for path in (f"/v1/listings/{ids['red']}/similar", "/v1/catalogues/shop/listings/red/similar"):
        assert client.get(f"{path}?{query}").content == asked_in_sql(shop, ids["red"], k=k, filters=filters)


def test_a_vector_is_asked_with_as_in_sql(client: TestClient, shop: Any) -> None:
    question = {"embedding": [1, 0.1, 0], "k": 3, "filters": {"gender": ["Women"]}, "model_version": "v1"}
    answer = client.post("/v1/search/vector", json=question)
    with transaction(shop.engine) as connection:
        rows = similar_to(connection, [1, 0.1, 0], k=3, filters={"gender": ["Women"]})
    assert answer.content == to_json(rows)
    assert found(answer) == ["red", "pink", "blue"]


def test_a_vector_of_another_version_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/search/vector", json={"embedding": [1, 0, 0], "model_version": "v0"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:modiste:problem:other-version-active")
    assert "v1 is active" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("colr=Red", "did you mean colour?"),
        ("K=3", "there is no parameter 'K'; did you mean k?"),
        ("metadata.=x", "metadata.KEY"),
        ("filters={}", "there is no parameter 'filters'"),
        ("k=0", "k (query): input should be greater than or equal to 1."),
        ("k=99999999999999999999999999999", "k (query)"),
        ("k=3&k=x", "k (query)"),
        ("price_max=nan", "price_max (query): input should be a finite number."),
        ("price_max=cheap&price_min=x", "price_min (query)"),
        ("brand=%00", "brand.0 (query): holds a NUL"),
        ("metadata.season=%00", "Unicode"),
        ("available=maybe", "available.0 (query)"),
        ("mode=looks", "mode (query): input should be 'same_style', 'same_item' or 'other_colour'"),
        ("diversity=1.5", "diversity (query): input should be less than or equal to 1."),
        ("min_score=nan", "min_score (query)"),
        ("fold=perhaps", "fold (query)"),
        ("ef=100", "there is no parameter 'ef'"),
    ],
)
def test_a_bad_question_is_a_problem_that_says_what_was_wrong(
    client: TestClient, ids: dict[str, int], query: str, says: str
) -> None:
    answer = client.get(f"/v1/listings/{ids['red']}/similar?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"embedding": [1, 0]}, "vectors of 3 numbers, this one has 2"),
        ({"embedding": [0, 0, 0]}, "only zeros"),
        ({"embedding": []}, "embedding (body)"),
        ({"embedding": [1, 0, 0], "filters": {"colr": "Red"}}, 'unknown filter "colr"'),
        ({"embedding": [1, 0, 0], "filters": {"brand": "\ud800"}}, "type json"),
        ({"embedding": [1, 0, 0], "filters": {"brand": {"a": 1}}}, 'filter "brand" takes string'),
        ({"embedding": [1, 0, 0], "options": {"ef": 1}}, 'option "ef" is not served'),
        ({"embedding": [1, 0, 0], "vector": 1}, "vector (body)"),
        ([1, 0, 0], "The body"),
    ],
)
def test_a_bad_vector_is_a_problem_too(client: TestClient, question: Any, says: str) -> None:
    answer = client.post(
        "/v1/search/vector",
        content=json.dumps(question).encode(),
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/listings/999999/similar", 404, "does not exist"),
        ("/v1/listings/99999999999999999999/similar", 422, "listing_id (path)"),
        ("/v1/catalogues/shop/listings/none/similar", 404, "no listing none in catalogue shop"),
        ("/v1/catalogues/shop/listings/bare/similar", 409, "is not enriched yet"),
        ("/v1/catalogues/shop/listings/%00/similar", 422, "NUL"),
    ],
)
def test_what_cannot_be_asked_about_says_so(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_why_a_listing_has_nothing_to_ask_with_is_told(client: TestClient, shop: Any, ids: dict[str, int]) -> None:
    def refused() -> str:
        answer = client.get(f"/v1/listings/{ids['bare']}/similar")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:modiste:problem:not-enriched")
        return str(answer.json()["detail"])

    assert "wait for a worker" in refused()
    shop.rows("UPDATE modiste.photo SET state = 'quarantined', reason = 'gone' WHERE listing_id = :id", id=ids["bare"])
    assert "are in quarantine: gone. See modiste quarantine list" in refused()
    shop.rows("DELETE FROM modiste.photo WHERE listing_id = :id", id=ids["bare"])
    assert "has no photos. Import it with photos" in refused()


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("mode=same_item", {"mode": "same_item"}),
        ("mode=other_colour&min_score=0.5", {"mode": "other_colour", "min_score": 0.5}),
        ("diversity=0.6&fold=true", {"diversity": 0.6, "fold": True}),
    ],
)
def test_an_option_in_the_query_is_the_option_of_sql(
    client: TestClient, shop: Any, ids: dict[str, int], query: str, options: dict[str, Any]
) -> None:
    answer = client.get(f"/v1/listings/{ids['red']}/similar?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.content == asked_in_sql(shop, ids["red"], options=options)


def test_several_listings_attributes_and_batches_are_asked_as_in_sql(
    client: TestClient, shop: Any, ids: dict[str, int]
) -> None:
    likes = {"liked": [ids["red"], ids["pink"]], "unliked": [ids["shirt"]], "k": 3, "options": {"diversity": 0.2}}
    wanted = {"attributes": ["colour:Red"], "k": 3, "filters": {"category": "Dress"}}
    many = {"listing_ids": [ids["red"], 2**40], "k": 2}
    with transaction(shop.engine) as connection:
        assert client.post("/v1/search/listings", json=likes).content == to_json(similar_to_many(connection, **likes))
        assert client.post("/v1/search/attributes", json=wanted).content == to_json(listings_like(connection, **wanted))
        assert client.post("/v1/similar/batch", json=many).json() == [
            {"listing_id": ids["red"], "similar": json.loads(asked_in_sql(shop, ids["red"], k=2))},
            {"listing_id": 2**40, "similar": []},
        ]


@pytest.mark.parametrize(
    ("path", "question", "status", "says"),
    [
        ("search/listings", {"liked": []}, 422, "liked (body)"),
        ("search/listings", {"liked": [2**40]}, 404, "does not exist"),
        ("search/listings", {"liked": [1], "unliked": [1]}, 422, "liked or not, not both"),
        ("search/listings", {"liked": [1], "mode": "same_item"}, 422, "no such field"),
        ("search/attributes", {"attributes": ["blue"]}, 422, "group:value"),
        ("search/attributes", {"attributes": ["colour:Red"], "k": 0}, 422, "k (body)"),
        ("similar/batch", {"listing_ids": list(range(1, 1002))}, 422, "listing_ids (body)"),
        ("similar/batch", {"listing_ids": [1], "options": {"mode": "outfit"}}, 422, 'option "mode" is same_style'),
    ],
)
def test_a_bad_question_by_several_is_a_problem(
    client: TestClient, path: str, question: Any, status: int, says: str
) -> None:
    answer = client.post(f"/v1/{path}", json=question)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]
