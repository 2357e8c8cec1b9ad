"""A person's half hour: a feed is dropped, watched, browsed and corrected, and what was said makes the next model."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from cli.sample import draw_catalogue
from tests.e2e.browsing import WIDE, drop, open_page

PRODUCTS = 160  # a fifth of them is enough to judge by
BY_HAND = 5
BY_COLLEAGUES = """
    SELECT count(modiste.correct_listing(listing_id, 'category', category, 'a colleague')) FROM (
        SELECT * FROM modiste.listing_enrichment WHERE NOT corrected ORDER BY listing_id LIMIT 30) AS picked
"""


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn catalogue, its photos in a zip beside it."""
    folder = tmp_path_factory.mktemp("half-hour")
    draw_catalogue(folder, products=PRODUCTS)
    shutil.make_archive(str(folder / "photos"), "zip", folder, "photos")
    return folder / "feed.csv"


@pytest.mark.long
def test_from_a_dropped_feed_to_a_better_model_and_back(
    browser: Browser, modiste: Any, served: Any, feed: Path, faults: list[str]
) -> None:
    page = open_page(browser, faults, viewport=WIDE)
    with served(modiste, "up") as address:
        hand_in(page, address, feed)
        browse(page, address, feed)
        correct(page, address)
        assert modiste.sql(BY_COLLEAGUES) == [["30"]]
        improved = modiste.json_lines("improve", "--catalogue", "shop", "--epochs", "1", timeout_s=400)
        (canary,) = [line for line in improved if line["event"] == "canary"]
        assert canary["compared"] >= PRODUCTS
        (gate,) = [line for line in improved if line["event"] == "gate"]
        assert gate["passed"], gate
        (waiting,) = [line for line in improved if line["event"] == "waiting"]
        change_models(page, address, waiting["version"])
    page.context.close()


def hand_in(page: Page, address: str, feed: Path) -> None:
    page.goto(f"{address}/imports")
    page.locator("#feed").set_input_files(feed)
    page.locator("#photos").set_input_files(feed.with_name("photos.zip"))
    page.locator("#catalogue").fill("shop")
    page.get_by_role("button", name="Look at it first").click()
    page.wait_for_url("**/imports/1")
    expect(page.get_by_role("heading", name="What it would do")).to_be_visible(timeout=60_000)
    expect(page.locator(".forecast")).to_contain_text(re.compile(r"1\d\d new"))
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_text(re.compile("^Done"))).to_be_visible(timeout=120_000)


def browse(page: Page, address: str, feed: Path) -> None:
    page.goto(address)
    page.locator(".facet").get_by_role("link", name="Dress").click()
    page.wait_for_url("**/?category=Dress")
    page.locator("a.card").first.click()
    page.locator(".similar a.card").first.click()
    expect(page.locator("dl.seen")).to_contain_text("Category")
    page.goto(f"{address}/search")
    drop(page, next(feed.with_name("photos").iterdir()))
    assert page.locator(".similar a.card .score").first.inner_text().startswith("1.00")


def correct(page: Page, address: str) -> None:
    """Accepts what the model says of some listings; a person who knows better would choose another word."""
    for listing in range(1, BY_HAND + 1):
        page.goto(f"{address}/review?listing={listing}&field=category")
        page.locator("h1").click()
        page.keyboard.press("1")
        expect(page.get_by_role("button", name="Take back")).to_be_visible()


def change_models(page: Page, address: str, version: str) -> None:
    page.goto(f"{address}/models/{version}")
    page.get_by_role("link", name="What would change?").click()
    expect(page.get_by_role("heading", name="Instead of")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Put it into service", exact=True).click()
    expect(page.locator(".state")).to_have_text("active")
    page.goto(f"{address}/models")
    page.get_by_role("button", name="Back to").click()
    page.goto(f"{address}/models/{version}")
    expect(page.locator(".state")).to_have_text("registered")
