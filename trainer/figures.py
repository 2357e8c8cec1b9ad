"""The figures of one task over some photos, by name: which protocol of `trainer.metrics` under which name.

Knows labels and calibration, not sources. `…/low` and `…/high` are the ends of a figure's 95 % bootstrap interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.bootstrap import Interval, bootstrap_mean, bootstrap_ratio
from trainer.calibration import said_and_right
from trainer.dataset import Targets
from trainer.metrics import (
    average_precisions,
    expected_calibration_error,
    f1_scores,
    find_mates,
    hamming_loss,
    label_ranking_precisions,
    macro_f1,
    multilabel_counts,
    multilabel_f1,
    places,
    top_k_accuracy,
    top_k_recall,
    within_top,
)
from trainer.metrics.neighbours import KS
from vision.answers import attribute_probabilities, attribute_thresholds, candidates, softmax
from vision.engines import RawOutputs
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration

Figures = dict[str, float]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
TOP = (3, 5)  # DeepFashion's k
JUDGEABLE = 10  # photos a class needs before its F1 says anything


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
        **with_interval("category/top1", bootstrap_mean(category_hits(outputs, targets))),
        **{f"category/top{k}": top_k_accuracy(probabilities, allowed, k) for k in (3, 5)},
        "category/macro_f1": macro_f1(truth, probabilities.argmax(1), classes),
        "category/ece": expected_calibration_error(confidence, right),
        "category/not_abstained": float(sure.mean()),
        "category/precision_not_abstained": float(right[sure].mean()) if sure.any() else float("nan"),
        "category/n": float(allowed.any(1).sum()),
        "category/classes": float((counts > 0).sum()),
        "category/classes_too_few": float(((counts > 0) & (counts < JUDGEABLE)).sum()),
    }


def attribute_figures(outputs: RawOutputs, targets: Targets, labels: LabelSpace, calibration: Calibration) -> Figures:
    """Figures of each group and, as `attributes/…`, of all groups together."""
    if not outputs.attribute_logits.shape[1] or not targets.known.any():
        return {}
    every = AttributeAnswers.of(outputs, targets, labels, calibration)
    figures: Figures = {}
    for group, at in labels.columns():
        if targets.attributes[:, at].any():
            figures |= {f"{group.name}/{key}": value for key, value in group_figures(group, every, at).items()}
    return figures | ({f"attributes/{key}": value for key, value in all_figures(every).items()} if figures else {})


def retrieval_figures(outputs: RawOutputs, targets: Targets, roles: NDArray[np.str_]) -> Figures:
    """Photos of one product find each other. roles (N,): a "query" only asks, a "gallery" photo is only searched,
    one without a role does both (leave-one-out)."""
    if not outputs.embedding.shape[1]:
        return {}
    found = find_mates(outputs.embedding, targets.products, queries=roles != "gallery", gallery=roles != "query")
    if not len(found.photos):
        return {}
    first = bootstrap_mean(found.first <= 1, clusters=targets.products[found.photos])
    return {
        **with_interval("retrieval/recall@1", first),
        **{f"retrieval/recall@{k}": float((found.first <= k).mean()) for k in KS[1:]},
        "retrieval/map@r": float(found.map_at_r.mean()),
        "retrieval/r_precision": float(found.r_precision.mean()),
        "retrieval/queries": float(len(found.photos)),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class AttributeAnswers:
    """All (N, A): calibrated probabilities; truth; known, less exclusive groups with several allowed values, of
    which nobody knows the right one; answer, what would be said if something had to be; said, whether it is sure
    enough; top, by k: the photo's k highest scored values."""

    probabilities: Floats
    truth: Bools
    known: Bools
    answer: Bools
    said: Bools
    top: Mapping[int, Bools]

    @classmethod
    def of(
        cls, outputs: RawOutputs, targets: Targets, labels: LabelSpace, calibration: Calibration
    ) -> AttributeAnswers:
        """Reads outputs as a worker does, but for the category's say in which groups apply."""
        probabilities = attribute_probabilities(outputs.attribute_logits, labels, calibration)
        best, known = candidates(probabilities, labels), targets.known.copy()
        said = best & (probabilities >= attribute_thresholds(labels, calibration))
        answer = said.copy()
        for group, at in labels.columns():
            if group.exclusive:
                known[:, at] &= (targets.attributes[:, at].sum(1) == 1)[:, np.newaxis]
                answer[:, at] = best[:, at]
        top = {k: within_top(probabilities, known, k) for k in TOP}
        return cls(
            probabilities=probabilities, truth=targets.attributes, known=known, answer=answer, said=said, top=top
        )


