"""The losses of one batch, task by task, from outputs and partial labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.dataset import Targets
from trainer.losses import (
    TaskWeights,
    class_weights,
    free_loss,
    geometry_loss,
    metric_loss,
    partial_loss,
    positive_weights,
)
from trainer.stages import Stage
from vision.labels import LabelSpace
from vision.network import Outputs


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """What is known of a batch of n photos, as `Targets`, on the device of the outputs. mates (n,): products as the
    metric loss is told."""

    categories: Tensor
    attributes: Tensor
    known: Tensor
    mates: Tensor

    @classmethod
    def of(cls, targets: Targets, device: torch.device) -> Facts:
        """The products of the targets are taken as mates."""
        parts = (targets.categories, targets.attributes, targets.known, targets.products)
        categories, attributes, known, products = (torch.from_numpy(part).to(device) for part in parts)
        return cls(categories=categories, attributes=attributes, known=known, mates=products)


class Tasks(nn.Module):
    """Every loss of a stage. What of it learns itself (proxies, learned weights) are its parameters."""

    def __init__(
        self,
        stage: Stage,
        labels: LabelSpace,
        train: Targets,
        *,
        products: int,
        embedding_dim: int,
        heads: Sequence[str],
    ) -> None:
        super().__init__()
        self._stage, self._labels = stage, labels
        self._heads = frozenset(heads)
        self.weights = TaskWeights({name: stage.weights[name] for name in heads}, learned=stage.learned_weights)
        self.metric = (
            metric_loss(stage.metric_loss, products=products, embedding_dim=embedding_dim, margin=stage.margin)
            if "metric" in self._heads
            else None
        )
        self.register_buffer("classes", class_weights(train.categories, stage.class_weight_power), persistent=False)
        self.register_buffer(
            "positives", positive_weights(train.attributes, train.known, cap=stage.positive_cap), persistent=False
        )

    def forward(self, outputs: Outputs, reference: Tensor, facts: Facts) -> dict[str, Tensor]:
        """The losses of the tasks this network has and this stage wants. reference (n, F): what the geometry of the
        embedding is held to."""
        losses: dict[str, Tensor] = {}
        if "category" in self._heads:
            losses["category"] = partial_loss(
                outputs.category_logits,
                facts.categories,
                weights=self.get_buffer("classes"),
                smoothing=self._stage.smoothing,
            )
        if "attributes" in self._heads:
            losses["attributes"] = torch.stack(self._groups(outputs.attribute_logits, facts)).mean()
        if self.metric is not None:
            losses["metric"] = self.metric(outputs.embedding, facts.mates)
        if "geometry" in self._heads:
            losses["geometry"] = geometry_loss(outputs.embedding, reference)
        return losses

    def _groups(self, logits: Tensor, facts: Facts) -> list[Tensor]:
        each = []
        for group, at in self._labels.columns():
            truth, known = facts.attributes[:, at], facts.known[:, at]
            each.append(
                partial_loss(logits[:, at], truth & known)
                if group.exclusive
                else free_loss(
                    logits[:, at],
                    truth,
                    known,
                    positive_weights=self.get_buffer("positives")[at],
                    kind="asymmetric" if self._stage.free_loss == "asymmetric" else "bce",
                )
            )
        return each


def tasks_of(stage: Stage, *, categories: int, attributes: int, embedding_dim: int, products: int) -> list[str]:
    """Those a network's heads, the labels and the stage's weights allow."""
    possible = {
        "category": categories > 0,
        "attributes": attributes > 0,
        "metric": embedding_dim > 0 and products > 1,
        "geometry": embedding_dim > 0,
    }
    return [name for name, can in possible.items() if can and stage.weights[name] > 0]
