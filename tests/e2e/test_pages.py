"""The pages as people use them: a real browser on a small enriched catalogue, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import NARROW, WIDE, drop, open_page

LISTINGS = 20
LIKED = "melange hoodie"  # a listing with others alike among these few

# Import 2, which waits for a person; and a photo of import 1 in quarantine.
LOOKED_AT = """
    INSERT INTO modiste.import (catalogue, feed, lane, state, model_version_id)
    SELECT catalogue, 'spring.csv', lane, 'previewed', model_version_id FROM modiste.import WHERE id = 1;
    INSERT INTO modiste.plan (import_id, preview, forecast) SELECT 2, true, '{
        "rows": {"new": 20, "changed": 1, "unchanged": 4180, "continued": 0, "rejected": 1}, "photos": 25,
        "photos_to_fetch": 5, "photos_asked_again": 0, "photos_at_hand": 20,
        "photos_known": 4180,
        "photos_without_file": 2, "hosts": {"img.example": 5}, "photos_per_s": 50, "seconds": 1,
        "stored_bytes": 1400000, "index_bytes": 3800000, "withdrawn": null, "available": null, "refusal": null,
        "rejected": [
            {"line": 3, "external_id": "A2", "column": "price", "reason": "bad_price", "detail": "no price: cheap"}
        ]}';
    UPDATE modiste.photo SET state = 'quarantined', reason = 'timeout' WHERE id = (
        SELECT max(p.id) FROM modiste.photo p WHERE p.position > 0);
    UPDATE modiste.import SET photos_quarantined = 1, photos_enriched = photos_enriched - 1 WHERE id = 1
"""


@pytest.fixture(scope="module")
def site(browser: Browser, modiste: Any, served: Any, sample: Path, tmp_path_factory: Any) -> Iterator[str]:
    """The address of `modiste api` on a part of the sample; asks for the browser first: a skip shall cost nothing."""
    feed = tmp_path_factory.mktemp("pages") / "feed.csv"
    feed.write_text("".join(sample.joinpath("feed.csv").read_text().splitlines(keepends=True)[: LISTINGS + 1]))
    modiste.run("import", feed, "--photos", sample / "photos", "--catalogue", "sample")
    modiste.sql(LOOKED_AT)
    with served(modiste, "api") as address:
        yield address


def fits(page: Page) -> bool:
    """Nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_a_person_browses_finds_similar_listings_and_searches_by_photo(
    browser: Browser, site: str, sample: Path, faults: list[str], viewport: Any, scheme: Any
) -> None:
    touch = viewport is NARROW
    page = open_page(browser, faults, viewport=viewport, color_scheme=scheme, is_mobile=touch, has_touch=touch)
    page.goto(site)
    cards = page.locator("a.card")
    assert cards.count() == LISTINGS
    assert fits(page)
    title = cards.filter(has_text=LIKED).locator(".name").inner_text()
    cards.filter(has_text=LIKED).click()

    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("dl.seen")).to_contain_text("Category")
    assert 1 <= page.locator(".similar a.card").count() <= 12
    assert fits(page)
    page.locator(".similar a.card").first.click()
    expect(page.locator(".similar a.card").first).to_be_visible()

    page.goto(site)
    drop(page, next((sample / "photos").iterdir()))
    expect(page.locator("h1")).to_have_text("What modiste sees")
    asked = page.get_by_alt_text("The photo that you searched with")
    expect(asked).to_be_visible()
    assert asked.evaluate("image => image.naturalWidth") > 100
    assert page.locator(".similar a.card .score").first.inner_text().startswith("1.00")
    assert page.locator(".similar a.card img").first.evaluate("image => image.complete && image.naturalWidth > 100")
    assert fits(page)

    asked.scroll_into_view_if_needed()
    box = asked.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Search again").click()
    expect(page.locator("h1")).to_have_text("What modiste sees in this part")
    left, top, width, height = map(float, page.locator("input[name=crop]").input_value().split(","))
    assert (left, top, width, height) == pytest.approx((0.2, 0.1, 0.6, 0.5), abs=0.02)
    expect(page.locator("[data-box]")).to_be_visible()
    page.get_by_role("button", name="all of it").click()
    page.get_by_role("button", name="Search again").click()
    expect(page.locator("h1")).to_have_text("What modiste sees")