def group_figures(group: AttributeGroup, every: AttributeAnswers, at: slice) -> Figures:
    """`said`, `precision_said`: of an exclusive group how often it speaks above its thresholds, and how often rightly;
    of a free one how many of the true values are said, and how many of those said are true."""
    scores, truth, known = every.probabilities[:, at], every.truth[:, at], every.known[:, at]
    ranked = {
        "map": mean_of(average_precisions(scores, truth, known)),
        "hamming": hamming_loss(truth, every.answer[:, at], known),
    }
    own = _exclusive(scores, truth, every.said[:, at]) if group.exclusive else _free(scores, truth, every, at)
    return own | ranked


def all_figures(every: AttributeAnswers) -> Figures:
    """Over all values of all groups, pooled for micro and averaged over values for macro."""
    micro, macro = multilabel_f1(every.truth, every.answer, every.known)
    return {
        "micro_f1": micro,
        "macro_f1": macro,
        "map": mean_of(average_precisions(every.probabilities, every.truth, every.known)),
        "hamming": hamming_loss(every.truth, every.answer, every.known),
        **{f"top{k}_recall": top_k_recall(top, every.truth, every.known) for k, top in every.top.items()},
        "n": float((every.truth & every.known).sum()),
    }


def category_hits(outputs: RawOutputs, targets: Targets) -> Doubles:
    """(N,) 1 where the best category is allowed, 0 where not, nan where nothing is labelled."""
    hits = places(outputs.category_logits, targets.categories) == 0
    return np.where(targets.categories.any(1), hits, np.nan)


def group_hits(logits: Floats, truth: Bools) -> Doubles:
    """(N,) the same of an exclusive group, over photos of one known value: their mean is its micro-F1."""
    answers = only_answer(truth)
    return np.where(answers >= 0, logits.argmax(1) == answers, np.nan)


def free_rankings(logits: Floats, truth: Bools, known: Bools) -> Doubles:
    """(N,) label ranking average precision of a free group: no threshold has a say in it."""
    return label_ranking_precisions(logits, truth, known)


def only_answer(allowed: Bools) -> NDArray[np.int64]:
    """(N,) the one allowed class; -1 where there is none or several: a set cannot be counted for one
    class's F1."""
    return np.where(allowed.sum(1) == 1, allowed.argmax(1), -1)


def with_interval(name: str, found: Interval) -> Figures:
    """A figure and the ends of its interval."""
    return {name: found.value, f"{name}/low": found.low, f"{name}/high": found.high}


def mean_of(values: Doubles) -> float:
    """Mean of what is not nan; nan where all is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _exclusive(scores: Floats, truth: Bools, said: Bools) -> Figures:
    confidence, right = said_and_right(scores, truth)
    sure = said[truth.any(1)].any(1)
    answers = only_answer(truth)
    return {
        **with_interval("micro_f1", bootstrap_mean(group_hits(scores, truth))),
        "macro_f1": macro_f1(answers, scores.argmax(1), truth.shape[1]),
        "ece": expected_calibration_error(confidence, right),
        "said": float(sure.mean()),
        "precision_said": float(right[sure].mean()) if sure.any() else float("nan"),
        "n": float((answers >= 0).sum()),
    }


def _free(scores: Floats, truth: Bools, every: AttributeAnswers, at: slice) -> Figures:
    known, said = every.known[:, at], every.said[:, at]
    right, true, claimed = multilabel_counts(truth, said, known, axis=1)
    return {
        **with_interval("micro_f1", bootstrap_ratio(2 * right, true + claimed)),
        "macro_f1": multilabel_f1(truth, said, known)[1],
        **{f"top{k}_recall": top_k_recall(top, every.truth, every.known, counted=at) for k, top in every.top.items()},
        "lrap": mean_of(free_rankings(scores, truth, known)),
        "ece": expected_calibration_error(scores[known], truth[known]),
        "said": float(right.sum() / true.sum()) if true.any() else float("nan"),
        "precision_said": float(right.sum() / claimed.sum()) if claimed.any() else float("nan"),
        "n": float(known.any(1).sum()),
    }
