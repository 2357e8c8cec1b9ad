"""What people say of listings, over HTTP. What it means for a listing's words is tested beside the tables."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

LABELS = {"categories": ["Dress", "Boots", "Shirt"], "groups": [{"name": "colour", "values": ["Red", "Blue"]}]}


@pytest.fixture
def listing(client: TestClient, shop: Any) -> Iterator[dict[str, Any]]:
    """An enriched listing, as HTTP shows it, and a model that tells words; what is said is gone afterwards."""
    manifest = shop.one("SELECT manifest FROM modiste.model_version WHERE state = 'active'")
    set_manifest = "UPDATE modiste.model_version SET manifest = CAST(:m AS jsonb) WHERE state = 'active'"
    shop.rows(set_manifest, m=json.dumps(manifest | {"labels": LABELS}))
    listing_id = shop.one("SELECT min(listing_id) FROM modiste.listing_enrichment")
    yield client.get(f"/v1/listings/{listing_id}").json()
    shop.rows("DELETE FROM modiste.correction WHERE listing_id = :id", id=listing_id)
    shop.rows("SELECT modiste.refresh_summaries(ARRAY[:id])", id=listing_id)
    shop.rows(set_manifest, m=json.dumps(manifest))


def test_a_listing_is_corrected_and_the_correction_taken_back(client: TestClient, listing: dict[str, Any]) -> None:
    before = listing["enrichment"]["category"]
    now = next(word for word in LABELS["categories"] if word != before)
    place = f"/v1/listings/{listing['id']}"
    made = client.post(f"{place}/corrections", json={"field": "category", "now": now, "who": "Ann"})
    assert made.status_code == 201, made.text
    said = made.json()
    assert (said["was"], said["now"], said["who"], said["undone_at"]) == (before, now, "Ann", None)
    enrichment = client.get(place).json()["enrichment"]
    assert (enrichment["category"], enrichment["corrected"]) == (now, True)

    again = client.post(f"{place}/corrections", json={"field": "category", "now": before, "who": "Bo"}).json()
    first = client.get(f"/v1/corrections?listing_id={listing['id']}&limit=1").json()
    second = client.get(f"/v1/corrections?listing_id={listing['id']}&limit=1&after={first['next']}").json()
    assert [one["id"] for page in (first, second) for one in page["corrections"]] == [said["id"], again["id"]]
    assert second["next"] is None

    undone = client.delete(f"/v1/corrections/{again['id']}")
    assert undone.status_code == 200
    assert undone.json()["undone_at"] is not None
    assert client.get(place).json()["enrichment"]["category"] == now
    assert client.delete(f"/v1/corrections/{again['id']}").status_code == 404
    left = f"/v1/corrections?catalogue={listing['catalogue']}&listing_id={listing['id']}"
    assert len(client.get(left).json()["corrections"]) == 1
    assert len(client.get(f"{left}&undone=true").json()["corrections"]) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"field": "category", "now": "Spaceship", "who": "Ann"}, "Spaceship"),
        ({"field": "mood", "now": "Happy", "who": "Ann"}, "mood"),
        ({"field": "category", "now": "Dress", "who": ""}, "who"),
        ({"field": "category", "now": "Dress", "by": "Ann"}, "by"),
    ],
)
def test_what_cannot_be_true_is_refused_in_words(
    client: TestClient, listing: dict[str, Any], body: dict[str, str], says: str
) -> None:
    refused = client.post(f"/v1/listings/{listing['id']}/corrections", json=body)
    assert refused.status_code == 422
    assert says in refused.json()["detail"]


def test_of_a_listing_that_is_not_there_nothing_can_be_said(client: TestClient) -> None:
    body = {"field": "category", "now": "Dress", "who": "Ann"}
    assert client.post("/v1/listings/999999/corrections", json=body).status_code == 404
    assert client.delete("/v1/corrections/999999").status_code == 404
