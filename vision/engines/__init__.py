"""How a network is run: one small protocol, one module an engine. Importing this package loads no runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RawOutputs:
    """What a network answers for N photos: float32 arrays; a head the model lacks has zero columns.

    category_logits (N, C), attribute_logits (N, A), embedding (N, D) of length one.
    """

    category_logits: NDArray[np.float32]
    attribute_logits: NDArray[np.float32]
    embedding: NDArray[np.float32]


class Engine(Protocol):
    """Runs one network. Not thread-safe: one caller at a time."""

    @property
    def name(self) -> str:
        """Runtime, device and precision, as `onnx-cpu-fp32`."""

    @property
    def batch_size(self) -> int:
        """How many photos it likes to be given at once."""

    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """(N, S, S, 3) uint8 RGB to raw outputs."""

    def close(self) -> None:
        """Gives memory and threads back."""
