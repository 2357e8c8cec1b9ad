"""Reviewing as a browser does it: forms that are sent, and where they lead."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.api.pages.conftest import Browser, Page

Shop = Any  # the fixture's class, in tests/integration/db/conftest.py

LABELS = {
    "categories": ["Dress", "Shirt", "Skirt"],
    "groups": [{"name": "colour", "values": ["Blue", "Red"], "exclusive": True, "categories": []}],
}


@pytest.fixture(autouse=True)
def with_labels(shop: Shop) -> None:
    shop.rows("UPDATE modiste.model_version SET manifest = :m", m=json.dumps({"version": "v1", "labels": LABELS}))
    shop.rows("DELETE FROM modiste.correction")
    shop.rows("UPDATE modiste.listing_summary SET abstained = (category = 'Shirt')")
    shop.rows("SELECT modiste.refresh_summaries(array_agg(id)) FROM modiste.listing WHERE external_id <> 'shirt'")


def send(browser: Browser, path: str, **values: Any) -> str:
    """Where the form leads."""
    answer = browser.client.post(path, data={name: str(value) for name, value in values.items()})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def hidden(page: Page) -> dict[str, str]:
    """What the answer's form sends besides the word."""
    return {
        e.attributes["name"]: e.attributes["value"]
        for e in page.all("input", type="hidden")
        if e.attributes["name"] in ("listing", "field", "photo", "next")
    }


def test_a_listing_that_the_model_is_not_sure_of_is_corrected_and_the_correction_taken_back(
    browser: Browser, shop: Shop, ids: Any
) -> None:
    page = browser.get("/review?kind=unsure")
    assert "1 to look at" in page.words
    assert "The model is not sure: Shirt is its best guess, at 50 %." in page.words
    assert hidden(page)["listing"] == str(ids["shirt"])

    location = send(browser, "/review", **hidden(page), now="other", other="Skirt", who="Ann Ó")
    (row,) = shop.rows("SELECT field, was, now, who, photo_id IS NOT NULL AS pictured FROM modiste.correction")
    assert row == {"field": "category", "was": "Shirt", "now": "Skirt", "who": "Ann Ó", "pictured": True}
    after = browser.get(location)
    assert "Category of shirt: Shirt → Skirt." in after.words
    assert "Nothing is left to look at here" in after.words

    made = parse_qs(urlsplit(location).query)["done"][0]
    back = send(browser, "/review/undo", correction=made, back="/review?kind=unsure")
    again = browser.get(back)
    assert "1 to look at" in again.words  # it is back, and counts
    assert again.field("Your name").attributes["value"] == "Ann Ó"
    assert (hidden(again)["listing"], hidden(again)["field"]) == (str(ids["shirt"]), "category")
    assert shop.one("SELECT category FROM modiste.listing_enrichment WHERE external_id = 'shirt'") == "Shirt"


def test_accepting_confirms_and_skipping_says_nothing(browser: Browser, shop: Shop, ids: Any) -> None:
    page = browser.get("/review?kind=unsure")
    skip = page.all("a", **{"data-key": "s"})[0].attributes["href"]
    assert "begin anew" in browser.get(skip).words
    assert shop.rows("SELECT * FROM modiste.correction") == []
    (accept,) = [e for e in page.all("button") if "data-accept" in e.attributes]
    location = send(browser, "/review", **hidden(page), now=accept.attributes["value"])
    assert "Confirmed: shirt is Shirt." in browser.get(location).words
    assert shop.one("SELECT who FROM modiste.correction") == "somebody"
    assert "A person has confirmed this." in browser.get(f"/listings/{ids['shirt']}").words


def test_an_attribute_is_corrected_from_the_listing_s_page_also_to_none(browser: Browser, shop: Shop, ids: Any) -> None:
    listing = browser.get(f"/listings/{ids['red']}")
    (wrong,) = [e for e in listing.all("a") if e.words == "Something is wrong here"]
    assert browser.get(wrong.attributes["href"]).status == 200
    page = browser.get(f"/review?listing={ids['red']}&field=colour")
    send(browser, "/review", **hidden(page), now="")
    assert shop.one("SELECT attributes FROM modiste.listing_enrichment WHERE external_id = 'red'") == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/review?kind=odd", 422, "There is no queue odd"),
        ("/review?after=here", 422, "no place in the queue"),
        ("/review?listing=999999", 404, "This listing is not here"),
        ("/review?listing={red}&field=heel", 422, "tells nothing of heel"),
        ("/review?utm_source=mail", 200, "Review"),
        ("/review?done=999999", 200, "Review"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(browser: Browser, ids: Any, path: str, status: int, says: str) -> None:
    page = browser.get(path.format(red=ids["red"]))
    assert page.status == status
    assert says in page.words


def test_a_word_that_nobody_knows_is_refused_and_nothing_is_written(browser: Browser, shop: Shop, ids: Any) -> None:
    given = {"listing": str(ids["red"]), "field": "category", "now": "=Kimono", "next": "/review"}
    answer = browser.client.post("/review", data=given, headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "Dress, Shirt, Skirt" in answer.text
    assert shop.rows("SELECT * FROM modiste.correction") == []


def test_going_on_never_leads_to_another_site(browser: Browser, ids: Any) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example", "/reviewer"):
        location = send(browser, "/review", listing=ids["red"], field="category", now="=Dress", next=elsewhere)
        assert location.startswith("/review?done=")


def test_quality_lists_what_is_amiss(browser: Browser) -> None:
    page = browser.get("/quality?catalogue=shop")
    assert "No listing's category contradicts its photos." in page.words
    assert "Seller category 7 listings without" in page.words
    assert browser.get("/quality").status == 200
