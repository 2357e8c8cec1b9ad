"""The report as a page: the sections put together and written as one HTML file that loads nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from trainer.model_card import tells
from trainer.report.attributes import Group, attributes
from trainer.report.categories import Categories, categories
from trainer.report.charts import loss_curves, score_curves
from trainer.report.evidence import Evidence
from trainer.report.headlines import Headline, headlines, of_task, sources
from trainer.report.inputs import Inputs, inputs
from trainer.report.neighbours import Retrieval, neighbours
from trainer.report.photos import Album
from trainer.report.plots import Plot
from trainer.report.trust import Confidence, confidences


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a report says, ready to be written."""

    evidence: Evidence
    headlines: Sequence[Headline]
    inputs: Inputs
    curves: Sequence[Plot]
    categories: Categories | None
    attributes: Sequence[Group]
    confidences: Sequence[Confidence]
    retrieval: Retrieval | None


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: the file's size, the photos it shows, the photos it is about."""

    bytes: int
    pictures: int
    photos: int


def build(evidence: Evidence) -> Report:
    """Every section that the model and the data allow."""
    log = evidence.log
    return Report(
        evidence=evidence,
        headlines=headlines(evidence.figures, evidence.data.labels),
        inputs=inputs(evidence),
        curves=_curves(evidence) if log else [],
        categories=categories(evidence),
        attributes=attributes(evidence),
        confidences=confidences(evidence),
        retrieval=neighbours(evidence),
    )


def write(report: Report, out: Path, *, with_photos: bool) -> Written:
    """Writes the page. Without photos, words stand in their places."""
    album = Album(data=report.evidence.data, shown=with_photos)
    page = (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            evidence=report.evidence,
            manifest=report.evidence.manifest,
            tells=tells(report.evidence.manifest),
            album=album,
            shown_as=report.evidence.in_words,
            card=rendered(report.evidence.card),
            figure_sources=sources(report.evidence.figures),
        )
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return Written(bytes=len(page.encode()), pictures=len(album), photos=len(report.evidence.rows))


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
    """Markdown as HTML below the page's own headings; HTML in it is shown, not obeyed, and pictures are not loaded."""
    made = MarkdownIt("commonmark", {"xhtmlOut": True, "html": False}).enable("table").disable("image")
    tokens = made.parse(markdown)
    for token in tokens:
        if token.tag in {"h1", "h2", "h3", "h4"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = made.renderer.render(tokens, made.options, {})
    return Markup(html.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>"))  # noqa: S704 - rendered with HTML off


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


def _curves(evidence: Evidence) -> list[Plot]:
    log: Any = evidence.log
    made = [loss_curves(log)] if log.tasks() else []
    scored = any(epoch.score is not None or epoch.scores for epoch in log.epochs)
    return [*made, score_curves(log)] if scored else made
