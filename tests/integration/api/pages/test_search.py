import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration.api.conftest import picture
from tests.integration.api.pages.conftest import Browser, Page, page_of
from vision.preprocess import MAX_BYTES


def search(browser: Browser, data: bytes, query: str = "", **headers: str) -> Page:
    form = {"photo": ("p.jpg", data, headers.pop("media_type", "image/jpeg"))}
    return page_of(browser.client.post(f"/search{query}", files=form, headers={"accept": "text/html", **headers}))


def one_pixel() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    return out.getvalue()


def test_the_page_takes_a_photo_without_a_script(browser: Browser) -> None:
    page = browser.get("/search")
    (form,) = [e for e in page.all("form") if e.attributes["action"] == "/search"]
    assert (form.attributes["method"], form.attributes["enctype"]) == ("post", "multipart/form-data")
    assert page.one("input", type="file", name="photo").attributes["accept"] == "image/*"


def test_a_photo_is_answered_with_what_is_seen_and_what_is_similar(browser: Browser, network: Any, ids: Any) -> None:
    page = search(browser, picture())
    assert page.status == 200
    assert page.one("dl", class_="seen").words == "Category Dress 75 % Colour Red 50 %"
    cards = page.all("a", class_="card")
    assert cards[0].attributes["href"] == f"/listings/{ids['red']}"
    assert cards[0].words.endswith("1.00 similar Both: Dress Red")
    shirt = next(card for card in cards if card.attributes["href"] == f"/listings/{ids['shirt']}")
    assert shirt.words.endswith("a similar look")
    assert f"/listings/{ids['elsewhere']}" in [card.attributes["href"] for card in cards]


def test_a_part_of_the_photo_is_searched_with_and_stays_chosen(browser: Browser, network: Any) -> None:
    form = {"photo": ("p.jpg", picture(), "image/jpeg")}
    answer = browser.client.post("/search", files=form, data={"crop": "0,0.5,1,0.5", "varied": "true"})
    page = page_of(answer)
    assert page.one("h1").words == "What modiste sees in this part"
    assert page.one("input", name="crop").attributes["value"] == "0,0.5,1,0.5"
    assert "checked" in page.one("input", name="varied").attributes
    wrong = browser.client.post("/search", files=form, data={"crop": "all"}, headers={"accept": "text/html"})
    assert wrong.status_code == 422


def test_it_can_be_searched_in_one_catalogue(browser: Browser, network: Any, ids: Any) -> None:
    asked = browser.get("/search?catalogue=other")
    assert asked.all("form", action="/search?catalogue=other")
    page = search(browser, picture(), "?catalogue=other")
    assert [card.attributes["href"] for card in page.all("a", class_="card")] == [f"/listings/{ids['elsewhere']}"]


def test_a_photo_as_phones_take_it_is_not_too_large(browser: Browser, network: Any) -> None:
    noise = Image.effect_noise((1800, 1800), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    assert out.tell() > 2**21
    assert search(browser, out.getvalue()).status == 200


def test_nothing_of_the_photo_stays_in_the_store(browser: Browser, network: Any, store: Any) -> None:
    def files() -> int:
        return sum(path.is_file() for path in Path(store.where).rglob("*"))

    before = files()
    assert search(browser, picture(colour="lime")).status == 200
    assert files() == before


@pytest.mark.parametrize(
    ("data", "media_type", "status", "title"),
    [
        (b"PK no picture", "image/jpeg", 415, "That is not a photo"),
        (b"external_id,title", "text/csv", 415, "That is not a photo"),
        (picture()[:400], "image/jpeg", 422, "The photo is incomplete"),
        (one_pixel(), "image/png", 422, "The photo is too small"),
        (b"", "image/jpeg", 422, "That file is empty"),
        (bytes(MAX_BYTES + 100_000), "image/jpeg", 413, "The photo is too large"),
    ],
)
def test_what_is_refused_is_a_sentence_and_another_try(
    browser: Browser, network: Any, data: bytes, media_type: str, status: int, title: str
) -> None:
    page = search(browser, data, "?catalogue=other", media_type=media_type)
    assert (page.status, page.one("h1").words) == (status, title)
    assert page.all("form", action="/search?catalogue=other")
    assert "Traceback" not in page.html


def test_a_form_without_a_photo_asks_for_one(browser: Browser) -> None:
    answer = browser.client.post("/search", files={"other": b"x"}, headers={"accept": "text/html"})
    page = page_of(answer)
    assert (page.status, page.one("h1").words) == (422, "No photo came along")


def test_another_site_cannot_make_a_browser_search_or_upload(browser: Browser, network: Any) -> None:
    page = search(browser, picture(), origin="https://evil.example")
    assert page.status == 403
    assert search(browser, picture(), **{"sec-fetch-site": "cross-site"}).status == 403
    assert search(browser, picture(), origin="http://testserver").status == 200
    assert search(browser, picture(), **{"sec-fetch-site": "same-origin"}).status == 200
    upload = browser.client.post(
        "/v1/photos", files={"photo": ("p.jpg", picture(), "image/jpeg")}, headers={"origin": "https://evil.example"}
    )
    assert upload.status_code == 403
    assert upload.headers["content-type"] == "application/problem+json"


def test_the_version_that_saw_the_photo_is_the_one_that_answers(browser: Browser, network: Any) -> None:
    assert "Model version v1" in search(browser, picture()).words
