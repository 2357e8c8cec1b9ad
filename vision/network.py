"""The multitask network: one backbone; pooled features into a shared trunk with category and attribute head;
beside it a projection to an L2-normalised embedding, to which what category it is taken for may belong.

Knows how to be built from a plan and loaded from an artifact; nothing of losses, data or pretrained weights.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision.artifact import Artifact
from vision.backbones import Backbone, Cut, Palette
from vision.errors import WrongShapeError
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule


class Outputs(NamedTuple):
    """(N, C) category, (N, A) attribute logits, (N, D) embeddings of length one; a missing head: zero
    columns."""

    category_logits: Tensor
    attribute_logits: Tensor
    embedding: Tensor


class Halfway(NamedTuple):
    """Photos at a cut of the backbone: map and taps as in `vision.backbones.Cut`, and the shares of the palette's
    colours, (N, P)."""

    map: Tensor
    taps: Tensor
    colours: Tensor


class Heads(nn.Module):
    """Everything after the pooled features; trained alone while the backbone is frozen."""

    def __init__(self, plan: NetworkPlan, *, features: int, categories: int, attributes: int) -> None:
        super().__init__()
        width = plan.trunk_dim or features
        self.standardise = nn.BatchNorm1d(features, affine=False)
        self.trunk = _trunk(plan, features)
        self.category = nn.Linear(width, categories) if plan.category_head else None
        self.attribute = nn.Linear(width, attributes) if plan.attribute_head else None
        projected = plan.projection_dim(categories)
        self.projection = nn.Linear(features, projected) if projected else None
        self.category_share = plan.category_share

    def forward(self, features: Tensor) -> Outputs:
        """(N, F) pooled features to outputs."""
        features = self.standardise(features)
        hidden = self.trunk(features)
        absent = features[:, :0]
        category_logits = absent if self.category is None else self.category(hidden)
        return Outputs(
            category_logits=category_logits,
            attribute_logits=absent if self.attribute is None else self.attribute(hidden),
            embedding=absent if self.projection is None else self.embedding(features, category_logits),
        )

    def embedding(self, features: Tensor, category_logits: Tensor) -> Tensor:
        """(N, D) of length one. Square roots of probabilities have length one, and their cosine is Bhattacharyya's
        coefficient; the embedding's losses do not reach the category head through them."""
        assert self.projection is not None
        own = F.normalize(self.projection(features), dim=1)
        if not self.category_share:
            return own
        taken_for = category_logits.detach().float().softmax(1).sqrt()
        return torch.cat([(1 - self.category_share) ** 0.5 * own, self.category_share**0.5 * taken_for], dim=1)


class MultitaskNetwork(nn.Module):
    """Backbone and heads by a plan. Its input is normalised: (N, 3, S, S) float32."""

    def __init__(self, plan: NetworkPlan, *, categories: int, attributes: int) -> None:
        super().__init__()
        self.plan = plan
        self.backbone = Backbone(plan.backbone, taps=plan.taps)
        self.palette = Palette(plan.palette) if plan.palette else None
        self.feature_width = self.backbone.width + (self.palette.width if self.palette else 0)
        self.heads = Heads(plan, features=self.feature_width, categories=categories, attributes=attributes)

    def features(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) normalised images to (N, F) pooled features."""
        return self.pooled(self.halfway(images, self.backbone.sections))

    def halfway(self, images: Tensor, until: int) -> Halfway:
        """(N, 3, S, S) normalised images to before section `until` of the backbone: what does not change while the
        sections below are frozen."""
        colours = images[:, :0, 0, 0] if self.palette is None else self.palette(images)
        return Halfway(*self.backbone.walk(self.backbone.begin(images), 0, until), colours)

    def pooled(self, at: Halfway, since: int | None = None) -> Tensor:
        """On from before section `since` (default: behind the last) to (N, F) pooled features."""
        end = self.backbone.walk(Cut(at.map, at.taps), self.backbone.sections if since is None else since)
        return torch.cat([*end, at.colours], dim=1)

    def forward(self, images: Tensor) -> Outputs:
        """(N, 3, S, S) normalised images to outputs."""
        outputs: Outputs = self.heads(self.features(images))
        return outputs


class Normalised(nn.Module):
    """A network with its normalisation inside: (N, S, S, 3) uint8 in. This is exported and run."""

    def __init__(self, network: nn.Module, rule: PixelRule) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(rule.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(rule.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Outputs:
        """(N, S, S, 3) uint8 to outputs."""
        outputs: Outputs = self.network(self.normalise(pixels))
        return outputs

    def normalise(self, pixels: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 to (N, 3, S, S), float32 even where the network runs in half precision."""
        return (pixels.permute(0, 3, 1, 2).float() - self.get_buffer("mean")) / self.get_buffer("std")


def load_network(artifact: Artifact) -> MultitaskNetwork:
    """The artifact's network in float32, ready to run. Raises WrongShapeError where its weights do not
    fit."""
    manifest = artifact.manifest
    labels = manifest.labels
    network = MultitaskNetwork(manifest.plan, categories=len(labels.categories), attributes=len(labels.attributes))
    state = torch.load(artifact.weights, map_location="cpu", weights_only=True)
    try:
        network.load_state_dict(state)
    except RuntimeError as fault:
        raise WrongShapeError(f"{artifact.weights}: {fault}") from fault
    return network.eval()


def _trunk(plan: NetworkPlan, features: int) -> nn.Module:
    if not plan.trunk_dim:
        return nn.Dropout(plan.dropout)
    return nn.Sequential(nn.Linear(features, plan.trunk_dim), nn.ReLU(), nn.Dropout(plan.dropout))
