"""How a run is told: to a person at a terminal (rich), to a machine (JSON lines), to TensorBoard, or to several."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from trainer.dataset import Dataset, Split
from trainer.loop import Blend, Epoch
from trainer.stages import Begun, Stage

SHOWN_FAULTS = 5


class Silence:
    """Tells nobody: every process of a distributed run but the first. A teller overrides what it cares for."""

    def data(self, data: Dataset) -> None:
        """Nothing."""

    def left_out(self, groups: Sequence[str]) -> None:
        """Nothing."""

    def stage(self, begun: Begun) -> None:
        """Nothing."""

    def extracting(self, done: int, of: int) -> None:
        """Nothing."""

    def faults(self, faults: Sequence[str]) -> None:
        """Nothing."""

    def step(self, stage: str, epoch: int, done: int, of: int, losses: Mapping[str, float]) -> None:
        """Nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Nothing."""

    def blend(self, blend: Blend) -> None:
        """Nothing."""

    def figures(self, figures: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing is held."""


class TerminalTeller(Silence):
    """Progress with loss per task, rate and time left; tables for data and figures. Close it when the run
    ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._stage: Stage | None = None

    def data(self, data: Dataset) -> None:
        """Photos per source and split, and what was strange about the tables."""
        self._console.print(_splits_table(data))
        for warning in data.warnings:
            self._console.print(f"[yellow]{escape(warning)}[/]", markup=True, highlight=False)
        self._tell_ignored(data)

    def left_out(self, groups: Sequence[str]) -> None:
        """A warning."""
        self._console.print(
            f"[yellow]No labelled photo to learn from, left out of the model:[/] {escape(', '.join(groups))}"
        )

    def stage(self, begun: Begun) -> None:
        """What the stage changes, and a bar over its epochs."""
        said = ", ".join(f"{name} {value}" for name, value in begun.changes.items()) or "nothing changed"
        self._console.print(
            f"[bold]Stage {begun.stage.name}[/]: {begun.learns:,} of {begun.parameters:,} parameters learn; {said}",
            highlight=False,
        )
        self._stage = begun.stage

    def extracting(self, done: int, of: int) -> None:
        """A bar over the photos that the cache does not hold."""
        self._progress.update(self._task("Frozen part, once a photo", of), completed=done, total=of)

    def faults(self, faults: Sequence[str]) -> None:
        """How many, and the first."""
        self._console.print(f"{len(faults)} photos cannot be used and are left out:")
        for fault in faults[:SHOWN_FAULTS]:
            self._console.print(f"  {fault}", markup=False)

    def step(self, stage: str, epoch: int, done: int, of: int, losses: Mapping[str, float]) -> None:
        """The stage's bar, in batches, with the loss of each task."""
        task = self._task(stage, of * (self._stage.epochs if self._stage else 1))
        said = "  ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
        self._progress.update(task, completed=(epoch - 1) * of + done, note=f"epoch {epoch}  {said}")

    def epoch(self, epoch: Epoch) -> None:
        """A line for each epoch."""
        losses = "  ".join(f"{name} {loss:.3f}" for name, loss in epoch.losses.items())
        scores = "  ".join(f"{name} {score:.4f}" for name, score in epoch.scores.items())
        mark = " *" if epoch.best else ""
        self._console.print(
            f"{epoch.stage} {epoch.number}/{epoch.of}  {losses}  | dev {scores}{mark}  | {epoch.rate:,.0f} photos/s",
            highlight=False,
        )

    def blend(self, blend: Blend) -> None:
        """A line for each."""
        scores = "  ".join(f"{name} {score:.4f}" for name, score in blend.scores.items())
        mark = " *" if blend.best else ""
        self._console.print(f"{blend.stage} blended at {blend.share:g}  | dev {scores}{mark}", highlight=False)

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
            self._tasks[name] = self._progress.add_task(name, total=of, note="")
        return self._tasks[name]

    def _tell_ignored(self, data: Dataset) -> None:
        if data.ignored:
            often = ", ".join(
                f"{label} {word!r} ({n}x)" for (_, label, word), n in data.ignored.most_common(SHOWN_FAULTS)
            )
            total = sum(data.ignored.values())
            self._console.print(
                f"{total} labels are words the taxonomy does not know, so unlabelled: {often} …", markup=False
            )


