from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import make_app
from api.pages import catalogue
from store import Store
from tests.integration.api.pages.conftest import Browser, page_of
from tests.integration.db.conftest import migrated_database, open_shop

NASTY = ['<script>alert("title")</script>', '" onerror="alert(1)', "{{ 7 * 1234567 }}", "</a></li></ul>"]


@pytest.fixture(scope="module")
def nasty_client(servers: Any, template: str, place: Any, tmp_path_factory: Any) -> Iterator[TestClient]:
    with migrated_database(servers, template) as engine:
        shop = open_shop(engine)
        items = [
            shop.item(f"n{n}{words}", [1.0, 0.0, 0.1 * n], title=words, brand=words, colour=words,
                      metadata={words: words}, categories={words: 0.9}, attributes={f"colour:{words}": 0.9})
            for n, words in enumerate(NASTY)
        ]  # fmt: skip
        shop.stock(*items, catalogue=NASTY[0])
        shop.stock(shop.item("plain", [1.0, 0.0, 0.0]), catalogue=NASTY[1])
        store = Store.open(str(tmp_path_factory.mktemp("nasty")))
        with TestClient(make_app(place.settings(shop, store))) as made:
            yield made


def test_the_grid_shows_every_listing_with_what_the_seller_and_the_model_say(browser: Browser, ids: Any) -> None:
    page = browser.get("/")
    assert page.status == 200
    assert len(page.names) == len(ids) == 8
    card = page.one("a", class_="card", href=f"/listings/{ids['red']}")
    assert card.words == "Red dress Acme 999.99 INR Dress Red"
    picture = page.one("img", alt="Red dress")
    assert picture.attributes["src"].startswith("/v1/photos/")
    assert browser.client.get(picture.attributes["src"]).headers["content-type"] == "image/webp"


def test_a_card_says_what_is_missing(browser: Browser, ids: Any, shop: Any) -> None:
    page = browser.get("/")
    assert "Waiting for the model" in page.one("a", class_="card", href=f"/listings/{ids['bare']}").words
    assert "Out of stock" in page.one("a", class_="card", href=f"/listings/{ids['sold']}").words
    shop.rows("UPDATE modiste.listing_summary SET abstained = true WHERE listing_id = :id", id=ids["shirt"])
    assert "not sure" in browser.get("/").one("a", class_="card", href=f"/listings/{ids['shirt']}").words


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("catalogue=other", ["elsewhere"]),
        ("category=Shirt", ["shirt"]),
        ("attributes=colour:Red&catalogue=shop", ["Red dress", "pink"]),
        ("catalogue=shop&category=Dress&attributes=colour:Red", ["Red dress", "pink"]),
        ("catalogue=&category=&attributes=&attributes=colour:Red", ["Red dress", "pink"]),
        ("category=Dress&catalogue=nowhere", []),
    ],
)
def test_the_address_says_which_listings_are_shown(browser: Browser, query: str, found: list[str]) -> None:
    assert browser.get(f"/?{query}").names == found


def test_filters_offer_what_there_is_and_keep_what_is_chosen(browser: Browser) -> None:
    page = browser.get("/?category=Shirt")
    assert page.one("a", href="/?category=Dress").words == "Dress 6"
    assert page.one("a", href="/", **{"aria-current": "true"}).words == "Without Shirt 1"
    red = browser.get("/?category=Dress").one("a", href="/?category=Dress&attributes=colour%3ARed")
    assert red.words == "Red 2"
    assert page.one("p", class_="count").words == "1 listing"
    (removal,) = [e for e in page.all("a") if e.words.startswith("Remove the filter Shirt")]
    assert removal.attributes["href"] == "/"


def test_a_value_that_nothing_has_any_more_stays_chosen_and_says_so(browser: Browser) -> None:
    page = browser.get("/?catalogue=shop&category=Tie&attributes=pattern:Dotted")
    assert [a.words for a in page.all("a", **{"aria-current": "true"})] == ["Without Tie", "Without Dotted"]
    assert "Nothing passes these filters" in page.words
    assert page.all("a", href="/?catalogue=shop")


