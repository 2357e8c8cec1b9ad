"""The whole recipe, straight down: read, begin, each stage, calibrate, measure, export."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from trainer.beginning import begin_heads
from trainer.calibration import calibrate
from trainer.checkpoints import LAST, Checkpoints, identity
from trainer.dataset import Dataset, Split, check_trainable
from trainer.distributed import Group, joined, pick_device
from trainer.errors import CheckpointError
from trainer.evaluation import evaluate
from trainer.export import save_model
from trainer.learner import Learner, first_released, measure_readable
from trainer.loop import Blend, Epoch, Heard, Lesson, train_stage
from trainer.parent import build_network
from trainer.reading import read_all, read_data
from trainer.recipe import Recipe
from trainer.stages import Begun, Stage
from trainer.views import Feed, LiveFeed, kept_feed
from vision.manifest import Calibration, DataSource, Manifest

__all__ = ["How", "Places", "Teller", "read_data", "run"]

RUN = "run"  # inside the model's folder: log, checkpoints, TensorBoard


class Teller(Protocol):
    """Who is told how a run goes: a terminal, a log of JSON lines, TensorBoard, a test."""

    def data(self, data: Dataset) -> None:
        """The tables were read."""

    def left_out(self, groups: Sequence[str]) -> None:
        """These attribute groups of the taxonomy have no labelled photo to learn from: the model will not have them."""

    def stage(self, begun: Begun) -> None:
        """A stage begins."""

    def extracting(self, done: int, of: int) -> None:
        """Photos through the frozen sections."""

    def faults(self, faults: Sequence[str]) -> None:
        """These photos cannot be used, and why."""

    def step(self, stage: str, epoch: int, done: int, of: int, losses: Mapping[str, float]) -> None:
        """Batches of an epoch that are done, and the losses of the last."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch has ended."""

    def blend(self, blend: Blend) -> None:
        """Weights between a stage's beginning and end were tried."""

    def figures(self, figures: Mapping[str, float]) -> None:
        """The test split was measured."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a run reads and writes: data folders by source name, the cache of views, the model folder."""

    data: Mapping[str, Path]
    cache: Path
    out: Path


@dataclass(frozen=True, kw_only=True)
class How:
    """What does not change the result: device (auto, cpu, cuda, mps), processes that decode for live views, how often
    epochs are written down, and whether to go on with a run that was broken off (resume) or to forget it (fresh)."""

    device: str = "auto"
    workers: int = max(1, (os.cpu_count() or 2) - 1)
    checkpoint_every_s: float = 15.0
    resume: bool = False
    fresh: bool = False


def run(recipe: Recipe, places: Places, teller: Teller, how: How = How()) -> Manifest:
    """Trains the recipe's model and writes its folder. Under torchrun, every process calls it."""
    data, untaught = read_all(recipe, places.data)
    if untaught:
        teller.left_out(untaught)
    teller.data(data)
    check_trainable(data)
    device = pick_device(how.device)
    with joined(device) as group:
        training = Training(recipe, places, data, teller, how, device, group)
        feed = training.stages()
        return training.finished(feed)


def is_unfinished(out: Path) -> bool:
    """Whether a model folder holds a run that was broken off."""
    return (out / RUN / "checkpoints" / LAST).exists()


