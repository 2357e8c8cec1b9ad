"""Metrics as pure functions of arrays, each by a named and cited protocol. What is not labelled is not
counted.

Nothing here knows sources, splits or models; intervals stand in `trainer.bootstrap`, names of figures in
`trainer.figures`.
"""

from trainer.metrics.attributes import (
    average_precisions,
    hamming_loss,
    label_ranking_precisions,
    multilabel_counts,
    multilabel_f1,
    top_k_recall,
    within_top,
)
from trainer.metrics.categories import (
    ClassTable,
    class_table,
    confusion_matrix,
    f1_scores,
    macro_f1,
    micro_f1,
    places,
    top_k_accuracy,
)
from trainer.metrics.neighbours import Found, find_mates, retrieval
from trainer.metrics.reliability import Bin, expected_calibration_error, reliability_table, wilson_interval

__all__ = [
    "Bin",
    "ClassTable",
    "Found",
    "average_precisions",
    "class_table",
    "confusion_matrix",
    "expected_calibration_error",
    "f1_scores",
    "find_mates",
    "hamming_loss",
    "label_ranking_precisions",
    "macro_f1",
    "micro_f1",
    "multilabel_counts",
    "multilabel_f1",
    "places",
    "reliability_table",
    "retrieval",
    "top_k_accuracy",
    "top_k_recall",
    "wilson_interval",
    "within_top",
]
