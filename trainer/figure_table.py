"""Figures for people: a table for each source, a line for each figure, its interval and count beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.table import Table

ALL = "all"
BESIDE = ("n", "queries", "low", "high")
COUNTS = ("classes", "classes_too_few")


def figure_tables(figures: Mapping[str, float]) -> Iterator[Table]:
    """One table for each source that was measured; all together only where there are several."""
    sources = list(dict.fromkeys(name.partition("/")[0] for name in figures if name.count("/") > 1))
    for source in sources:
        if source != ALL or len(sources) != 2:
            of_source = {
                name.partition("/")[2]: value for name, value in figures.items() if name.startswith(f"{source}/")
            }
            yield _table(source, of_source)


def _table(source: str, figures: Mapping[str, float]) -> Table:
    table = Table("task", "figure", "value", "95 % interval", "n", title=source, title_justify="left")
    for column in table.columns[2:]:
        column.justify = "right"
    shown = [name for name in figures if name.partition("/")[2] and name.rpartition("/")[2] not in BESIDE]
    tasks = list(dict.fromkeys(name.partition("/")[0] for name in shown))
    before = ""
    for name in sorted(shown, key=lambda name: tasks.index(name.partition("/")[0])):
        task, _, figure = name.partition("/")
        table.add_row(
            "" if task == before else task, figure, _shown(figure, figures[name]), *_beside(figures, task, figure)
        )
        before = task
    return table


def _shown(figure: str, value: float) -> str:
    return f"{value:.0f}" if figure in COUNTS else f"{value:.3f}"


def _beside(figures: Mapping[str, float], task: str, figure: str) -> tuple[str, str]:
    low, high = figures.get(f"{task}/{figure}/low"), figures.get(f"{task}/{figure}/high")
    counts = (figures.get(name) for name in (f"{task}/{figure}/n", f"{task}/n", f"{task}/queries"))
    count = next((count for count in counts if count is not None), None)
    interval = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return interval, "" if count is None or figure in COUNTS else f"{count:.0f}"
