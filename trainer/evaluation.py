"""What a model is worth: every metric of `trainer.metrics` over one split, as flat named figures.

Names read `source/task/metric`; `source` is a table's name or `all`. Every share has its count beside it
(`…/n`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.calibration import said_and_right
from trainer.dataset import Dataset, Targets
from trainer.metrics import (
    expected_calibration_error,
    f1_scores,
    macro_f1,
    micro_f1,
    multilabel_f1,
    retrieval,
    top_k_accuracy,
)
from vision.answers import softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration

Rows = NDArray[np.int64]
Figures = dict[str, float]
JUDGEABLE = 10  # photos a class needs before its F1 says anything


def evaluate(outputs: RawOutputs, data: Dataset, rows: Rows, calibration: Calibration) -> Figures:
    """All figures of these rows (outputs are of these rows, in order), for every source and for all
    together."""
    targets, sources = data.targets.take(rows), data.sources[rows]
    figures: Figures = {}
    for name in ["all", *sorted(set(sources.tolist()))]:
        chosen = np.flatnonzero((sources == name) | (name == "all"))
        part = _take(outputs, chosen)
        found = category_figures(part, targets.take(chosen), calibration)
        found |= attribute_figures(part, targets.take(chosen), data.labels, calibration)
        found |= retrieval_figures(part, targets.take(chosen))
        figures |= {f"{name}/{key}": round(value, 4) for key, value in found.items() if not np.isnan(value)}
    return figures


def category_figures(outputs: RawOutputs, targets: Targets, calibration: Calibration) -> Figures:
    """Top-1, 3, 5, macro-F1 over photos of one known category, calibration error, coverage and precision
    unabstained."""
    allowed = targets.categories
    if not outputs.category_logits.shape[1] or not allowed.any():
        return {}
    probabilities = softmax(outputs.category_logits / calibration.temperature)
    confidence, right = said_and_right(probabilities, allowed)
    sure = confidence >= calibration.abstain_below
    truth, classes = only_answer(allowed), allowed.shape[1]
    counts = f1_scores(truth, probabilities.argmax(1), classes)[1]
    return {
        **{f"category/top{k}": top_k_accuracy(probabilities, allowed, k) for k in (1, 3, 5)},
        "category/macro_f1": macro_f1(truth, probabilities.argmax(1), classes),
        "category/ece": expected_calibration_error(confidence, right),
        "category/not_abstained": float(sure.mean()),
        "category/precision_not_abstained": float(right[sure].mean()) if sure.any() else float("nan"),
        "category/n": float(allowed.any(1).sum()),
        "category/classes": float((counts > 0).sum()),
        "category/classes_too_few": float(((counts > 0) & (counts < JUDGEABLE)).sum()),
    }


def attribute_figures(outputs: RawOutputs, targets: Targets, labels: LabelSpace, calibration: Calibration) -> Figures:
    """Micro- and macro-F1 of each group, and how often it speaks, and rightly, above its threshold."""
    figures: Figures = {}
    if not outputs.attribute_logits.shape[1]:
        return figures
    for group, at in labels.columns():
        truth = targets.attributes[:, at]
        if truth.any():
            found = _group_figures(group, outputs.attribute_logits[:, at], truth, calibration)
            figures |= {f"{group.name}/{key}": value for key, value in found.items()}
    return figures


def retrieval_figures(outputs: RawOutputs, targets: Targets) -> Figures:
    """Photos of one product find each other among the photos of the split (leave-one-out)."""
    if not outputs.embedding.shape[1]:
        return {}
    found = retrieval(outputs.embedding, targets.products)
    return {f"retrieval/{name}": value for name, value in found.items()} if found["queries"] else {}


def only_answer(allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N,) the one allowed class; -1 where there is none or several: a set cannot be counted for one
    class's F1."""
    return np.where(allowed.sum(1) == 1, allowed.argmax(1), -1)


def _group_figures(
    group: AttributeGroup, logits: NDArray[np.float32], truth: NDArray[np.bool_], calibration: Calibration
) -> Figures:
    at_least = calibration.group_thresholds.get(group.name, 0.5)
    if not group.exclusive:
        labelled = truth.any(1)
        micro, macro = multilabel_f1(truth[labelled], 1 / (1 + np.exp(-logits[labelled])) >= at_least)
        return {"micro_f1": micro, "macro_f1": macro, "n": float(labelled.sum())}
    probabilities = softmax(logits / calibration.group_temperatures.get(group.name, 1.0))
    confidence, right = said_and_right(probabilities, truth)
    answers, said = only_answer(truth), confidence >= at_least
    return {
        "micro_f1": micro_f1(answers, probabilities.argmax(1)),
        "macro_f1": macro_f1(answers, probabilities.argmax(1), truth.shape[1]),
        "ece": expected_calibration_error(confidence, right),
        "said": float(said.mean()),
        "precision_said": float(right[said].mean()) if said.any() else float("nan"),
        "n": float((answers >= 0).sum()),
    }


def _take(outputs: RawOutputs, rows: Rows) -> RawOutputs:
    return RawOutputs(
        category_logits=outputs.category_logits[rows],
        attribute_logits=outputs.attribute_logits[rows],
        embedding=outputs.embedding[rows],
    )