class JsonTeller(Silence):
    """One JSON object a line: {"event": …}."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def data(self, data: Dataset) -> None:
        """Photos by source and split; words that nobody knows; warnings."""
        counts = Counter(zip(data.sources.tolist(), data.splits.tolist(), strict=True))
        ignored = [
            {"source": s, "label": label, "word": w, "rows": n} for (s, label, w), n in data.ignored.most_common()
        ]
        photos = {f"{source}/{split}": n for (source, split), n in counts.items()}
        self._say("data", photos=photos, ignored=ignored, warnings=list(data.warnings))

    def left_out(self, groups: Sequence[str]) -> None:
        """Their names."""
        self._say("left_out", groups=list(groups))

    def stage(self, begun: Begun) -> None:
        """The whole stage."""
        self._say("stage", **asdict(begun.stage), learns=begun.learns, parameters=begun.parameters)

    def extracting(self, done: int, of: int) -> None:
        """Photos done."""
        self._say("extracting", done=done, of=of)

    def faults(self, faults: Sequence[str]) -> None:
        """All of them."""
        self._say("faults", faults=list(faults))

    def epoch(self, epoch: Epoch) -> None:
        """Losses and dev scores."""
        self._say("epoch", **asdict(epoch))

    def blend(self, blend: Blend) -> None:
        """Share and dev scores."""
        self._say("blend", **asdict(blend))

    def figures(self, figures: Mapping[str, float]) -> None:
        """All figures."""
        self._say("figures", **figures)

    def _say(self, event: str, **parts: object) -> None:
        self._out.write(json.dumps({"event": event, **parts}) + "\n")
        self._out.flush()


class LogTeller(JsonTeller):
    """The same lines in a file, which a resumed run continues."""

    def __init__(self, path: Path, *, anew: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path.open("w" if anew else "a", encoding="utf-8"))

    def extracting(self, done: int, of: int) -> None:
        """Not worth a line."""

    def close(self) -> None:
        """Closes the file."""
        self._out.close()


class BoardTeller(Silence):
    """Losses, weights, scores and rate for TensorBoard, a step an epoch, counted through all stages."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        self._before = 0

    def stage(self, begun: Begun) -> None:
        """Epochs of the stage are counted on from here."""
        self._before = begun.epochs_before
        self._write("add_text", f"stage/{begun.stage.name}", repr(begun.stage), self._before)

    def epoch(self, epoch: Epoch) -> None:
        """Every number of it."""
        at = self._before + epoch.number
        parts = {"loss": epoch.losses, "weight": epoch.weights, "dev": epoch.scores, "photos": {"rate": epoch.rate}}
        for kind, values in parts.items():
            for name, value in values.items():
                self._write("add_scalar", f"{kind}/{name}", value, at)

    def close(self) -> None:
        """Flushes."""
        self._writer.close()

    def _write(self, method: str, *values: Any) -> None:
        getattr(self._writer, method)(*values)


class Tellers(Silence):
    """Several at once."""

    def __init__(self, *tellers: Silence) -> None:
        self._tellers = tellers

    def data(self, data: Dataset) -> None:
        """To each."""
        for teller in self._tellers:
            teller.data(data)

    def left_out(self, groups: Sequence[str]) -> None:
        """To each."""
        for teller in self._tellers:
            teller.left_out(groups)

    def stage(self, begun: Begun) -> None:
        """To each."""
        for teller in self._tellers:
            teller.stage(begun)

    def extracting(self, done: int, of: int) -> None:
        """To each."""
        for teller in self._tellers:
            teller.extracting(done, of)

    def faults(self, faults: Sequence[str]) -> None:
        """To each."""
        for teller in self._tellers:
            teller.faults(faults)

    def step(self, stage: str, epoch: int, done: int, of: int, losses: Mapping[str, float]) -> None:
        """To each."""
        for teller in self._tellers:
            teller.step(stage, epoch, done, of, losses)

    def epoch(self, epoch: Epoch) -> None:
        """To each."""
        for teller in self._tellers:
            teller.epoch(epoch)

    def blend(self, blend: Blend) -> None:
        """To each."""
        for teller in self._tellers:
            teller.blend(blend)

    def figures(self, figures: Mapping[str, float]) -> None:
        """To each."""
        for teller in self._tellers:
            teller.figures(figures)

    def close(self) -> None:
        """To each."""
        for teller in self._tellers:
            teller.close()


def run_tellers(folder: Path, *, as_json: bool, anew: bool) -> Tellers:
    """Whoever runs a recipe is told, and so are log and TensorBoard in the folder.

    anew: begin the log again.
    """
    shown = JsonTeller(sys.stdout) if as_json else TerminalTeller(Console(emoji=False))
    return Tellers(shown, LogTeller(folder / "log.jsonl", anew=anew), BoardTeller(folder / "tensorboard"))


def _splits_table(data: Dataset) -> Table:
    table = Table("source", *Split)
    for source in sorted(set(data.sources.tolist())):
        mine = data.splits[data.sources == source]
        table.add_row(source, *(str(int((mine == split).sum())) for split in Split))
    return table
