"""How a run is told: to a person at a terminal (rich), or to a machine (one JSON object a line on standard
output)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from trainer.dataset import Dataset, Split
from trainer.features import Features
from trainer.heads import Epoch

SHOWN_FAULTS = 5


class TerminalTeller:
    """Progress with loss per task, rate and time left; tables for data and figures. Close it when the run
    ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def data(self, data: Dataset, features: Features | None) -> None:
        """Photos per source and split; then what could not be used."""
        if features is None:
            self._console.print(_splits_table(data))
            self._tell_ignored(data)
            return
        if features.faults:
            self._console.print(f"{len(features.faults)} photos cannot be used and are left out:")
            for fault in features.faults[:SHOWN_FAULTS]:
                self._console.print(f"  {fault}", markup=False)

    def left_out(self, groups: Sequence[str]) -> None:
        """A warning."""
        self._console.print(f"[yellow]No labelled photo to learn from, left out of the model:[/] {', '.join(groups)}")

    def extracting(self, done: int, of: int) -> None:
        """A bar over the photos that the cache does not hold."""
        task = self._task("Features", of)
        self._progress.update(task, completed=done, rate=self._rate(task, "photos/s"))

    def epoch(self, epoch: Epoch) -> None:
        """A bar over the epochs, with the losses beside it."""
        task = self._task("Heads", epoch.of)
        losses = "  ".join(f"{name} {loss:.3f}" for name, loss in epoch.losses.items())
        self._progress.update(
            task, completed=epoch.number, rate=self._rate(task, "epochs/s"), note=f"{losses}  dev {epoch.score:.4f}"
        )

    def figures(self, figures: Mapping[str, float]) -> None:
        """All figures as a table."""
        self.close()
        table = Table("figure", "value")
        for name, value in figures.items():
            table.add_row(name, f"{value:g}")
        self._console.print(table)

    def close(self) -> None:
        """Ends the bars."""
        self._progress.stop()

    def _task(self, name: str, of: int) -> TaskID:
        if name not in self._tasks:
            self._progress.start()
            self._tasks[name] = self._progress.add_task(name, total=of, note="", rate="")
        return self._tasks[name]

    def _rate(self, task: TaskID, unit: str) -> str:
        speed = next(shown.speed for shown in self._progress.tasks if shown.id == task)
        return "" if speed is None else f"{speed:.1f} {unit}"

    def _tell_ignored(self, data: Dataset) -> None:
        if data.ignored:
            often = ", ".join(
                f"{label} {word!r} ({n}x)" for (_, label, word), n in data.ignored.most_common(SHOWN_FAULTS)
            )
            total = sum(data.ignored.values())
            self._console.print(f"{total} labels are words the taxonomy does not know, so unlabelled: {often} …")


class JsonTeller:
    """One JSON object a line: {"event": …}."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def data(self, data: Dataset, features: Features | None) -> None:
        """Counts before features; faults after."""
        if features is not None:
            self._say("features", usable=int(features.usable.sum()), faults=list(features.faults))
            return
        counts = Counter(zip(data.sources.tolist(), data.splits.tolist(), strict=True))
        ignored = [
            {"source": s, "label": label, "word": w, "rows": n} for (s, label, w), n in data.ignored.most_common()
        ]
        self._say("data", photos={f"{source}/{split}": n for (source, split), n in counts.items()}, ignored=ignored)

    def left_out(self, groups: Sequence[str]) -> None:
        """Their names."""
        self._say("left_out", groups=list(groups))

    def extracting(self, done: int, of: int) -> None:
        """Photos done."""
        self._say("extracting", done=done, of=of)

    def epoch(self, epoch: Epoch) -> None:
        """Losses and dev score."""
        self._say("epoch", **asdict(epoch))

    def figures(self, figures: Mapping[str, float]) -> None:
        """All figures."""
        self._say("figures", **figures)

    def close(self) -> None:
        """Nothing is held."""

    def _say(self, event: str, **parts: object) -> None:
        self._out.write(json.dumps({"event": event, **parts}) + "\n")
        self._out.flush()


def _splits_table(data: Dataset) -> Table:
    table = Table("source", *Split)
    for source in sorted(set(data.sources.tolist())):
        mine = data.splits[data.sources == source]
        table.add_row(source, *(str(int((mine == split).sum())) for split in Split))
    return table
