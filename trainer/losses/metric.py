"""Losses of the embedding: photos of one product together, of others apart. Mining and formulas are
pytorch-metric-learning's; what a product is, and which photos meet in a batch, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import MultiSimilarityLoss, ProxyAnchorLoss, SupConLoss, TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, MultiSimilarityMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.errors import RecipeError


class MetricLoss(nn.Module):
    """A loss with its miner, for batches in which some photos have no product.

    fewest: with fewer photos of known products there is nothing to compare. Always computed in float32: in bfloat16
    two cosines near 1 differ by no less than 0.004. Parameters (proxies) are learnt with the network's.
    """

    def __init__(self, loss: nn.Module, miner: nn.Module | None = None, *, fewest: int = 2) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner
        self.fewest = fewest

    def forward(self, embedding: Tensor, products: Tensor) -> Tensor:
        """A scalar. embedding (N, D) of length one; products (N,) int64, -1 left out.

        0, but still of the graph, where there is nothing to compare.
        """
        known = products >= 0
        if int(known.sum()) < self.fewest:
            return self._nothing(embedding)
        with torch.autocast(embedding.device.type, enabled=False):
            places, names = embedding[known].float(), products[known]
            mined = None if self.miner is None else self.miner(places, names)
            loss: Tensor = self.loss(places, names, mined)
        return loss

    def _nothing(self, embedding: Tensor) -> Tensor:
        return torch.stack([value.sum() * 0 for value in (embedding, *self.parameters())]).sum()


def metric_loss(name: str, *, products: int, embedding_dim: int, margin: float = 0.1) -> MetricLoss:
    """A fresh loss of METRIC_LOSSES. Raises RecipeError for another name.

    products: how many there are; proxies need products named 0 to products - 1 (see product_numbers). margin: by which
    a triplet's other product must be farther (distance of unit vectors), or a cosine from the proxies' border.

    triplet-batch-hard: farthest mate, nearest other (Hermans et al. 2017).
    triplet-semi-hard: all pairs of mates with others that are farther, but not by the margin (Schroff et al. 2015);
        holds N x N x N booleans, so keep it to batches of some hundreds.
    multi-similarity: pairs mined and weighed by their similarity to others (Wang et al. 2019).
    proxy-anchor: a learnt point for each product (Kim et al. 2020).
    supcon: softmax over all others in the batch, temperature 0.1 (Khosla et al. 2020).
    """
    if name not in _MAKERS:
        raise RecipeError(f"metric_loss {name!r} is none of {', '.join(METRIC_LOSSES)}.")
    return _MAKERS[name](products, embedding_dim, margin)


def product_numbers(products: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Products named 0, 1, 2 … in order, as proxies need them, and how many; -1 stays. products (N,)."""
    names, numbers = np.unique(products, return_inverse=True)
    unknown = int((names < 0).sum())
    return np.maximum(numbers - unknown, -1).astype(np.int64), len(names) - unknown


def geometry_loss(embedding: Tensor, reference: Tensor) -> Tensor:
    """Mean squared difference of all pairwise cosines (similarity-preserving distillation, Tung and Mori
    2019).

    Keeps in the embedding what product identity alone would teach it to forget, colour first of all: one cut
    in two colours is one product. embedding (N, D) of length one; reference (N, F), of any length.
    """
    reference = F.normalize(reference, dim=1)
    return F.mse_loss(embedding @ embedding.T, reference @ reference.T)


def _batch_hard(_products: int, _dim: int, margin: float) -> MetricLoss:
    # The paper's mean is over all anchors; the library's default leaves out those that are satisfied already.
    return MetricLoss(TripletMarginLoss(margin=margin, reducer=MeanReducer()), BatchHardMiner())


def _semi_hard(_products: int, _dim: int, margin: float) -> MetricLoss:
    return MetricLoss(TripletMarginLoss(margin=margin), TripletMarginMiner(margin=margin, type_of_triplets="semihard"))


def _multi_similarity(_products: int, _dim: int, _margin: float) -> MetricLoss:
    # The authors' code: 2, 40, 0.5 and 0.1.
    return MetricLoss(MultiSimilarityLoss(alpha=2, beta=40, base=0.5), MultiSimilarityMiner(epsilon=0.1))


def _proxy_anchor(products: int, dim: int, margin: float) -> MetricLoss:
    return MetricLoss(ProxyAnchorLoss(products, dim, margin=margin, alpha=32), fewest=1)


def _supcon(_products: int, _dim: int, _margin: float) -> MetricLoss:
    return MetricLoss(SupConLoss(temperature=0.1))


_MAKERS: MappingProxyType[str, Callable[[int, int, float], MetricLoss]] = MappingProxyType(
    {
        "triplet-batch-hard": _batch_hard,
        "triplet-semi-hard": _semi_hard,
        "multi-similarity": _multi_similarity,
        "proxy-anchor": _proxy_anchor,
        "supcon": _supcon,
    }
)
METRIC_LOSSES = tuple(_MAKERS)
