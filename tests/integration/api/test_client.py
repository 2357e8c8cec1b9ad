"""The Python client against the API itself."""

from typing import Any

import pytest
from modiste_client import Client, errors
from starlette.testclient import TestClient

from tests.integration.api.conftest import picture


@pytest.fixture
def modiste(client: TestClient) -> Client:
    return Client("http://testserver", http=client)  # type: ignore[arg-type]  # asks the application in this process


def test_similar_listings_come_as_the_api_says_them(modiste: Client, client: TestClient, ids: dict[str, int]) -> None:
    found = modiste.similar(ids["red"], k=2, filters={"gender": "Women"})
    told = client.get(f"/v1/listings/{ids['red']}/similar?k=2&gender=Women").json()
    assert [row.model_dump() for row in found] == told
    assert found == modiste.similar(("shop", "red"), k=2, filters={"gender": "Women"})
    (batch,) = modiste.similar_batch([ids["red"]], k=2, filters={"gender": "Women"})
    assert [row.listing_id for row in batch.similar] == [row.listing_id for row in found]


def test_an_external_id_with_slashes_is_found(modiste: Client) -> None:
    assert modiste.listing(("shop", "a/b c?d")).title == "Slashes in its id"


def test_listings_are_browsed_over_pages(modiste: Client, ids: dict[str, int]) -> None:
    assert {card.id for card in modiste.listings({"limit": 2})} == set(ids.values())


def test_a_photo_is_searched_by(modiste: Client, network: Any) -> None:
    assert modiste.search_photo(picture(), k=1).seen.category == "Dress"


def test_a_feed_is_handed_in_and_found_again(modiste: Client, tmp_path: Any) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("id,what\n1,Tee\n")
    begun = modiste.import_feed(feed, catalogue="by-client", columns={"title": "what"}, full=True)
    assert (begun.feed, begun.full, begun.state) == ("feed.csv", True, "planning")
    assert [one.id for one in modiste.imports(catalogue="by-client")] == [begun.id]
    modiste.cancel(begun.id)
    assert [now.state for now in modiste.watch(begun.id)][-1] == "cancelled"


def test_what_is_wrong_is_an_exception_that_names_it(modiste: Client) -> None:
    with pytest.raises(errors.NotFound):
        modiste.listing(2**40)
    with pytest.raises(errors.BadRequest, match="colour"):
        modiste.similar(("shop", "red"), filters={"color": "Red"})
    with pytest.raises(errors.Conflict, match="photo"):
        modiste.similar(("shop", "bare"))


def test_the_active_version_is_told(modiste: Client) -> None:
    active = next(version for version in modiste.models() if version.state == "active")
    assert modiste.model(active.name).coverage.shown > 0
