"""How the losses of several tasks become one number: by fixed weights, or by weights that are learnt as well."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

LIMIT = 4.0  # of a log variance: a learnt factor stays within exp(-4) = 0.018 and exp(4) = 55


class TaskWeights(nn.Module):
    """Weighs tasks against each other: sum of w L, or learnt by homoscedastic uncertainty (Kendall et al. 2018).

    Learnt: sum of w (exp(-s) L + s), with one log variance s a task that starts at 0. (The paper writes s / 2 for
    classification; a constant factor of each term.) A task whose loss falls to L is led to weigh w / L, so the fixed
    weights still say which task matters how much. s keeps within LIMIT, so that none runs away.
    fixed: the weight of every task by name. Give the parameters no weight decay.
    """

    def __init__(self, fixed: Mapping[str, float], learned: bool) -> None:
        super().__init__()
        self.fixed = dict(fixed)
        self.log_variances = nn.Parameter(torch.zeros(len(self.fixed))) if learned else None

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The total of a batch's losses, a scalar. Tasks that the batch does not have are left out.

        A loss of exactly 0 had nothing to learn from: it must not teach s that the task is solved.
        """
        if self.log_variances is None:
            return torch.stack([self.fixed[name] * loss for name, loss in losses.items()]).sum()
        with (
            torch.no_grad()
        ):  # put back inside after the last step; a clamp in the graph would hold it outside for good
            self.log_variances.clamp_(-LIMIT, LIMIT)
        place = {name: at for at, name in enumerate(self.fixed)}
        terms = [self.fixed[name] * _uncertain(loss, self.log_variances[place[name]]) for name, loss in losses.items()]
        return torch.stack(terms).sum()

    def current(self) -> dict[str, float]:
        """What each task's loss is multiplied by now."""
        if self.log_variances is None:
            return dict(self.fixed)
        logs = self.log_variances.detach().clamp(-LIMIT, LIMIT).tolist()
        return {name: weight * math.exp(-log) for (name, weight), log in zip(self.fixed.items(), logs, strict=True)}


def _uncertain(loss: Tensor, log_variance: Tensor) -> Tensor:
    return torch.exp(-log_variance) * loss + log_variance * (loss.detach() != 0)
