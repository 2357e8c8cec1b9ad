from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.cursors import cursor_of, position_of


def listed(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [card["external_id"] for card in answer.json()["listings"]]


def test_a_card_shows_what_the_seller_and_the_model_say(client: TestClient, ids: dict[str, int]) -> None:
    (card,) = client.get("/v1/listings?brand=Acme").json()["listings"]
    photo, said = card.pop("photo"), card.pop("enrichment")
    assert card == {
        "id": ids["red"], "catalogue": "shop", "external_id": "red", "title": "Red dress", "brand": "Acme",
        "price": 999.99, "currency": "INR", "gender": "Women", "colour": "Red", "size": None, "seller": "acme",
        "seller_category": None, "available": True,
    }  # fmt: skip
    assert photo["state"] == "enriched"
    assert photo["thumbnail"].startswith(f"/v1/photos/{photo['id']}/thumbnail?size=256&v=")
    assert (said["category"], said["photos"], said["model_version"]) == ("Dress", 2, "v1")
    assert said["attributes"] == [{"name": "colour:Red", "score": pytest.approx(0.9)}]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["red", "pink", "blue", "shirt", "sold", "a/b c?d", "bare", "elsewhere"]),
        ("catalogue=shop&available=true&gender=Women", ["red", "pink", "blue"]),
        ("colour=Pink&colour=Blue", ["pink", "blue"]),
        ("category=Shirt", ["shirt"]),
        ("metadata.season=Summer&metadata.made%20in=Portugal", ["red"]),
        ("price_min=999.99", ["red"]),
        ("attributes=colour:Red&attributes=fit:Slim", []),
    ],
)
def test_filters_are_query_parameters(client: TestClient, query: str, found: list[str]) -> None:
    assert listed(client.get(f"/v1/listings?{query}")) == found


def test_following_next_meets_every_listing_once(client: TestClient) -> None:
    met: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        answer = client.get("/v1/listings", params=query)
        met += listed(answer)
        if answer.json()["next"] is None:
            break
        query["after"] = answer.json()["next"]
    assert met == listed(client.get("/v1/listings"))


def test_a_listing_tells_its_metadata_and_its_photos(client: TestClient, ids: dict[str, int]) -> None:
    listing = client.get(f"/v1/listings/{ids['red']}").json()
    assert listing["metadata"] == {"season": "Summer", "made in": "Portugal"}
    assert [(p["position"], p["source"], p["state"]) for p in listing["photos"]] == [
        (0, "red/0", "enriched"),
        (1, "red/1", "enriched"),
    ]
    assert client.get("/v1/catalogues/shop/listings/red").json() == listing
    assert client.get("/v1/catalogues/shop/listings/a/b%20c%3Fd").json()["title"] == "Slashes in its id"


def test_credentials_of_a_photos_url_are_never_shown(client: TestClient) -> None:
    answer = client.get("/v1/catalogues/shop/listings/bare")
    assert answer.json()["photos"][0]["source"] == "https://img.example/bare.jpg?w=2&X-Amz-Signature=***"
    assert "hidden" not in answer.text
    assert (answer.json()["enrichment"], answer.json()["photo"]["thumbnail"]) == (None, None)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/listings/999999", 404, "GET /v1/listings lists them"),
        ("/v1/listings/0", 422, "listing_id (path)"),
        ("/v1/listings/x", 422, "listing_id (path)"),
        ("/v1/catalogues/none/listings/red", 404, "no listing red in catalogue none"),
        ("/v1/catalogues/shop/listings/%00", 422, "NUL"),
        ("/v1/catalogues/%ff/listings/%ed%a0%80", 404, "no listing"),
        ("/v1/listings?limit=201", 422, "limit (query)"),
        ("/v1/listings?after=nonsense", 422, "is no cursor"),
        ("/v1/listings?after=", 422, "is no cursor"),
        ("/v1/listings?after=__________8", 422, "is no cursor"),
        ("/v1/listings?colour=Red&pagesize=3", 422, "there is no parameter 'pagesize'"),
        ("/v1/listings?metadata.x=%00", 422, "Unicode"),
    ],
)
def test_what_cannot_be_answered_says_why(client: TestClient, path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert says in answer.json()["detail"]


def test_catalogues_tell_their_sizes(client: TestClient) -> None:
    sizes = [(c["name"], c["listings"], c["estimated"]) for c in client.get("/v1/catalogues").json()]
    assert sizes == [("other", 1, False), ("shop", 7, False)]


@pytest.mark.parametrize("position", [0, 1, 42, 2**63 - 1])
def test_a_cursor_leads_back_to_its_position(position: int) -> None:
    assert position_of(cursor_of(position)) == position
