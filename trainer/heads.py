"""The first stage: trunk, heads and projection learn on cached features of a frozen backbone.

A straight line: standardise, start the projection from the data, learn, keep the best epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.samplers import MPerClassSampler
from torch import Tensor

from trainer.dataset import Dataset, Split, Targets
from trainer.features import Features, in_batches, views
from trainer.losses import free_loss, geometry_loss, metric_loss, partial_loss
from trainer.metrics import retrieval, top_k_accuracy
from trainer.recipe import HeadsStage
from vision.engines import RawOutputs
from vision.labels import LabelSpace
from vision.network import Heads, Outputs

Rows = NDArray[np.int64]
CHUNK = 1024


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch did: mean loss of each task, and the dev score it is judged by."""

    number: int
    of: int
    losses: dict[str, float]
    score: float
    best: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What there is to learn from: features and targets of all photos, and which rows are train and dev.

    last: how many leading features are the backbone's last ones; the embedding starts from these, and stays
    near them, because product identity is best seen there.
    """

    labels: LabelSpace
    features: Features
    targets: Targets
    train: Rows
    dev: Rows
    last: int

    @classmethod
    def of(cls, data: Dataset, features: Features, *, last: int) -> Lesson:
        """Only photos that could be read take part."""
        rows = {s: np.flatnonzero((data.splits == s) & features.usable) for s in (Split.TRAIN, Split.DEV)}
        return cls(
            labels=data.labels,
            features=features,
            targets=data.targets,
            train=rows[Split.TRAIN],
            dev=rows[Split.DEV],
            last=last,
        )


def train_heads(heads: Heads, lesson: Lesson, stage: HeadsStage, tell: Callable[[Epoch], None]) -> None:
    """Leaves the heads in the state of the epoch with the best dev score."""
    torch.manual_seed(stage.seed)
    np.random.seed(stage.seed)  # pytorch-metric-learning's sampler draws from it
    rng = np.random.default_rng(stage.seed)
    fit_standardisation(heads, lesson)
    start_projection(heads, lesson)
    optimiser = _optimiser(heads, stage)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, stage.epochs)
    best, best_score, since = copy.deepcopy(heads.state_dict()), -1.0, 0
    for number in range(1, stage.epochs + 1):
        losses = _one_epoch(heads, lesson, stage, optimiser, rng)
        schedule.step()
        score = dev_score(run_heads(heads, lesson.features, lesson.dev), lesson)
        is_best = score > best_score
        if is_best:
            best, best_score, since = copy.deepcopy(heads.state_dict()), score, 0
        since += not is_best
        tell(Epoch(number=number, of=stage.epochs, losses=losses, score=score, best=is_best))
        if since > stage.patience:
            break
    heads.load_state_dict(best)
    heads.eval()


def fit_standardisation(heads: Heads, lesson: Lesson) -> None:
    """Mean and variance of every feature over the train photos; fixed from then on."""
    total = square = torch.zeros(lesson.features.values.shape[2], dtype=torch.float64)
    count = 0
    for rows in in_batches(lesson.train, CHUNK):
        values = torch.from_numpy(lesson.features.values[rows].astype(np.float64)).flatten(0, 1)
        total, square, count = total + values.sum(0), square + values.square().sum(0), count + len(values)
    mean = total / count
    variance = square / count - mean.square()
    _buffer(heads, "running_mean").copy_(mean)
    _buffer(heads, "running_var").copy_(variance.clamp_min(1e-6))


def start_projection(heads: Heads, lesson: Lesson) -> None:
    """The projection begins as the principal components of the last features, standardised, over the train
    photos."""
    if heads.projection is None:
        return
    values = torch.from_numpy(lesson.features.values[lesson.train, 0].astype(np.float32))
    with torch.no_grad():
        standard = heads.standardise.eval()(values)[:, : lesson.last]
        width = min(heads.projection.out_features, *standard.shape)
        _, _, components = torch.pca_lowrank(standard, q=width, center=False, niter=3)
        heads.projection.weight.zero_()
        heads.projection.weight[:width, : lesson.last] = components.T
        heads.projection.bias.zero_()


def run_heads(heads: Heads, features: Features, rows: Rows) -> RawOutputs:
    """The heads' answers to the unmirrored view of these rows."""
    heads.eval()
    with torch.inference_mode():
        parts = [
            heads(torch.from_numpy(features.values[some, 0].astype(np.float32))) for some in in_batches(rows, CHUNK)
        ]
    joined = [torch.cat(tensors).numpy() for tensors in zip(*parts, strict=True)]
    return RawOutputs(category_logits=joined[0], attribute_logits=joined[1], embedding=joined[2])


