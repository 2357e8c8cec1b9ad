"""Writes docs/reference before Sphinx reads: references made from the program itself, and pages from outside docs/."""

from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

from references import command_line, http, metrics, outside, settings, sql

PAGES: dict[str, Callable[[], str]] = {
    "command-line": command_line.page,
    "http": http.page,
    "sql": sql.page,
    "settings": settings.page,
    "metrics": metrics.page,
}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}


def write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir, "reference")
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        write_if_changed(folder / f"{name}.md", page())
    for source, target in outside.pages().items():
        write_if_changed(target, outside.fitted(source, target))


def write_if_changed(path: Path, text: str) -> None:
    """Sphinx reads again only what is newer than last time."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
