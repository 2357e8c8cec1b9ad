"""The network while it learns: lower sections frozen, upper ones released, heads always learning."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from trainer.draws import Rows, plain_draws
from trainer.evaluation import take
from trainer.stages import EVERYTHING, Stage
from trainer.views import Feed, Inputs
from vision.engines import RawOutputs
from vision.network import Halfway, MultitaskNetwork, Normalised, Outputs
from vision.preprocess import PixelRule

MEASURED_AT_ONCE = 128


class Learned(NamedTuple):
    """Outputs, and without gradient what the embedding's geometry is held to, (n, F): the standardised last features of
    a frozen backbone, or the embedding as it was before this stage."""

    outputs: Outputs
    reference: Tensor


class Learner(nn.Module):
    """Takes what a feed gives: a cut of the backbone, or pixels.

    hold: keep a copy of the network as it is now, for its embedding as the reference while the backbone moves.
    """

    def __init__(self, network: MultitaskNetwork, rule: PixelRule, release: int, *, hold: bool = False) -> None:
        super().__init__()
        self.network = network
        self.cut = first_released(network, release)
        self._normaliser = Normalised(nn.Identity(), rule)
        held = hold and self.cut < network.backbone.sections
        self._before = [copy.deepcopy(network).eval()] if held else []  # in a list: no part of this module's state
        self.requires_grad_(False)
        for part in (network.heads, *network.backbone.parts(self.cut)):
            part.requires_grad_(True)

    def forward(self, inputs: Inputs) -> Learned:
        """Outputs in float32."""
        at = inputs if isinstance(inputs, Halfway) else self.halfway(inputs)
        at = Halfway(*(part.float() for part in at))
        features = self.network.pooled(at, self.cut).float()
        with torch.autocast(features.device.type, enabled=False):  # bf16 has too few digits to compare embeddings
            outputs: Outputs = self.network.heads(features)
        return Learned(Outputs(*(part.float() for part in outputs)), self._reference(at, features))

    def train(self, mode: bool = True) -> Self:
        """Batch norms keep the statistics they have: batches are small, and processes stay alike."""
        super().train(mode)
        self.network.backbone.eval()
        self.network.heads.standardise.eval()
        return self

    def rest_heads(self, tasks: Sequence[str]) -> None:
        """Heads that no task of a stage speaks to stay as they are."""
        heads, said = self.network.heads, frozenset(tasks)
        resting = {
            heads.category: {"category"},
            heads.attribute: {"attributes"},
            heads.projection: {"metric", "geometry"},
            heads.trunk: {"category", "attributes"},
        }
        for part, wanted in resting.items():
            if part is not None and not said & wanted:
                part.requires_grad_(False)

    def groups(self, stage: Stage) -> list[dict[str, Any]]:
        """Parameters for the optimiser, each part with its own learning rate; biases and norms do not decay."""
        heads = self.network.heads
        projection = [] if heads.projection is None else list(heads.projection.parameters())
        theirs = {id(value) for value in projection}
        others = [value for value in heads.parameters() if id(value) not in theirs]
        released = [value for part in self.network.backbone.parts(self.cut) for value in part.parameters()]
        kinds: list[tuple[list[nn.Parameter], float, float]] = [
            (others, stage.learning_rate, stage.weight_decay),
            (projection, stage.projection_learning_rate, 0.0),
            ([value for value in released if value.ndim > 1], stage.backbone_learning_rate, stage.weight_decay),
            ([value for value in released if value.ndim <= 1], stage.backbone_learning_rate, 0.0),
        ]
        learning = [([value for value in values if value.requires_grad], rate, decay) for values, rate, decay in kinds]
        return [{"params": values, "lr": rate, "weight_decay": decay} for values, rate, decay in learning if values]

    @torch.no_grad()
    def _reference(self, at: Halfway, features: Tensor) -> Tensor:
        if self._before and self.training:
            before = self._before[0]
            earlier: Outputs = before.heads(before.pooled(at, self.cut).float())
            reference: Tensor = earlier.embedding.float()
            return reference
        last: Tensor = self.network.heads.standardise(features)[:, : self.network.backbone.last_width]
        return last

    def halfway(self, pixels: Tensor) -> Halfway:
        """(n, S, S, 3) uint8 to the cut, without gradient where anything is frozen."""
        images = self._normaliser.normalise(pixels).contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(self.cut == 0 and torch.is_grad_enabled()):
            return self.network.halfway(images, self.cut)


def first_released(network: MultitaskNetwork, release: int) -> int:
    """The first section that learns. A body that cannot be cut learns wholly or not at all."""
    sections = network.backbone.sections
    if release == EVERYTHING or (sections == 1 and release):
        return 0
    return max(0, sections - release)


@torch.inference_mode()
def measure(learner: Learner, feed: Feed, rows: Rows, device: torch.device) -> RawOutputs:
    """The network's answers to photos as they are, in the order of rows."""
    learner.eval()
    parts = list(_answers(learner, feed, rows, device))
    width = [part.shape[1] for part in parts[0]] if parts else [0, 0, 0]
    joined = [
        np.concatenate([part[k] for part in parts]) if parts else np.zeros((0, width[k]), np.float32) for k in range(3)
    ]
    return RawOutputs(category_logits=joined[0], attribute_logits=joined[1], embedding=joined[2])


def measure_readable(learner: Learner, feed: Feed, rows: Rows, device: torch.device) -> tuple[Rows, RawOutputs]:
    """The same of the photos that could be read, and which these are: a live feed knows only afterwards."""
    found = measure(learner, feed, rows, device)
    good = np.flatnonzero(feed.usable[rows])
    return rows[good], take(found, good)


def _answers(learner: Learner, feed: Feed, rows: Rows, device: torch.device) -> Iterator[list[np.ndarray[Any, Any]]]:
    for inputs, _ in feed.batches(plain_draws(rows, MEASURED_AT_ONCE)):
        yield [part.cpu().numpy() for part in learner(to_device(inputs, device)).outputs]


def to_device(inputs: Inputs, device: torch.device) -> Inputs:
    """Where the network is."""
    if isinstance(inputs, Halfway):
        return Halfway(*(part.to(device, non_blocking=True) for part in inputs))
    return inputs.to(device, non_blocking=True)
