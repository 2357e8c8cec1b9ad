"""Training in several processes under torchrun: who this process is, and outputs gathered from all.

Each process runs its share of every batch, gathers the outputs of the others with their gradients, and computes the
loss of the whole batch: metric losses see every negative, means are over all photos, and the step is the one that a
single process would take, but for the order of additions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather

from trainer.errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process among all."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """The one that writes and tells."""
        return self.rank == 0

    def gathered(self, mine: Tensor, count: int) -> Tensor:
        """(n/world, …) of each process to (count, …) of the whole batch, with gradient."""
        if self.world == 1:
            return mine[:count]
        # Every process computes the same loss, so what flows back here is summed `world` times; DDP's mean undoes it.
        shares = all_gather(mine.contiguous())  # type: ignore[no-untyped-call]
        return torch.cat(shares)[:count]  # only the last shares are filled up

    def agreed(self, value: float, device: torch.device) -> float:
        """The leader's value: a decision that all must take alike does not hang on a last bit."""
        if self.world == 1:
            return value
        told = torch.tensor([value], dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
        dist.broadcast(told, 0)
        return float(told)

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The group that torchrun's environment describes; alone where there is none."""
    if "WORLD_SIZE" not in os.environ:
        yield Group()
        return
    # The others wait while the first one runs the frozen sections over all photos.
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(days=1))
    try:
        yield Group(rank=dist.get_rank(), world=dist.get_world_size())
    finally:
        dist.destroy_process_group()


def pick_device(name: str) -> torch.device:
    """auto: CUDA, then Apple's GPU, then the CPU. Under torchrun each process has the GPU of its local rank. Raises
    RecipeError where there is no such device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise RecipeError("there is no CUDA device here; use --device cpu or auto.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise RecipeError("there is no Apple GPU here; use --device cpu or auto.")
    if name == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        return device
    return torch.device(name)
