"""The report as a page: the sections put together and written as one HTML file that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.model_card import tells
from trainer.report.attributes import Group, attributes
from trainer.report.categories import Categories, categories
from trainer.report.charts import loss_curves, score_curves
from trainer.report.evidence import Evidence
from trainer.report.headlines import Headline, headlines, own_words, sources
from trainer.report.inputs import Inputs, inputs
from trainer.report.neighbours import Retrieval, neighbours
from trainer.report.photos import Album
from trainer.report.plots import Plot
from trainer.report.trust import Confidence, confidences
from trainer.report.writing import environment, rendered


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
    evidence = report.evidence
    album = Album(data=evidence.data, rule=evidence.manifest.pixels, shown=with_photos)
    page = (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            evidence=evidence,
            manifest=evidence.manifest,
            tells=tells(evidence.manifest),
            album=album,
            shown_as=evidence.in_words,
            own_words=own_words(evidence.figures),
            card=rendered(evidence.card),
            figure_sources=sources(evidence.figures),
        )
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    return Written(bytes=len(page.encode()), pictures=len(album), photos=len(evidence.rows))


def _curves(evidence: Evidence) -> list[Plot]:
    log: Any = evidence.log
    made = [loss_curves(log)] if log.tasks() else []
    scored = any(epoch.score is not None or epoch.scores for epoch in log.epochs)
    return [*made, score_curves(log)] if scored else made