def test_filters_are_chosen_by_keyboard_and_stand_in_the_address(
    browser: Browser, site: str, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=WIDE)
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.locator(".facet").get_by_role("link", name="Dress").press("Enter")
    page.wait_for_url(f"{site}/?category=Dress")
    assert {words.split()[0] for words in page.locator(".words").all_inner_texts()} == {"Dress"}
    page.get_by_role("link", name="Remove the filter Dress").click()
    page.wait_for_url(f"{site}/")


def test_a_file_that_is_no_photo_is_refused_in_a_sentence(
    browser: Browser, site: str, sample: Path, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=NARROW)
    page.goto(f"{site}/search")
    drop(page, sample / "feed.csv", "text/csv")
    expect(page.locator("h1")).to_have_text("That is not a photo")
    expect(page.locator("form[data-drop]")).to_be_visible()
    assert [fault for fault in faults if "415" in fault] == faults  # the browser reports the refusal itself
    faults.clear()


def test_without_scripts_a_photo_is_chosen_and_sent_by_button(
    browser: Browser, site: str, sample: Path, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=NARROW, java_script_enabled=False)
    page.goto(f"{site}/search")
    page.get_by_label("Drop a photo here").set_input_files(next((sample / "photos").iterdir()))
    page.get_by_role("button", name="Search").click()
    expect(page.locator("h1")).to_have_text("What modiste sees")
    assert page.locator(".similar a.card").count() > 12


def test_where_there_is_a_key_a_person_signs_in_searches_and_signs_out(
    browser: Browser, site: str, modiste: Any, served: Any, sample: Path, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=WIDE)
    with served(modiste, "api", MODISTE_API_KEY="swordfish") as guarded:
        page.goto(f"{guarded}/?category=Dress")
        page.get_by_label("API key").fill("swordfish")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{guarded}/?category=Dress")
        assert page.locator("a.card img").first.evaluate("image => image.decode().then(() => image.naturalWidth > 100)")
        drop(page, next((sample / "photos").iterdir()))
        expect(page.locator("h1")).to_have_text("What modiste sees")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        page.goto(guarded)
        expect(page.get_by_label("API key")).to_be_visible()
        page.context.close()


PATHS = (
    "/",
    "/?category=Dress",
    "/listings/10",
    "/search",
    "/review",
    "/review?kind=colour",
    "/quality",
    "/imports",
    "/imports/1",
    "/imports/2",
    "/models",
    "/models/lite0-staged-5",
    "/nowhere",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_no_page_has_a_fault_that_axe_finds(browser: Browser, site: str, viewport: Any, scheme: Any) -> None:
    page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
    found = {}
    for path in PATHS:
        page.goto(f"{site}{path}")
        answer = Axe().run(page)
        assert len(answer.response["passes"]) > 10, path
        if answer.violations_count:
            found[path] = answer.generate_report()
        assert fits(page), path
    page.context.close()
    assert found == {}


def test_a_review_is_worked_by_keyboard(browser: Browser, site: str, faults: list[str]) -> None:
    page = open_page(browser, faults, viewport=WIDE)
    page.goto(f"{site}/listings/1")
    page.get_by_role("link", name="Something is wrong here").click()
    page.get_by_label("Your name").fill("Ann")
    page.locator("h1").click()
    page.keyboard.press("2")
    expect(page.get_by_role("status")).to_contain_text("→")
    page.goto(f"{site}/listings/1")
    expect(page.get_by_text("A person has confirmed this.")).to_be_visible()
    page.go_back()
    page.keyboard.press("u")
    page.wait_for_url("**/review?*listing=1&field=category")
    page.keyboard.press("o")
    expect(page.get_by_label("Another word")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("s")
    expect(page).to_have_url(f"{site}/review")
