"""Losses as pure functions of logits and partial labels: what is not labelled costs nothing and pulls
nowhere.

Each gives the mean over the photos that count, and 0 where none does.
"""

from __future__ import annotations

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss, TripletMarginLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner, TripletMarginMiner
from torch import Tensor
from torch.nn import functional as F


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


def free_loss(logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy of one free group, over the values that are known. logits, truth, known (N, V), the last
    two bool."""
    if not known.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[known], truth[known].to(logits.dtype))


def multi_similarity_loss(embedding: Tensor, products: Tensor) -> Tensor:
    """Multi-similarity loss with its own mining (Wang et al. 2019). embedding (N, D); products (N,), -1:
    left out."""
    embedding, products = _with_product(embedding, products)
    if len(products) < 2:
        return embedding.sum() * 0
    pairs = MultiSimilarityMiner(epsilon=0.1)(embedding, products)
    loss: Tensor = MultiSimilarityLoss(alpha=2, beta=40, base=0.5)(embedding, products, pairs)
    return loss


def triplet_loss(embedding: Tensor, products: Tensor, *, margin: float = 0.1) -> Tensor:
    """Triplet margin loss over semi-hard triplets (Schroff et al. 2015). products (N,), -1: left out."""
    embedding, products = _with_product(embedding, products)
    if len(products) < 2:
        return embedding.sum() * 0
    triplets = TripletMarginMiner(margin=margin, type_of_triplets="semihard")(embedding, products)
    loss: Tensor = TripletMarginLoss(margin=margin)(embedding, products, triplets)
    return loss


def geometry_loss(embedding: Tensor, reference: Tensor) -> Tensor:
    """Mean squared difference of all pairwise cosines (similarity-preserving distillation, Tung and Mori
    2019).

    Keeps in the embedding what product identity alone would teach it to forget, colour first of all: one cut
    in two colours is one product. embedding (N, D) of length one; reference (N, F), of any length.
    """
    reference = F.normalize(reference, dim=1)
    return F.mse_loss(embedding @ embedding.T, reference @ reference.T)


METRIC_LOSSES = {"multi-similarity": multi_similarity_loss, "triplet": triplet_loss}


def _mean_weight(allowed: Tensor, weights: Tensor) -> Tensor:
    return (allowed * weights).sum(1) / allowed.sum(1)


def _with_product(embedding: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
    known = products >= 0
    return embedding[known], products[known]
