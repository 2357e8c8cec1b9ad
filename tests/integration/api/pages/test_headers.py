import re
from typing import Any

import pytest

from api.pages.assets import load_assets
from tests.integration.api.pages.conftest import Browser


@pytest.mark.parametrize("path", ["/", "/listings/1", "/search", "/listings/999999", "/nothing", "/?after=x"])
def test_every_page_lets_nothing_run_or_load_but_what_is_ours(browser: Browser, path: str) -> None:
    page = browser.get(path)
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["img-src"] == "'self' data: blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/listings/1", "/search", "/nothing"])
def test_a_page_keeps_to_its_own_policy(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert not [e for e in page.elements if "style" in e.attributes or e.name == "style"]
    assert not [e for e in page.all("script") if not e.attributes.get("src") or e.words]
    addresses = [e.attributes[a] for e in page.elements for a in ("src", "href", "action") if a in e.attributes]
    assert addresses
    assert not [address for address in addresses if not re.match(r"[/#](?!/)", address)]


def test_files_are_kept_under_their_version_and_asked_for_again_under_another(browser: Browser) -> None:
    style = browser.get("/").one("link", rel="stylesheet").attributes["href"]
    answer = browser.client.get(style)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"
    older = browser.client.get("/static/0000000000/modiste.css")
    assert (older.status_code, older.headers["cache-control"]) == (200, "public, no-cache")
    assert browser.client.get("/static/0000000000/..%2Fsite.py").status_code == 404
    assert browser.client.get("/static/0000000000/nothing.css").status_code == 404


def test_a_changed_file_gets_another_address(tmp_path: Any) -> None:
    (tmp_path / "a.css").write_text("a {}")
    before = load_assets(tmp_path)
    (tmp_path / "a.css").write_text("b {}")
    assert load_assets(tmp_path).url("a.css") != before.url("a.css")
    with pytest.raises(KeyError):
        before.url("b.css")


@pytest.mark.parametrize("path", ["/", "/listings/1", "/search", "/nothing"])
def test_every_page_can_be_walked_without_eyes(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("title").words
    assert len(page.all("h1")) == 1
    assert page.one("main").attributes["id"] == page.one("a", class_="skip").attributes["href"].lstrip("#")
    assert all(e.attributes.get("alt") for e in page.all("img"))
    labelled = {e.attributes["for"] for e in page.all("label")}
    controls = [e for e in page.all("input") + page.all("select") if e.attributes.get("type") != "hidden"]
    assert {e.attributes["id"] for e in controls} <= labelled
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))


def test_pages_are_not_part_of_the_apis_schema(browser: Browser) -> None:
    paths = browser.client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if not path.startswith(("/v1/", "/healthz", "/readyz", "/metrics"))]


def test_pages_are_compressed_and_photos_are_not(browser: Browser) -> None:
    assert browser.client.get("/", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in browser.client.get("/", headers={"accept-encoding": "identity"}).headers
    photo = browser.get("/").all("img")[0].attributes["src"]
    assert "content-encoding" not in browser.client.get(photo, headers={"accept-encoding": "gzip"}).headers
