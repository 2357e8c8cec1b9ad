from typing import Any

import pytest

from tests.integration.api.pages.conftest import Browser


def test_a_listing_shows_its_photos_and_both_words(browser: Browser, ids: Any) -> None:
    page = browser.get(f"/listings/{ids['red']}")
    assert page.status == 200
    assert page.one("h1").words == "Red dress"
    assert [e.attributes["alt"] for e in page.all("img")][:2] == ["Red dress, photo 1 of 2", "Red dress, photo 2 of 2"]
    assert page.one("dl", class_="seen").words == "Category Dress 90 % Colour Red 90 %"
    said = page.one("dl", class_="said").words
    for words in ("Seller's id red", "Colour Red", "Gender Women", "Season Summer", "Made in Portugal"):
        assert words in said
    assert "Model version v1" in page.words


def test_similar_listings_say_how_similar_and_why_and_lead_on(browser: Browser, ids: Any) -> None:
    page = browser.get(f"/listings/{ids['red']}")
    cards = page.all("a", class_="card")
    assert [card.attributes["href"] for card in cards[:2]] == [f"/listings/{ids['pink']}", f"/listings/{ids['shirt']}"]
    assert cards[0].words.endswith("similar Both: Dress Red")
    assert "1.00" in cards[0].words
    assert "Shirt" not in cards[1].words
    assert f"/listings/{ids['sold']}" not in [card.attributes["href"] for card in cards]
    assert browser.get(cards[0].attributes["href"]).status == 200


def test_what_is_similar_may_be_of_another_colour_more_varied_or_show_the_same_photo(
    browser: Browser, ids: Any
) -> None:
    page = browser.get(f"/listings/{ids['red']}")
    tabs = [tab for tab in page.all("a") if "look=" in tab.attributes["href"]]
    assert [tab.words for tab in tabs] == ["In other colours", "More varied", "With the same photo"]
    said = ("Nothing like it in another colour", "similar Both: Dress", "No other listing shows one of these photos")
    for tab, shows in zip(tabs, said, strict=True):
        shown = browser.get(tab.attributes["href"])
        (here,) = (one for one in shown.all("a", **{"aria-current": "true"}))
        assert (shown.status, here.words) == (200, tab.words)
        assert shows in shown.words
    assert browser.get(f"/listings/{ids['red']}?look=nonsense&utm_source=x").status == 200


def test_a_listing_that_the_model_has_not_looked_at_says_so_and_keeps_its_sources_secrets(
    browser: Browser, ids: Any
) -> None:
    page = browser.get(f"/listings/{ids['bare']}")
    assert "Nothing yet" in page.words
    assert "Waiting for the model" in page.words
    assert not page.all("h2", id="similar")
    assert "https://img.example/bare.jpg" in page.words
    assert "hidden" not in page.words


def test_a_photo_in_quarantine_says_why_and_is_not_shown(browser: Browser, shop: Any, ids: Any) -> None:
    second = {"id": ids["red"]}
    shop.rows(
        "UPDATE modiste.photo SET state = 'quarantined', reason = 'truncated' WHERE listing_id = :id AND position = 1",
        **second,
    )
    page = browser.get(f"/listings/{ids['red']}")
    shop.rows("UPDATE modiste.photo SET state = 'enriched', reason = NULL WHERE listing_id = :id", **second)
    assert "In quarantine. The file ends in the middle of the picture." in page.words
    assert not page.all("img", alt="Red dress, photo 2 of 2")


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/listings/999999", 404, "This listing is not here"),
        ("/listings/99999999999999999999", 422, "There is no such page"),
        ("/listings/red", 422, "There is no such page"),
        ("/nothing/here", 404, "There is no such page"),
    ],
)
def test_what_is_not_there_is_a_page_that_leads_on(browser: Browser, path: str, status: int, title: str) -> None:
    page = browser.get(path)
    assert (page.status, page.one("h1").words) == (status, title)
    assert "Go to the catalogue" in page.words
    assert page.all("a", href="/")


def test_the_same_problems_stay_json_for_programs(browser: Browser) -> None:
    for path, headers in (("/v1/listings/999999", {"accept": "text/html"}), ("/nothing/here", {"accept": "*/*"})):
        answer = browser.client.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_unforeseen_failure_is_a_page_too(browser: Browser, ids: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("api.pages.listing.listing_details", fail)
    page = browser.get(f"/listings/{ids['red']}")
    assert (page.status, page.one("h1").words) == (500, "Something went wrong here")
    assert "secret" not in page.html
