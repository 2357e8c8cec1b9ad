"""Models side by side: each task's figures with their intervals, and what differs from single-task beyond chance.

Knows the figures it is given, not how they were measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainer.report.plots import INK, SERIES, SHEET, SOFT, Plot, canvas, finish, printed
from trainer.report.writing import count, environment, figure

BEYOND_CHANCE = 0.05


class Kind(StrEnum):
    """How a model was trained: for one task, for several at once, or for several in stages."""

    SINGLE = "single"
    JOINT = "joint"
    STAGED = "staged"


LOOKS = {Kind.SINGLE: (SERIES[5], "s"), Kind.JOINT: (SERIES[1], "^"), Kind.STAGED: (SERIES[0], "o")}


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """One figure of one model on one task, with its 95 % interval over n photos or queries.

    difference (to the single-task model on the same photos), its 95 % interval and p: all None for that model itself.
    seconds, photos_seen: the whole training budget of the model.
    """

    name: str
    kind: Kind
    task: str
    figure: str
    value: float
    low: float
    high: float
    n: int
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None
    seconds: float
    photos_seen: int

    @property
    def verdict(self) -> str:
        """Whether it differs from the single-task model beyond chance."""
        if self.difference is None or self.p is None:
            return ""
        if self.p >= BEYOND_CHANCE:
            return "no difference beyond chance"
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The rows of one task and figure, best first, and their plot."""

    name: str
    figure: str
    rows: Sequence[ComparisonRow]

    @property
    def title(self) -> str:
        """As it heads a table."""
        return f"{self.name}, {self.figure}"


def render_comparison(rows: Sequence[ComparisonRow], out: Path) -> None:
    """Writes a self-contained page, or, where `out` ends in .md, Markdown with an SVG file of each task beside it.

    Raises ValueError where there is nothing to compare.
    """
    if not rows:
        raise ValueError("a comparison needs a row")
    out.parent.mkdir(parents=True, exist_ok=True)
    tasks = by_task(rows)
    if out.suffix == ".md":
        out.write_text(_markdown(tasks, out), encoding="utf-8")
        return
    made = environment().get_template("comparison.html")
    plots = [dots(task, f"task-{i}") for i, task in enumerate(tasks)]
    page = made.render(tasks=list(zip(tasks, plots, strict=True)), budgets=budgets(rows), summary=summary(tasks))
    out.write_text(page, encoding="utf-8")


def by_task(rows: Sequence[ComparisonRow]) -> list[Task]:
    """Tasks in the order of their first row; in each the best model first."""
    keys = dict.fromkeys((row.task, row.figure) for row in rows)
    return [
        Task(
            name=task,
            figure=named,
            rows=sorted((row for row in rows if (row.task, row.figure) == (task, named)), key=lambda row: -row.value),
        )
        for task, named in keys
    ]


def budgets(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """One row a model, for what its training took."""
    return list({row.name: row for row in reversed(rows)}.values())[::-1]


def summary(tasks: Sequence[Task]) -> list[str]:
    """A sentence for each kind of model that was compared with single-task ones, whichever way it falls."""
    return [sentence for kind in (Kind.JOINT, Kind.STAGED) for sentence in _of_kind(kind, tasks)]


def _of_kind(kind: Kind, tasks: Sequence[Task]) -> list[str]:
    compared = [(task, row) for task in tasks for row in task.rows if row.kind == kind and row.verdict]
    if not compared:
        return []
    parts = []
    for verdict in ("better", "worse", "no difference beyond chance"):
        told = [(task, row) for task, row in compared if row.verdict == verdict]
        found = [f"{row.name} on {task.title} ({row.difference:+.3f})" for task, row in told]
        if found:
            parts.append(f"{verdict} in {len(found)} of {len(compared)} comparisons: {', '.join(found)}")
    return [f"{kind.capitalize()} against single-task: {'; '.join(parts)}."]


def dots(task: Task, name: str) -> Plot:
    """A dot and its interval for each model, for a page."""
    with canvas(4.6, _height(task)) as (drawn, axes):
        _draw(drawn, axes, task)
        return finish(drawn, name, task.title, "Dots are figures, lines their 95 % intervals.")


def _dots_file(task: Task, path: Path) -> None:
    with canvas(4.6, _height(task)) as (drawn, axes):
        _draw(drawn, axes, task)
        path.write_text(printed(drawn), encoding="utf-8")


def _height(task: Task) -> float:
    return 0.95 + 0.34 * len(task.rows)


def _draw(drawn: Figure, axes: Axes, task: Task) -> None:
    for place, row in enumerate(reversed(task.rows)):
        colour, marker = LOOKS[Kind(row.kind)]
        axes.plot([row.low, row.high], [place, place], color=colour, lw=2.2, solid_capstyle="round")
        axes.plot(row.value, place, marker, color=colour, ms=8, mec=SHEET, mew=1)
    single = [row for row in task.rows if row.kind == Kind.SINGLE]
    for row in single[:1]:
        axes.axvline(row.value, color=SOFT, lw=1, ls=(0, (4, 3)))
    axes.set_yticks(range(len(task.rows)), [f"{row.name} ({row.kind})" for row in reversed(task.rows)], color=INK)
    axes.set_ylim(-0.6, len(task.rows) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    drawn.supxlabel(f"{task.figure} (higher is better; dashed: single-task)", fontsize=9, color=SOFT)


def _markdown(tasks: Sequence[Task], out: Path) -> str:
    parts = ["# Models compared", *summary(tasks)]
    for place, task in enumerate(tasks, start=1):
        picture = f"{out.stem}-{place}.svg"
        _dots_file(task, out.with_name(picture))
        head = ("model", "trained", task.figure, "95 % interval", "n", "against single-task", "p")
        parts += [f"## {task.title}", f"![{task.title}: dots with intervals]({picture})"]
        parts.append(_table(head, [_cells(row) for row in task.rows]))
    spent = [
        (row.name, row.kind, f"{row.seconds:,.0f}", count(row.photos_seen))
        for row in budgets([row for task in tasks for row in task.rows])
    ]
    parts += ["## What training took", _table(("model", "trained", "seconds", "photos seen"), spent)]
    return "\n\n".join(parts) + "\n"


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    interval = f"{figure(row.low)} to {figure(row.high)}"
    against = "" if row.difference is None else difference(row)
    p = "" if row.p is None else f"{row.p:.3f}"
    return (row.name, row.kind, figure(row.value), interval, count(row.n), against, p)


def difference(row: ComparisonRow) -> str:
    """The difference with its interval and verdict, in words."""
    ends = (
        ""
        if row.difference_low is None or row.difference_high is None
        else f" ({row.difference_low:+.3f} to {row.difference_high:+.3f})"
    )
    return f"{row.difference:+.3f}{ends}, {row.verdict}" if row.verdict else f"{row.difference:+.3f}{ends}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
