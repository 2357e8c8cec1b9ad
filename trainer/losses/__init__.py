"""What a network learns from: losses of categories and attributes, of the embedding, and their weights.

All take partial labels: what is not labelled costs nothing and pulls nowhere.
"""

from __future__ import annotations

from trainer.losses.classification import FreeKind, class_weights, free_loss, partial_loss, positive_weights
from trainer.losses.metric import METRIC_LOSSES, MetricLoss, geometry_loss, metric_loss, product_numbers
from trainer.losses.weighting import TaskWeights

__all__ = [
    "METRIC_LOSSES",
    "FreeKind",
    "MetricLoss",
    "TaskWeights",
    "class_weights",
    "free_loss",
    "geometry_loss",
    "metric_loss",
    "partial_loss",
    "positive_weights",
    "product_numbers",
]
