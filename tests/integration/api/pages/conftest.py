"""Pages read as a browser takes them apart: links, pictures, forms and words."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient

VOID = frozenset({"meta", "link", "img", "input", "br"})


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    words: str = ""


@dataclass
class Page:
    """`elements` in the order in which they end; the words of each are those inside it."""

    status: int
    headers: Any
    html: str
    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, /, **attributes: str) -> list[Element]:
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [e for e in self.elements if e.name == tag and wanted.items() <= e.attributes.items()]

    def one(self, tag: str, /, **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    @property
    def names(self) -> list[str]:
        """Of the listings in the grid."""
        return [e.words for e in self.all("span", class_="name")]

    @property
    def words(self) -> str:
        return self.one("main").words

    def field(self, label: str) -> Element:
        """The control that the label of these words belongs to."""
        (wanted,) = [e.attributes["for"] for e in self.all("label") if label in e.words]
        return next(e for e in self.elements if e.attributes.get("id") == wanted)


class Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page, self.open = page, list[Element]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        (self.page.elements if tag in VOID else self.open).append(element)

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.words = " ".join(f"{element.words} {data}".split())

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.page.elements.append(self.open.pop())


def page_of(response: Any) -> Page:
    assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
    page = Page(status=response.status_code, headers=response.headers, html=response.text)
    reader = Reader(page)
    reader.feed(response.text)
    assert not reader.open, f"left open: {[e.name for e in reader.open]}"
    return page


class Browser:
    """Follows no redirect by itself, so that a test sees where it is sent."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        client.follow_redirects = False

    def get(self, path: str, **headers: str) -> Page:
        return page_of(self.client.get(path, headers={"accept": "text/html", **headers}))


@pytest.fixture
def browser(client: TestClient) -> Browser:
    return Browser(client)
