"""How a plot looks: one style, drawn by matplotlib as SVG that stands in a page and takes its colours from it.

Knows no figure of any model; what is plotted stands in `trainer.report.charts`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Stand-ins that no plot uses for anything else: in the page they become its own colours, light or dark.
INK, SOFT, LINE, SHEET = "#010101", "#010102", "#010103", "#010104"
SERIES = ("#010201", "#010202", "#010203", "#010204", "#010205", "#010206")
PAGE_COLOURS = {INK: "ink", SOFT: "soft", LINE: "line", SHEET: "sheet"} | {c: f"s{i + 1}" for i, c in enumerate(SERIES)}
PRINT_COLOURS = {
    INK: "#171c24", SOFT: "#565e69", LINE: "#d5d9d3", SHEET: "#ffffff",
    **dict(zip(SERIES, ("#2347b5", "#b4541a", "#2b7a55", "#8a4a9e", "#8f7a1c", "#5b6b7c"), strict=True)),
}  # fmt: skip
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3)), (0, (3, 1)))
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "modiste", "font.family": "sans-serif", "font.size": 10, "text.color": INK,
    "axes.edgecolor": SOFT, "axes.labelcolor": SOFT, "axes.linewidth": 0.8, "axes.facecolor": "none",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": LINE, "grid.linewidth": 0.7,
    "axes.axisbelow": True, "xtick.color": SOFT, "ytick.color": SOFT, "legend.frameon": False,
    "xtick.major.size": 3, "ytick.major.size": 3, "lines.linewidth": 1.8, "figure.facecolor": "none",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawn plot: its title, what it shows in a sentence, and the SVG to stand in a page."""

    title: str
    note: str
    svg: Markup


@contextmanager
def canvas(width_in: float = 4.4, height_in: float = 3.4) -> Iterator[tuple[Figure, Axes]]:
    """A figure of one pair of axes, in the style of all plots."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.add_subplot()


def finish(figure: Figure, name: str, title: str, note: str = "") -> Plot:
    """The figure as a Plot; call it inside `canvas`. name: what no other plot of the page is called."""
    svg = _svg(figure)
    for stand_in, colour in PAGE_COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{colour})")
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)  # several plots in a page: ids are its own
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", re.sub(r' height="[0-9.]+pt"', "", svg, count=1), count=1)
    label = Markup.escape(title)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return Plot(title=title, note=note, svg=Markup(svg))  # noqa: S704 - drawn here


def printed(figure: Figure) -> str:
    """The figure as an SVG file of its own, on white."""
    svg = _svg(figure)
    for stand_in, colour in PRINT_COLOURS.items():
        svg = svg.replace(stand_in, colour)
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return re.sub(r"(<svg [^>]*>)", rf"\1{ground}", svg, count=1)


def _svg(figure: Figure) -> str:
    """The bare element, without prolog, metadata and date."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, count=1, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]*;", "font-family: sans-serif;", text)
