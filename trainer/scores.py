"""What an epoch is judged by: one number a task on dev photos, each between 0 and 1."""

from __future__ import annotations

import numpy as np

from trainer.dataset import Targets
from trainer.metrics import retrieval, top_k_accuracy
from vision.engines import RawOutputs
from vision.labels import LabelSpace


def dev_scores(outputs: RawOutputs, targets: Targets, labels: LabelSpace) -> dict[str, float]:
    """category: top-1. attributes: mean over groups of the share of labelled photos whose best value is true.
    retrieval: Recall@1. Only tasks that the network has and the photos label."""
    scores: dict[str, float] = {}
    if outputs.category_logits.shape[1]:
        scores["category"] = top_k_accuracy(outputs.category_logits, targets.categories, 1)
    if outputs.attribute_logits.shape[1]:
        each = [
            top_k_accuracy(outputs.attribute_logits[:, at], targets.attributes[:, at] & targets.known[:, at], 1)
            for _, at in labels.columns()
        ]
        known = [score for score in each if not np.isnan(score)]
        scores["attributes"] = float(np.mean(known)) if known else float("nan")
    if outputs.embedding.shape[1]:
        scores["retrieval"] = retrieval(outputs.embedding, targets.products)["recall@1"]
    return {name: score for name, score in scores.items() if not np.isnan(score)}