def dev_score(outputs: RawOutputs, lesson: Lesson) -> float:
    """Mean of category top-1, of each attribute group's, and of Recall@1, over what the dev photos label."""
    targets = lesson.targets.take(lesson.dev)
    scores = []
    if outputs.category_logits.shape[1]:
        scores.append(top_k_accuracy(outputs.category_logits, targets.categories, 1))
    if outputs.attribute_logits.shape[1]:
        scores += [
            top_k_accuracy(outputs.attribute_logits[:, at], targets.attributes[:, at], 1)
            for _, at in lesson.labels.columns()
        ]
    if outputs.embedding.shape[1]:
        scores.append(retrieval(outputs.embedding, targets.products)["recall@1"])
    found = [score for score in scores if not np.isnan(score)]
    return float(np.mean(found)) if found else 0.0


def task_losses(
    outputs: Outputs, targets: Targets, labels: LabelSpace, weights: Tensor, smoothing: float
) -> dict[str, Tensor]:
    """Category and attribute losses of one batch; attributes are the mean over groups."""
    losses = {}
    if outputs.category_logits.shape[1]:
        allowed = torch.from_numpy(targets.categories)
        losses["category"] = partial_loss(outputs.category_logits, allowed, weights=weights, smoothing=smoothing)
    if outputs.attribute_logits.shape[1]:
        each = [
            _group_loss(
                outputs.attribute_logits[:, at], targets.attributes[:, at], targets.known[:, at], group.exclusive
            )
            for group, at in labels.columns()
        ]
        losses["attributes"] = torch.stack(each).mean()
    return losses


def class_weights(categories: NDArray[np.bool_], power: float) -> Tensor:
    """1 / count ** power, scaled to a mean of one; (C,). A photo of k allowed categories counts 1/k for
    each."""
    shares = categories / np.maximum(categories.sum(1, keepdims=True), 1)
    weights = 1 / np.maximum(shares.sum(0), 1.0) ** power
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def _optimiser(heads: Heads, stage: HeadsStage) -> torch.optim.Optimizer:
    projection = [] if heads.projection is None else list(heads.projection.parameters())
    others = [value for value in heads.parameters() if all(value is not mine for mine in projection)]
    groups: list[dict[str, Any]] = [{"params": others}]
    if projection:
        groups.append({"params": projection, "lr": stage.projection_learning_rate, "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=stage.learning_rate, weight_decay=stage.weight_decay)


def _one_epoch(
    heads: Heads, lesson: Lesson, stage: HeadsStage, optimiser: torch.optim.Optimizer, rng: np.random.Generator
) -> dict[str, float]:
    weights = class_weights(lesson.targets.categories[lesson.train], stage.class_weight_power)
    mates = _product_batches(lesson, stage)
    heads.train()
    heads.standardise.eval()
    told: dict[str, list[float]] = {}
    for rows in in_batches(rng.permutation(lesson.train), stage.batch_size):
        values = views(lesson.features, rows, rng)
        outputs: Outputs = heads(values)
        losses = task_losses(outputs, lesson.targets.take(rows), lesson.labels, weights, stage.smoothing)
        if heads.projection is not None:
            losses["geometry"] = geometry_loss(outputs.embedding, heads.standardise(values)[:, : lesson.last])
            losses |= _metric_loss(heads, lesson, stage, next(mates, None), rng)
        total = torch.stack([getattr(stage, name) * loss for name, loss in losses.items()]).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        for name, loss in losses.items():
            told.setdefault(name, []).append(float(loss.detach()))
    return {name: float(np.mean(values)) for name, values in told.items()}


def _metric_loss(
    heads: Heads, lesson: Lesson, stage: HeadsStage, mates: Rows | None, rng: np.random.Generator
) -> dict[str, Tensor]:
    if mates is None:
        return {}
    embedding = heads(views(lesson.features, mates, rng)).embedding
    products = torch.from_numpy(lesson.targets.products[mates])
    loss = metric_loss(stage.metric_loss, products=int(products.max()) + 1, embedding_dim=embedding.shape[1])
    return {"metric": loss(embedding, products)}


def _product_batches(lesson: Lesson, stage: HeadsStage) -> Iterator[Rows]:
    """Endless batches of m photos each of products with at least two train photos; none where there are
    too few."""
    products = lesson.targets.products[lesson.train]
    names, counts = np.unique(products[products >= 0], return_counts=True)
    rows = lesson.train[np.isin(products, names[counts > 1])]
    count = min(stage.products_per_batch, int((counts > 1).sum()))
    if count < 2:
        return
    size = count * stage.photos_per_product
    while True:
        sampler = MPerClassSampler(lesson.targets.products[rows], stage.photos_per_product, size, max(len(rows), size))
        yield from in_batches(rows[np.fromiter(sampler, dtype=np.int64)], size)


def _group_loss(logits: Tensor, truth: NDArray[np.bool_], known: NDArray[np.bool_], exclusive: bool) -> Tensor:
    values = torch.from_numpy(truth)
    return partial_loss(logits, values) if exclusive else free_loss(logits, values, torch.from_numpy(known))


def _buffer(heads: Heads, name: str) -> Tensor:
    return heads.standardise.get_buffer(name)
