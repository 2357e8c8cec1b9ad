"""The pages as people use them: a real browser on a small enriched catalogue, wide and narrow."""

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LISTINGS = 20
LIKED = "melange hoodie"  # a listing with others alike among these few
WIDE, NARROW = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
# A drop as the browser reports it, with a file that the script finds in it.
DROP = """([name, type, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const carrier = new DataTransfer();
    carrier.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.querySelector("main").dispatchEvent(
            new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carrier }));
}"""


def find_browser() -> str:
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    missing = "no browser to try the pages with; on Debian: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(browser: Browser, modiste: Any, served: Any, sample: Path, tmp_path_factory: Any) -> Iterator[str]:
    """The address of `modiste api` on a part of the sample; asks for the browser first: a skip shall cost nothing."""
    feed = tmp_path_factory.mktemp("pages") / "feed.csv"
    feed.write_text("".join(sample.joinpath("feed.csv").read_text().splitlines(keepends=True)[: LISTINGS + 1]))
    modiste.run("import", feed, "--photos", sample / "photos", "--catalogue", "sample")
    with served(modiste, "api") as address:
        yield address


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What the browser complains of: errors in scripts, refused by the policy, files that are not there."""
    heard: list[str] = []
    yield heard
    assert heard == []


def open_page(browser: Browser, faults: list[str], **given: Any) -> Page:
    page = browser.new_context(**given).new_page()
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_default_timeout(10_000)
    return page


def drop(page: Page, file: Path, media_type: str = "image/jpeg") -> None:
    with page.expect_navigation():
        page.evaluate(DROP, [file.name, media_type, base64.b64encode(file.read_bytes()).decode()])


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


def test_filters_are_chosen_by_keyboard_and_stand_in_the_address(
    browser: Browser, site: str, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=WIDE)
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.get_by_label("Category").select_option("Dress")
    page.get_by_role("button", name="Apply").press("Enter")
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
    "/models",
    "/models/lite0-staged-4",
    "/nowhere",
)


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
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
