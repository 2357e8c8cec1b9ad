"""Losses of categories and attributes as pure functions of logits and partial labels, and the weights of rare ones.

Each gives the mean over what is labelled, and 0 (still of the graph) where nothing is. How tasks are weighed against
each other stands elsewhere.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

FreeKind = Literal["bce", "asymmetric"]

# Ridnik et al. 2021, section 4.1: easy negatives fade, positives do not, and below 0.05 a negative is let go.
GAMMA_NEGATIVE = 4.0
GAMMA_POSITIVE = 0.0
CLIP = 0.05


def partial_loss(logits: Tensor, allowed: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
    """Softmax cross-entropy with partial labels: -log of the probability of all allowed classes together.

    For the category, and for each exclusive attribute group. logits (N, C). allowed (N, C) bool: one True is
    an ordinary label, several mean "one of these" (a shop that says only "shoes"), none means unlabelled.
    With one True each and no weights this is PyTorch's cross_entropy, label smoothing included (Szegedy et
    al. 2016); with several it is the partial-label likelihood of Jin and Ghahramani (2002).
    weights (C,): a photo weighs the mean weight of its allowed classes, divided by the sum of weights.
    """
    labelled = allowed.any(1)
    if not labelled.any():
        return logits.sum() * 0
    logits, allowed = logits[labelled], allowed[labelled]
    log_probability = logits.log_softmax(1)
    hit = -torch.logsumexp(log_probability.masked_fill(~allowed, float("-inf")), 1)
    spread = -log_probability.mean(1)
    each = (1 - smoothing) * hit + smoothing * spread
    share = torch.ones_like(each) if weights is None else _mean_weight(allowed, weights)
    return (each * share).sum() / share.sum()


def free_loss(
    logits: Tensor,
    truth: Tensor,
    known: Tensor,
    *,
    positive_weights: Tensor | None = None,
    kind: FreeKind = "bce",
) -> Tensor:
    """Loss of a free group: each value says yes or no for itself. logits, truth, known (N, V), the last two bool.

    "bce": binary cross-entropy. "asymmetric": the asymmetric loss of Ridnik et al. (2021), for groups where nearly
    every value is absent from nearly every photo. The mean is over the known values (the paper sums over all).
    positive_weights (V,): how much more a value that holds weighs than one that does not.
    """
    if not known.any():
        return logits.sum() * 0
    logits, holds = logits[known], truth[known]
    weights = torch.ones_like(logits) if positive_weights is None else positive_weights.expand_as(known)[known]
    positive, negative = _asymmetric(logits) if kind == "asymmetric" else _cross_entropy(logits)
    return torch.where(holds, weights * positive, negative).mean()


def positive_weights(truth: NDArray[np.bool_], known: NDArray[np.bool_], *, cap: float = 10.0) -> Tensor:
    """sqrt(absent / present) of each value over the photos where it is known, within [1 / cap, cap]; (V,) float32.

    The plain ratio would make a value of one photo in a thousand weigh 1,000: a single wrong label then outshouts
    a batch, and every sigmoid is off by that factor. The root halves it on the log scale and the cap ends it at one
    photo in a hundred. 1 where nothing is known. truth, known (N, V).
    """
    present = (truth & known).sum(0)
    absent = (~truth & known).sum(0)
    ratio = np.sqrt(absent / np.maximum(present, 1)).clip(1 / cap, cap)
    return torch.from_numpy(np.where(known.any(0), ratio, 1.0).astype(np.float32))


def class_weights(categories: NDArray[np.bool_], power: float) -> Tensor:
    """1 / count ** power, scaled to a mean of one; (C,) float32. A photo of k allowed categories counts 1/k for
    each."""
    shares = categories / np.maximum(categories.sum(1, keepdims=True), 1)
    weights = 1 / np.maximum(shares.sum(0), 1.0) ** power
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def _cross_entropy(logits: Tensor) -> tuple[Tensor, Tensor]:
    return -F.logsigmoid(logits), -F.logsigmoid(-logits)


def _asymmetric(logits: Tensor) -> tuple[Tensor, Tensor]:
    """What each logit costs where its value holds, and where it does not.

    timm has this loss too, but only summed over everything, so that weights and known values have no place in it.
    """
    probability = logits.sigmoid()
    shifted = (probability - CLIP).clamp_min(0)
    positive = -F.logsigmoid(logits) * (1 - probability) ** GAMMA_POSITIVE
    return positive, -torch.log1p(-shifted) * shifted**GAMMA_NEGATIVE


def _mean_weight(allowed: Tensor, weights: Tensor) -> Tensor:
    return (allowed * weights).sum(1) / allowed.sum(1)
