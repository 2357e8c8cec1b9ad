"""A real browser: found, opened, and how a file is dropped on a page."""

import base64
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
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


def open_page(browser: Browser, faults: list[str], **given: Any) -> Page:
    page = browser.new_context(**given).new_page()
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_default_timeout(10_000)
    return page


def drop(page: Page, file: Path, media_type: str = "image/jpeg") -> None:
    with page.expect_navigation():
        page.evaluate(DROP, [file.name, media_type, base64.b64encode(file.read_bytes()).decode()])
