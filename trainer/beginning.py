"""How fresh heads begin: features standardised, and the projection as principal components, both from train photos."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.draws import Rows, plain_draws
from trainer.errors import SourceError
from trainer.learner import Learner, to_device
from trainer.views import Feed
from vision.network import Halfway

CHUNK = 256


@torch.no_grad()
def begin_heads(learner: Learner, feed: Feed, train: Rows, device: torch.device) -> None:
    """Sets standardisation and projection of a network whose heads have learned nothing yet.

    The projection starts from the backbone's last features alone: product identity is best seen there.
    """
    heads, last = learner.network.heads, learner.network.backbone.last_width
    found = _features(learner, feed, train, device)
    if not sum(map(len, found)):
        raise SourceError("no train photo can be read; `python -m trainer inspect` lists why.")
    features = torch.cat(found)
    variance, mean = torch.var_mean(features.double(), dim=0, correction=0)
    heads.standardise.get_buffer("running_mean").copy_(mean)
    heads.standardise.get_buffer("running_var").copy_(variance.clamp_min(1e-6))
    if heads.projection is None:
        return
    standard = heads.standardise.eval()(features.to(device))[:, :last]
    width = min(heads.projection.out_features, *standard.shape)
    _, _, components = torch.pca_lowrank(standard.cpu(), q=width, center=False, niter=3)
    heads.projection.weight.zero_()
    heads.projection.weight[:width, :last] = components.T
    heads.projection.bias.zero_()


def _features(learner: Learner, feed: Feed, train: Rows, device: torch.device) -> list[Tensor]:
    learner.eval()
    found = []
    for inputs, good in feed.batches(plain_draws(train, CHUNK)):
        at = to_device(inputs, device)
        halfway = at if isinstance(at, Halfway) else learner.halfway(at)
        features = learner.network.pooled(Halfway(*(part.float() for part in halfway)), learner.cut)
        found.append(features[torch.from_numpy(good).to(device)].cpu())
    return found
