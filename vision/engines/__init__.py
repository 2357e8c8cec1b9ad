"""How a network is run: one small protocol, one module an engine. Importing this package loads no runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class OverlappingEngine(Engine, Protocol):
    """One that works on a batch while its caller prepares the next, and reads the one before."""

    def begin(self, pixels: NDArray[np.uint8]) -> Callable[[], RawOutputs]:
        """Sends at most `batch_size` photos, (N, S, S, 3) uint8, on their way; what is answered waits for the outputs.

        A second batch may be begun before the first is waited for, a third not. Errors of the first may come with the
        second.
        """