class Training:
    """One run over its stages."""

    def __init__(
        self,
        recipe: Recipe,
        places: Places,
        data: Dataset,
        teller: Teller,
        how: How,
        device: torch.device,
        group: Group,
    ) -> None:
        self._recipe, self._places, self._data, self._how = recipe, places, data, how
        self._teller, self._device, self._group = teller, device, group
        self._checkpoints = Checkpoints(places.out / RUN / "checkpoints", identity(recipe, data))
        self._network, self._parent = build_network(recipe, data.labels)
        self._network.to(device)
        self._saved = time.monotonic()
        self._told: set[str] = set()

    def stages(self) -> Feed:
        """All stages, from where the checkpoint stands; the feed of the last."""
        state = self._checkpoint()
        done = state["stage"] if state else 0
        if state:
            self._network.load_state_dict(state["network"])
        feed: Feed | None = None
        for number, stage in enumerate(self._recipe.stages):
            if number < done and number + 1 < len(self._recipe.stages):
                continue
            feed = self._feed(stage)
            if number >= done:
                self._stage(number, stage, feed, state["run"] if state and number == done else None)
        assert feed is not None
        return feed

    def finished(self, feed: Feed) -> Manifest:
        """Calibrated, measured, exported; the first process writes."""
        learner = self._learner(self._recipe.stages[-1])
        dev_rows, dev = measure_readable(learner, feed, self._rows(Split.DEV, feed), self._device)
        test_rows, test = measure_readable(learner, feed, self._rows(Split.TEST, feed), self._device)
        self._tell_faults(feed)
        targets = self._data.targets.take(dev_rows)
        calibration = calibrate(dev, targets, self._data.labels, self._recipe.calibration)
        figures = evaluate(test, self._data, test_rows, calibration)
        self._teller.figures(figures)
        manifest = self._described(calibration, figures)
        if self._group.leads:
            manifest = save_model(self._network.cpu(), manifest, self._places.out)
            self._checkpoints.clear()
        self._group.wait()
        return manifest

    def _stage(self, number: int, stage: Stage, feed: Feed, resumed: dict[str, Any] | None) -> None:
        lesson = self._lesson(feed)
        if number == 0 and self._parent is None and resumed is None:
            begin_heads(self._learner(stage), feed, lesson.train, self._device)
        learner = self._learner(stage, hold=stage.geometry > 0 and self._recipe.network.embedding_dim > 0)
        self._teller.stage(self._begun(number, stage, learner))
        start = {name: value.clone() for name, value in self._network.state_dict().items()}

        def keep(state: dict[str, Any]) -> None:
            if time.monotonic() - self._saved >= self._how.checkpoint_every_s:
                self._save({"stage": number, "network": start, "run": state})

        heard = Heard(step=self._teller.step, epoch=self._teller.epoch, blend=self._teller.blend, state=keep)
        train_stage(learner, stage, lesson, heard, resumed)
        self._save({"stage": number + 1, "network": self._network.state_dict(), "run": None})
        self._tell_faults(feed)

    def _learner(self, stage: Stage, *, hold: bool = False) -> Learner:
        return Learner(self._network, self._recipe.pixels, stage.release, hold=hold).to(self._device)

    def _begun(self, number: int, stage: Stage, learner: Learner) -> Begun:
        counts = [(value.numel(), value.requires_grad) for value in learner.parameters()]
        return Begun(
            stage=stage,
            changes=stage.changes(self._recipe.stages[number - 1] if number else None),
            epochs_before=sum(earlier.epochs for earlier in self._recipe.stages[:number]),
            learns=sum(count for count, learns in counts if learns),
            parameters=sum(count for count, _ in counts),
        )

    def _save(self, state: dict[str, Any]) -> None:
        if self._group.leads:
            self._checkpoints.save(state)
        self._saved = time.monotonic()

    def _checkpoint(self) -> dict[str, Any] | None:
        if self._how.fresh:
            if self._group.leads:
                self._checkpoints.clear()
            self._group.wait()
            return None
        state = self._checkpoints.load()
        if state is not None and not self._how.resume:
            raise CheckpointError(
                f"{self._places.out} holds a run that was broken off: go on with --resume, or start anew with --fresh."
            )
        return state

    def _feed(self, stage: Stage) -> Feed:
        if not stage.views:
            pin = self._device.type == "cuda"
            return LiveFeed(self._data, self._recipe.pixels, stage, workers=self._how.workers, pin=pin)
        feed = self._kept(stage, self._teller.extracting) if self._group.leads else None
        self._group.wait()
        feed = feed or self._kept(stage, self._teller.extracting)  # the others find everything there
        self._tell_faults(feed)
        return feed

    def _kept(self, stage: Stage, advance: Any) -> Feed:
        cut = first_released(self._network, stage.release)
        return kept_feed(
            self._network, self._recipe.pixels, self._data, stage, cut, self._places.cache,
            advance=advance, device=self._device,
        )  # fmt: skip

    def _tell_faults(self, feed: Feed) -> None:
        new = [fault for fault in feed.faults if fault not in self._told]
        if new:
            self._told.update(new)
            self._teller.faults(new)

    def _rows(self, split: Split, feed: Feed) -> Any:
        return np.flatnonzero((self._data.splits == split) & feed.usable)

    def _lesson(self, feed: Feed) -> Lesson:
        columns = [np.arange(at.start, at.stop) for group, at in self._data.labels.columns()
                   if group.name in self._recipe.colour_groups]  # fmt: skip
        return Lesson(
            data=self._data,
            feed=feed,
            train=self._rows(Split.TRAIN, feed),
            dev=self._rows(Split.DEV, feed),
            colour_columns=np.concatenate([np.empty(0, np.int64), *columns]).astype(np.int64),
            seed=self._recipe.seed,
            device=self._device,
            group=self._group,
        )

    def _described(self, calibration: Calibration, figures: Mapping[str, float]) -> Manifest:
        """The manifest of what was trained; its files are added when they are written."""
        photos = Counter(self._data.sources[self._data.splits == Split.TRAIN].tolist())
        return Manifest(
            version=self._recipe.version,
            parent=None if self._parent is None else self._parent.version,
            plan=self._recipe.network,
            labels=self._data.labels,
            pixels=self._recipe.pixels,
            calibration=calibration,
            metrics=dict(figures),
            sources=tuple(
                DataSource(name=spec.name, photos=photos[spec.name], licence=spec.licence)
                for spec in self._recipe.sources
            ),
            licences=self._recipe.licences,
        )
