"""How figures are written in pages, where templates are found, and how Markdown becomes part of a page."""

from __future__ import annotations

import math

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from trainer.report.headlines import of_task


def environment() -> Environment:
    """The templates of this package with the ways figures are written."""
    made = Environment(
        loader=PackageLoader("trainer.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"figure": figure, "percent": percent, "count": count, "megabytes": megabytes}
    made.globals["of_task"] = of_task
    return made


def rendered(markdown: str) -> Markup:
    """Markdown as HTML below the page's own headings. HTML in it is shown, not obeyed; of links the words stay, and
    pictures are left out: a page that is sent on leads nowhere."""
    made = MarkdownIt("commonmark", {"xhtmlOut": True, "html": False}).enable("table")
    tokens = made.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        token.children = [
            part for part in token.children or [] if part.type not in {"link_open", "link_close", "image"}
        ]
    html = made.renderer.render(tokens, made.options, {})
    wide = html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    return Markup(wide)  # noqa: S704 - rendered with HTML off


def figure(value: float) -> str:
    """Three digits; a dash for what cannot be said."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def percent(value: float) -> str:
    """A share as percent, a whole number unless that would round to nothing or everything."""
    if math.isnan(value):
        return "–"
    digits = 1 if 0 < value < 0.005 or 0.995 < value < 1 else 0
    return f"{100 * value:.{digits}f} %"


def count(value: float) -> str:
    """A whole number with thousands set apart."""
    return f"{value:,.0f}"


def megabytes(value: float) -> str:
    """Bytes in MB of a million."""
    return f"{value / 1e6:.1f} MB"
