"""Where a run stands, on disk: written whole after every epoch, so that a killed run goes on as if it had not been.

A checkpoint belongs to one recipe and one set of photos; another is refused rather than mixed in.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from trainer.dataset import Dataset
from trainer.errors import CheckpointError
from trainer.recipe import Recipe

LAST = "last.pt"
State = dict[str, Any]


def identity(recipe: Recipe, data: Dataset) -> str:
    """Of everything that a resumed run must share with the one it goes on from."""
    digest = hashlib.sha256(repr((recipe, data.labels)).encode())
    targets = data.targets
    for part in (data.splits, data.sources, targets.categories, targets.attributes, targets.known, targets.products):
        digest.update(part.tobytes())
    return digest.hexdigest()[:16]


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder, self._identity = folder, identity

    def save(self, state: State, name: str = LAST) -> None:
        """Written beside the old one and then put in its place: a kill leaves the one or the other."""
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f"{name}.new"
        torch.save({**state, "identity": self._identity}, beside)
        os.replace(beside, self._folder / name)

    def load(self) -> State | None:
        """The last one; None where there is none. Raises CheckpointError for one that cannot be read, or of another
        recipe or other photos."""
        path = self._folder / LAST
        if not path.exists():
            return None
        try:
            state: State = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as fault:  # torch.load raises nearly anything on a damaged file
            raise CheckpointError(f"{path} cannot be read ({fault}); start anew with --fresh.") from fault
        if state.pop("identity", None) != self._identity:
            raise CheckpointError(
                f"{path} is of another recipe or other photos: go on with those, start anew with --fresh, "
                "or give another --out."
            )
        return state

    def clear(self) -> None:
        """Forgets the run."""
        for path in self._folder.glob("*.pt*"):
            path.unlink()
