"""The log of a run, `run/log.jsonl`, read back: epochs and the stages they belong to.

A log may be cut off in the middle of a line, or lack what an older run did not write: what is there is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LoggedEpoch:
    """One epoch: its mean loss of each task, and the dev score (None where it was not measured)."""

    stage: str
    losses: Mapping[str, float]
    score: float | None
    scores: Mapping[str, float]
    rate: float | None


@dataclass(frozen=True, kw_only=True)
class RunLog:
    """The epochs of a run, in order; a stage is a stretch of them of one name."""

    epochs: tuple[LoggedEpoch, ...]

    def tasks(self) -> list[str]:
        """The losses that were logged, in the order of their first appearance."""
        return list(dict.fromkeys(task for epoch in self.epochs for task in epoch.losses))

    def measures(self) -> list[str]:
        """The dev figures that were logged beside the score."""
        return list(dict.fromkeys(name for epoch in self.epochs for name in epoch.scores))

    def stages(self) -> list[Stage]:
        """The stretches of epochs of one stage."""
        starts = [i for i, epoch in enumerate(self.epochs) if i == 0 or epoch.stage != self.epochs[i - 1].stage]
        ends = [*starts[1:], len(self.epochs)]
        return [self._stage(start, end) for start, end in zip(starts, ends, strict=True)]

    def _stage(self, start: int, end: int) -> Stage:
        scored = [
            (score, i + 1) for i, epoch in enumerate(self.epochs[start:end]) if (score := epoch.score) is not None
        ]
        best = max(scored, key=lambda pair: (pair[0], -pair[1]), default=(None, None))
        return Stage(
            name=self.epochs[start].stage, first=start + 1, epochs=end - start, best=best[0], best_epoch=best[1]
        )


@dataclass(frozen=True, kw_only=True)
class Stage:
    """first: its first epoch, counted from 1 over the whole run; best_epoch is counted within the stage."""

    name: str
    first: int
    epochs: int
    best: float | None
    best_epoch: int | None


def read_log(path: Path) -> RunLog | None:
    """None where there is no log or no epoch in it."""
    if not path.is_file():
        return None
    epochs = _latest([event for event in _events(path) if event.get("event") == "epoch"])
    return RunLog(epochs=tuple(_epoch(event) for event in epochs)) if epochs else None


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield event


def _latest(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A resumed run logs the epochs after its checkpoint again; the last time counts."""
    kept: dict[tuple[str, Any], dict[str, Any]] = {}
    for place, event in enumerate(events):
        kept[str(event.get("stage", "")), event.get("number", -place)] = event
    return list(kept.values())


def _epoch(event: Mapping[str, Any]) -> LoggedEpoch:
    return LoggedEpoch(
        stage=str(event.get("stage", "")),
        losses=_numbers(event.get("losses")),
        score=_number(event.get("score")),
        scores=_numbers(event.get("scores")),
        rate=_number(event.get("rate")),
    )


def _numbers(value: object) -> dict[str, float]:
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(name): number for name, raw in pairs if (number := _number(raw)) is not None}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
