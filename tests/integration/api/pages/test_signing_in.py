from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import make_app
from api.keys import OF_ENVIRONMENT, Asker
from api.pages import session
from db.states import KeyScope
from tests.integration.api.conftest import picture
from tests.integration.api.pages.conftest import Browser, page_of

KEY = "swordfish-and-más"
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def guarded(shop: Any, store: Any, place: Any) -> Iterator[TestClient]:
    app = make_app(place.settings(shop, store, key=KEY))
    with TestClient(app, base_url="https://modiste.example", follow_redirects=False) as made:
        yield made


@pytest.fixture
def stranger(guarded: TestClient) -> Browser:
    guarded.cookies.clear()
    return Browser(guarded)


@pytest.fixture
def signed_in(stranger: Browser) -> Browser:
    assert enter(stranger).status_code == 303
    return stranger


def enter(browser: Browser, key: str = KEY, following: str = "/", headers: Any = OURS) -> Any:
    return browser.client.post("/sign-in", data={"key": key, "next": following}, headers=headers)


@pytest.mark.parametrize("path", ["/", "/?catalogue=shop&category=Dress", "/listings/1", "/search", "/nothing"])
def test_a_stranger_is_asked_for_the_key_and_comes_back_to_the_page(stranger: Browser, path: str) -> None:
    sent = stranger.client.get(path, headers={"accept": "text/html"})
    assert sent.status_code == 303
    page = stranger.get(sent.headers["location"])
    assert page.one("h1").words == "Sign in"
    following = page.one("input", name="next").attributes["value"]
    assert following == path
    assert enter(stranger, following=following).headers["location"] == path
    assert stranger.client.get(path, headers={"accept": "text/html"}).status_code == (
        404 if path == "/nothing" else 200
    )


def test_the_page_for_signing_in_shows_nothing_of_the_catalogue_and_finds_its_files(stranger: Browser) -> None:
    page = stranger.get("/sign-in")
    assert "dress" not in page.html
    assert not page.all("nav")
    for file in [e.attributes["href"] for e in page.all("link")] + [page.one("script").attributes["src"]]:
        assert stranger.client.get(file).status_code == 200


def test_the_cookie_is_for_the_server_only_and_does_not_hold_the_key(stranger: Browser) -> None:
    cookie = enter(stranger).headers["set-cookie"]
    assert KEY not in cookie
    assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_signed_in_everything_opens_thumbnails_and_the_api_too(signed_in: Browser, ids: Any) -> None:
    page = signed_in.get("/")
    assert page.all("form", action="/sign-out")
    thumbnail = page.one("img", alt="Red dress").attributes["src"]
    assert signed_in.client.get(thumbnail).status_code == 200
    assert signed_in.client.get(f"/v1/listings/{ids['red']}").status_code == 200


def test_a_wrong_key_is_said_and_opens_nothing(stranger: Browser) -> None:
    answer = enter(stranger, key="guess", following="/search")
    page = page_of(answer)
    assert page.status == 401
    assert "That is not the key" in page.words
    assert page.one("input", name="next").attributes["value"] == "/search"
    assert "set-cookie" not in answer.headers
    assert stranger.client.get("/").status_code == 303


def test_a_cookie_of_somebody_elses_making_or_of_long_ago_opens_nothing(stranger: Browser) -> None:
    ours = Asker(id=OF_ENVIRONMENT, name="", scope=KeyScope.ADMIN, secret=KEY.encode())
    good = session.token_of(ours)
    _, expires, signed = good.split(".")
    old = session.token_of(ours, now_s=1_000_000.0)
    other = session.token_of(replace(ours, secret=b"other key"))
    unknown = session.token_of(replace(ours, id=77))
    for token in ("", "x", f"0.{int(expires) + 1}.{signed}", f"0.{expires}.", old, other, unknown, "é.é.é"):
        cookie = f"{session.COOKIE}={token}".encode()
        assert stranger.client.get("/v1/listings", headers={"cookie": cookie}).status_code == 401, token
    assert stranger.client.get("/v1/listings", headers={"cookie": f"{session.COOKIE}={good}"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://modiste.example"}, 200),
        ({"origin": "http://modiste.example"}, 200),
        ({"sec-fetch-site": "same-origin", "origin": "https://behind-a-proxy.example"}, 200),
    ],
)
def test_the_cookie_sends_nothing_that_our_own_pages_did_not_send(
    signed_in: Browser, network: Any, headers: dict[str, str], status: int
) -> None:
    form = {"photo": ("p.jpg", picture(), "image/jpeg")}
    assert signed_in.client.post("/search", files=form, headers=headers).status_code == status
    on_the_api = {200: 200, 403: 403, 303: 401}[status]
    assert signed_in.client.post("/v1/search/photo", files=form, headers=headers).status_code == on_the_api


def test_another_site_cannot_sign_a_browser_in_or_out(signed_in: Browser) -> None:
    foreign = {"origin": "https://evil.example"}
    assert signed_in.client.post("/sign-out", headers=foreign).status_code == 403
    assert enter(signed_in, headers=foreign).status_code == 403
    assert signed_in.get("/").status == 200


def test_signing_out_ends_it(signed_in: Browser) -> None:
    assert signed_in.client.post("/sign-out", headers=OURS).headers["location"] == "/sign-in"
    assert signed_in.client.get("/").status_code == 303


@pytest.mark.parametrize(
    "following",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/a\nb", ""],
)
def test_signing_in_never_leads_elsewhere(stranger: Browser, following: str) -> None:
    assert enter(stranger, following=following).headers["location"] == "/"
    page = page_of(stranger.client.get("/sign-in", params={"next": following}))
    assert page.one("input", name="next").attributes["value"] == "/"


def test_the_key_itself_still_opens_the_api_without_a_cookie(stranger: Browser) -> None:
    bearer = {"authorization": f"Bearer {KEY}".encode()}
    assert stranger.client.get("/v1/listings", headers=bearer).status_code == 200
    answer = stranger.client.get("/v1/listings")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_without_a_key_nobody_is_asked_to_sign_in(browser: Browser) -> None:
    assert "Sign" not in browser.get("/").html
    assert browser.client.get("/sign-in").headers["location"] == "/"
    assert browser.client.post("/sign-in", data={"key": "x"}).headers["location"] == "/"
    assert browser.client.post("/sign-out").headers["location"] == "/"