def test_catalogues_can_be_chosen_where_there_are_several(browser: Browser) -> None:
    page = browser.get("/?catalogue=other")
    assert page.one("nav", **{"aria-label": "Catalogues"}).words == "All other 1 shop 7"
    assert page.one("a", href="/?catalogue=other", **{"aria-current": "page"})


@pytest.mark.parametrize("query", ["utm_source=mail", "Category=Dress", "gclid=1&catalogue=shop"])
def test_what_an_address_has_besides_is_passed_over(browser: Browser, query: str) -> None:
    page = browser.get(f"/?{query}")
    assert page.status == 200
    assert len(page.names) >= 7


def test_words_are_searched_in_titles_and_can_be_taken_away(browser: Browser) -> None:
    page = browser.get("/?q=red+dre")
    assert page.names == ["Red dress"]
    assert page.field("Words in the title").attributes["value"] == "red dre"
    assert page.one("p", class_="count").words == "1 listing"
    (removal,) = [e for e in page.all("a") if e.words.startswith("Remove the filter “red dre”")]
    assert removal.attributes["href"] == "/"


def test_pages_follow_each_other_and_together_show_every_listing_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "LISTINGS_A_PAGE", 3)
    seen, path = [], "/?catalogue=shop"
    for _ in range(9):
        page = browser.get(path)
        seen += page.names
        following = page.all("a", rel="next")
        if not following:
            break
        path = following[0].attributes["href"]
        assert "catalogue=shop" in path
    assert seen == ["Red dress", "pink", "blue", "shirt", "sold", "Slashes in its id", "bare"]
    assert [e.attributes["href"] for e in page.all("a") if e.words == "First page"] == ["/?catalogue=shop"]


@pytest.mark.parametrize("query", ["after=nonsense", "category=%00", "attributes=" + "x" * 3000])
def test_an_address_that_cannot_be_read_is_a_page_that_says_so(browser: Browser, query: str) -> None:
    page = browser.get(f"/?{query}")
    assert page.status == 422
    assert page.all("a", href="/")
    assert page.one("h1").words == "This address cannot be read"


def test_nothing_that_a_feed_says_becomes_markup(nasty_client: TestClient) -> None:
    catalogue_name = {"catalogue": NASTY[0]}
    page = page_of(nasty_client.get("/", params=catalogue_name))
    assert page.names == NASTY
    assert all(words in page.one("ul", class_="grid").words for words in NASTY)
    pages = [page] + [page_of(nasty_client.get(f"/listings/{n}")) for n in range(1, 6)]
    pages.append(page_of(nasty_client.get("/search", params=catalogue_name)))
    pages.append(page_of(nasty_client.get("/", params={"category": NASTY[0], "attributes": f"colour:{NASTY[1]}"})))
    for shown in pages:
        assert all(e.attributes["src"].startswith("/static/") for e in shown.all("script"))
        assert not [e for e in shown.elements if any(name.startswith("on") for name in e.attributes)]
        assert "8641969" not in shown.html


def test_an_empty_database_says_what_to_do_next(servers: Any, template: str, place: Any, store: Any) -> None:
    with migrated_database(servers, template) as engine:
        shop = open_shop(engine)
        with TestClient(make_app(place.settings(shop, store))) as client:
            page = page_of(client.get("/"))
            assert page.status == 200
            assert "modiste import" in page.words
            assert "modiste demo" in page.words
            assert page_of(client.get("/search")).status == 200


def test_a_catalogue_from_before_the_first_model_shows_its_listings(
    servers: Any, template: str, place: Any, store: Any
) -> None:
    with migrated_database(servers, template) as engine:
        shop = open_shop(engine)
        shop.stock(shop.item("red", [1.0, 0.0, 0.0], title="Red dress"))
        shop.rows("UPDATE modiste.model_version SET state = 'registered'")
        with TestClient(make_app(place.settings(shop, store))) as client:
            assert page_of(client.get("/")).names == ["Red dress"]
            assert "Nothing yet" in page_of(client.get("/listings/1")).words
