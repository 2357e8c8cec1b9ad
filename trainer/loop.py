"""One stage, from first batch to last epoch: learn, measure on dev photos, keep the best, give away the state."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainer.dataset import Dataset, Targets
from trainer.distributed import Group
from trainer.draws import Draw, Rows, epoch_draws, mate_numbers
from trainer.errors import DivergedError, RecipeError
from trainer.learner import Learned, Learner, measure_readable, to_device
from trainer.scores import dev_scores
from trainer.stages import Stage
from trainer.tasks import Facts, Tasks, tasks_of
from trainer.views import Feed
from vision.network import Outputs

TOLD_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch did: mean loss of each task, what each is multiplied by, photos a second, and the dev scores.

    score: mean of the scores that the stage watches; best: none before was higher.
    """

    stage: str
    number: int
    of: int
    losses: dict[str, float]
    weights: dict[str, float]
    scores: dict[str, float]
    score: float
    best: bool
    rate: float


@dataclass(frozen=True, kw_only=True)
class Blend:
    """Weights between where a stage began (share 0) and where it ended (1), with their dev scores."""

    stage: str
    share: float
    scores: dict[str, float]
    score: float
    best: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What a stage learns from, where, and with whom."""

    data: Dataset
    feed: Feed
    train: Rows
    dev: Rows
    colour_columns: Rows
    seed: int
    device: torch.device
    group: Group


@dataclass(frozen=True, kw_only=True)
class Heard:
    """Whom a stage tells of its steps (batches done, of how many, losses), epochs and blends, and to whom it gives its
    state."""

    step: Callable[[str, int, int, int, Mapping[str, float]], None]
    epoch: Callable[[Epoch], None]
    blend: Callable[[Blend], None]
    state: Callable[[dict[str, Any]], None]


def train_stage(learner: Learner, stage: Stage, lesson: Lesson, heard: Heard, resumed: dict[str, Any] | None) -> None:
    """Leaves the learner with the weights of its best epoch by the dev photos."""
    run = StageRun(learner, stage, lesson)
    if resumed is not None:
        run.load(resumed)
    while run.epoch < stage.epochs and run.since_best <= stage.patience:
        heard.epoch(run.next_epoch(heard.step))
        heard.state(run.state())
    for share in stage.blends:
        heard.blend(run.blend(share))
    learner.load_state_dict(run.best)


class StageRun:
    """Everything that changes while a stage runs."""

    def __init__(self, learner: Learner, stage: Stage, lesson: Lesson) -> None:
        self._learner, self._stage, self._lesson = learner, stage, lesson
        self.epoch, self.since_best, self._score = 0, 0, -1.0
        targets, network = lesson.data.targets, learner.network
        self._mates = mate_numbers(stage, lesson.train, lesson.data)
        products = int(self._mates.max(initial=-1)) + 1
        heads = tasks_of(
            stage,
            categories=len(lesson.data.labels.categories) * network.plan.category_head,
            attributes=len(lesson.data.labels.attributes) * network.plan.attribute_head,
            embedding_dim=network.plan.embedding_dim,
            products=products,
        )
        if not heads:
            raise RecipeError(f"stage {stage.name!r} has nothing to learn: no head has both labels and a weight.")
        learner.rest_heads(heads)
        _seed(lesson.seed, stage.name, 0)  # proxies are drawn
        self._tasks = Tasks(
            stage,
            lesson.data.labels,
            targets.take(lesson.train),
            products=products,
            embedding_dim=network.plan.embedding_dim,
            heads=heads,
        ).to(lesson.device)
        self._averaged = AveragedModel(learner, multi_avg_fn=get_ema_multi_avg_fn(stage.ema)) if stage.ema else None  # type: ignore[no-untyped-call]
        self._optimiser = self._new_optimiser()
        steps = -(-len(self.draws(1)) // stage.accumulate) * stage.epochs
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: _rate(step, steps, stage.warmup)
        )
        self._scaler = torch.amp.GradScaler("cuda", enabled=_precision(stage, lesson.device) is torch.float16)
        self._parallel: nn.Module = learner if lesson.group.world == 1 else DistributedDataParallel(learner)
        self.best: dict[str, Tensor] = copy.deepcopy(learner.state_dict())
        self._beginning, self._end = self.best, dict[str, Tensor]()

    def next_epoch(self, tell: Callable[[str, int, int, int, Mapping[str, float]], None]) -> Epoch:
        """Every train photo once, then the dev photos."""
        self.epoch += 1
        _seed(self._lesson.seed, self._stage.name, self.epoch)
        draws, start = self.draws(self.epoch), time.monotonic()
        losses = self._learn(draws, tell)
        seconds = time.monotonic() - start
        scores, score, best = self._judge(self._last)
        self.since_best = 1 if best else self.since_best + 1
        return Epoch(
            stage=self._stage.name,
            number=self.epoch,
            of=self._stage.epochs,
            losses=losses,
            weights=self._tasks.weights.current(),
            scores=scores,
            score=score,
            best=best,
            rate=sum(len(drawn.rows) for drawn in draws) / seconds,
        )

    def blend(self, share: float) -> Blend:
        """Tries weights on the way from the beginning to the last epoch."""
        end = self._end or copy.deepcopy(self._last.state_dict())
        self._end = end
        mixed = {
            name: value.lerp(end[name], share) if value.is_floating_point() else value
            for name, value in self._beginning.items()
        }
        self._learner.load_state_dict(mixed)
        scores, score, best = self._judge(self._learner)
        return Blend(stage=self._stage.name, share=share, scores=scores, score=score, best=best)

    def state(self) -> dict[str, Any]:
        """All of it, for `load`."""
        return {
            "epoch": self.epoch,
            "since_best": self.since_best,
            "score": self._score,
            "best": self.best,
            "learner": self._learner.state_dict(),
            "averaged": None if self._averaged is None else self._averaged.state_dict(),
            "tasks": self._tasks.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Goes on from where `state` was taken."""
        self.epoch, self.since_best, self._score = state["epoch"], state["since_best"], state["score"]
        self.best = state["best"]
        self._learner.load_state_dict(state["learner"])
        if self._averaged is not None:
            self._averaged.load_state_dict(state["averaged"])
        self._tasks.load_state_dict(state["tasks"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self._scaler.load_state_dict(state["scaler"])

    def draws(self, epoch: int) -> list[Draw]:
        """The batches of an epoch, numbered from 1."""
        lesson = self._lesson
        return epoch_draws(self._stage, lesson.train, lesson.data, seed=lesson.seed, epoch=epoch)

    @property
    def _last(self) -> Learner:
        """What is measured: the averaged weights, where there are any."""
        return self._learner if self._averaged is None else cast(Learner, self._averaged.module)

    def _judge(self, learner: Learner) -> tuple[dict[str, float], float, bool]:
        """Dev scores, their mean, and whether it is the highest yet; then these weights are kept."""
        lesson = self._lesson
        rows, found = measure_readable(learner, lesson.feed, lesson.dev, lesson.device)
        if not all(
            np.isfinite(part).all() for part in (found.category_logits, found.attribute_logits, found.embedding)
        ):
            raise DivergedError(f"stage {self._stage.name!r}, epoch {self.epoch}: lower its learning rates.")
        scores = dev_scores(found, lesson.data.targets.take(rows), lesson.data.labels)
        watched = [scores[name] for name in self._stage.watch if name in scores]
        # Where dev photos say nothing, a later epoch is the better one; a blend is not.
        score = float(np.mean(watched)) if watched else self._score + (0 if self._end else 1e-6)
        score = lesson.group.agreed(score, lesson.device)
        best = score > self._score
        if best:
            self._score, self.best = score, copy.deepcopy(learner.state_dict())
        return scores, score, best

    def _learn(
        self, draws: list[Draw], tell: Callable[[str, int, int, int, Mapping[str, float]], None]
    ) -> dict[str, float]:
        group, stage = self._lesson.group, self._stage
        shares = [drawn.share(group.rank, group.world) for drawn in draws]
        self._parallel.train()
        sums: dict[str, list[float]] = {}
        told = time.monotonic()
        for number, (drawn, (inputs, good)) in enumerate(zip(draws, self._lesson.feed.batches(shares), strict=True), 1):
            stepping = number % stage.accumulate == 0 or number == len(draws)
            losses = self._batch(drawn, inputs, good, stepping)
            for name, loss in losses.items():
                sums.setdefault(name, []).append(loss)
            if time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                tell(stage.name, self.epoch, number, len(draws), {name: values[-1] for name, values in sums.items()})
        return {name: float(np.mean(values)) for name, values in sums.items()}

    def _batch(self, drawn: Draw, inputs: Any, good: np.ndarray[Any, Any], stepping: bool) -> dict[str, float]:
        waiting: AbstractContextManager[Any] = nullcontext()
        if isinstance(self._parallel, DistributedDataParallel) and not stepping:
            waiting = self._parallel.no_sync()
        with waiting:
            losses = self._losses(drawn, self._run(inputs), good)
            total = self._tasks.weights(losses) / self._stage.accumulate
            self._scaler.scale(total).backward()
        if stepping:
            self._step()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _run(self, inputs: Any) -> Learned:
        device = self._lesson.device
        kind = _precision(self._stage, device)
        with torch.autocast(device.type, dtype=kind, enabled=kind is not None):
            learned: Learned = self._parallel(to_device(inputs, device))
        return learned

    def _losses(self, drawn: Draw, learned: Learned, good: np.ndarray[Any, Any]) -> dict[str, Tensor]:
        """Of the whole batch, gathered from all processes."""
        lesson, count = self._lesson, len(drawn.rows)
        outputs = Outputs(*(lesson.group.gathered(part, count) for part in learned.outputs))
        reference = lesson.group.gathered(learned.reference, count)
        usable = lesson.group.gathered(torch.from_numpy(good).to(lesson.device), count).cpu().numpy()
        return self._tasks(outputs, reference, self._facts(drawn, usable))  # type: ignore[no-any-return]

    def _facts(self, drawn: Draw, usable: np.ndarray[Any, Any]) -> Facts:
        """What is not to be learned from these views is not known: a recoloured photo's colour, all of a broken one."""
        targets = self._lesson.data.targets.take(drawn.rows)
        known = targets.known & usable[:, None]
        other = drawn.recoloured | (not self._stage.augmentation.keeps_colours)
        known[np.ix_(other, self._lesson.colour_columns)] = False
        seen = Targets(
            categories=targets.categories & usable[:, None],
            attributes=targets.attributes,
            known=known,
            products=np.where(usable, self._mates[drawn.rows], -1),
        )
        return Facts.of(seen, self._lesson.device)

    def _step(self) -> None:
        self._scaler.unscale_(self._optimiser)
        if self._stage.clip_norm:
            torch.nn.utils.clip_grad_norm_(
                [value for group in self._optimiser.param_groups for value in group["params"]], self._stage.clip_norm
            )
        self._scaler.step(self._optimiser)
        self._scaler.update()
        self._optimiser.zero_grad()
        self._schedule.step()
        if self._averaged is not None:
            self._averaged.update_parameters(self._learner)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        groups = self._learner.groups(self._stage)
        own = list(self._tasks.parameters())
        if own:
            groups.append({"params": own, "lr": self._stage.learning_rate * 10, "weight_decay": 0.0})
        return torch.optim.AdamW(groups)


def _rate(step: int, steps: int, warmup: float) -> float:
    """Up in a line over the warm-up, down as half a cosine."""
    rising = max(1, round(steps * warmup)) if warmup else 0
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + float(np.cos(np.pi * (step - rising) / max(1, steps - rising))))


def _precision(stage: Stage, device: torch.device) -> torch.dtype | None:
    """None: float32. auto: bfloat16 on CUDA, float32 elsewhere (on most CPUs half precision is slower)."""
    named = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
    return named[stage.precision] if stage.precision != "auto" else (torch.bfloat16 if device.type == "cuda" else None)


def _seed(seed: int, stage: str, epoch: int) -> None:
    """Dropout and new proxies draw from torch's generator; from here they depend on nothing that ran before."""
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed}/{stage}/{epoch}".encode()).digest()[:6], "big"))
