"""Does the input pipeline keep the network busy? Steps a second with it, over steps a second on tensors in memory.

    python -m benchmarks.training trainer/recipes/staged.toml --data NAME=FOLDER … [--stage release] [--photos 640]

Both learn from the same batches, by turns; the ratio is the median over rounds. Budget: at least 0.9.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from trainer.commands.options import folders
from trainer.dataset import Dataset, Split
from trainer.distributed import Group, pick_device
from trainer.draws import Draw, Rows
from trainer.learner import Learner, first_released
from trainer.loop import Lesson, StageRun
from trainer.parent import build_network
from trainer.reading import read_all
from trainer.recipe import load_recipe
from trainer.stages import Stage
from trainer.views import Bools, Feed, Inputs, LiveFeed, kept_feed


class InMemory:
    """Gives again what another feed gave for the same draws."""

    def __init__(self, feed: Feed) -> None:
        self._feed, self.usable, self.faults = feed, feed.usable, feed.faults
        self._held: dict[bytes, list[tuple[Inputs, Bools]]] = {}

    def batches(self, draws: Sequence[Draw]) -> Iterator[tuple[Inputs, Bools]]:
        """From memory, once they were read."""
        key = b"".join(drawn.rows.tobytes() + drawn.seeds.tobytes() for drawn in draws)
        if key not in self._held:
            self._held[key] = list(self._feed.batches(draws))
        return iter(self._held[key])


def main() -> None:
    """Prints a line a round, and the ratio."""
    options = _options()
    recipe = load_recipe(options.recipe)
    stage = next((stage for stage in recipe.stages if stage.name == options.stage), recipe.stages[-1])
    if options.views is not None:
        stage = replace(stage, views=options.views)
    data, _ = read_all(recipe, folders(options.data))
    device = pick_device(options.device)
    network, _ = build_network(recipe, data.labels)
    network.to(device)
    rows = np.flatnonzero(data.splits == Split.TRAIN)[: options.photos]
    with tempfile.TemporaryDirectory() as scratch:
        feed: Feed
        if stage.views:
            cut, cache = first_released(network, stage.release), options.cache or Path(scratch)
            feed = kept_feed(network, recipe.pixels, data, stage, cut, cache, device=device)
        else:
            feed = LiveFeed(data, recipe.pixels, stage, workers=options.workers, pin=device.type == "cuda")
        learner = Learner(network, recipe.pixels, stage.release).to(device)
        rates = _rates(learner, stage, data, feed, rows, device, options.rounds)
    ratio = statistics.median(fed / held for fed, held in rates)
    said = {
        "stage": stage.name,
        "views": stage.views,
        "photos": len(rows),
        "device": str(device),
        "photos_per_s": round(statistics.median(fed for fed, _ in rates), 1),
        "ratio": round(ratio, 3),
    }
    print(json.dumps(said) if options.json else "  ".join(f"{name} {value}" for name, value in said.items()))


def _rates(
    learner: Learner, stage: Stage, data: Dataset, feed: Feed, rows: Rows, device: torch.device, rounds: int
) -> list[tuple[float, float]]:
    """A round each: photos a second with the feed, and on tensors in memory."""
    held = InMemory(feed)
    runs = []
    for source in (feed, held):
        lesson = Lesson(data=data, feed=source, train=rows, dev=rows[:2], colour_columns=np.empty(0, np.int64),
                        seed=0, device=device, group=Group())  # fmt: skip
        runs.append(StageRun(learner, stage, lesson))
    list(held.batches(runs[1].draws(1)))
    found = []
    for _ in range(rounds + 1):
        for run in runs:
            run.epoch = 0  # the same draws in every round
        fed, from_memory = (run.next_epoch(lambda *_told: None).rate for run in runs)
        found.append((fed, from_memory))
    return found[1:]  # the first warms up


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--stage", default="", help="default: the last")
    parser.add_argument("--views", type=int, help="another number of kept views; 0: live")
    parser.add_argument("--photos", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
