"""Torch on a GPU: the network as captured graphs, one for each of a few batch sizes, with copies beside its work.

A captured graph launches all kernels of a batch at once, which for a small network takes longer one by one than the
GPU needs for them. It has one shape: a batch is run by the smallest graph that it fits into, the rest of which repeats
older photos. Two batches may be under way, so that one is copied, and read, while the other is computed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision.engines import RawOutputs
from vision.errors import EngineError

SIZES = (1, 8, 32, 128, 256)
UNDER_WAY = 2
WARM_UP = 3
# Kernels of a graph may be other ones than of a call, and half precision rounds: not what a wrong capture gives.
FURTHEST = 0.05


class Gpu(Protocol):
    """What is asked of a device: streams, events, pinned memory and captured graphs."""

    @property
    def device(self) -> torch.device: ...

    def stream(self) -> Any: ...

    def on(self, stream: Any) -> AbstractContextManager[Any]: ...

    def event(self) -> Any: ...

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor: ...

    def half_precision(self, dtype: torch.dtype) -> AbstractContextManager[Any]: ...

    def captured(self, step: Callable[[], None], stream: Any) -> Callable[[], None]: ...

    def let_go(self) -> None: ...


class Cuda:
    """The current CUDA device."""

    def __init__(self) -> None:
        self.device = torch.device("cuda", torch.cuda.current_device())
        self._pool = torch.cuda.graph_pool_handle()  # graphs run one after the other, so they share their memory

    def stream(self) -> torch.cuda.Stream:
        """A new one, behind what the caller's own has been given."""
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        return stream

    def on(self, stream: torch.cuda.Stream) -> AbstractContextManager[Any]:
        return torch.cuda.stream(stream)

    def event(self) -> torch.cuda.Event:
        """One that a thread sleeps for: the cores decode photos meanwhile."""
        return torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return torch.zeros(*shape, dtype=dtype, pin_memory=True)

    def half_precision(self, dtype: torch.dtype) -> AbstractContextManager[Any]:
        """Without autocast's cache of weights, whose memory a graph would use after it was freed."""
        return torch.autocast("cuda", dtype=dtype, cache_enabled=False)

    def captured(self, step: Callable[[], None], stream: torch.cuda.Stream) -> Callable[[], None]:
        """Runs `step` a few times, so that libraries choose their kernels, records it, and answers what replays it."""
        graph = torch.cuda.CUDAGraph()
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP):
                    step()
            stream.synchronize()
            # thread_local: another version's network may be at work in another thread.
            with torch.cuda.graph(graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"):
                step()
        return graph.replay

    def let_go(self) -> None:
        torch.cuda.empty_cache()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Graph:
    """A network recorded for one batch size: what it reads, what it writes, and how it is run."""

    pixels: Tensor
    outputs: Tensor
    replay: Callable[[], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Slot:
    """The memory of one batch under way: pixels on the host and on the GPU, outputs on the host."""

    pixels: Tensor
    staged: Tensor
    outputs: Tensor
    done: Any


class CudaEngine:
    """A network on a GPU, captured. `widths`: columns of category, attribute and embedding.

    Raises EngineError where no graph has memory, or one answers otherwise than the network itself.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        side_px: int,
        widths: tuple[int, int, int],
        dtype: torch.dtype,
        gpu: Gpu,
        sizes: Sequence[int] = SIZES,
    ) -> None:
        self.name = f"torch-cuda-{str(dtype).removeprefix('torch.')}-graphs"
        self._gpu, self._dtype, self._widths = gpu, dtype, widths
        self._network: nn.Module | None = network.to(gpu.device).to(memory_format=torch.channels_last)
        self._copying, self._computing = gpu.stream(), gpu.stream()
        self._graphs = self._capture(sizes, side_px)
        self.batch_size = max(self._graphs)
        self._slots = itertools.cycle([self._slot() for _ in range(UNDER_WAY)])

    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """(N, S, S, 3) uint8 to float32 outputs; not while a batch is under way."""
        starts = range(0, len(pixels), self.batch_size)
        return joined([self.begin(pixels[start : start + self.batch_size])() for start in starts])

    @torch.inference_mode()
    def begin(self, pixels: NDArray[np.uint8]) -> Callable[[], RawOutputs]:
        """Sends at most `batch_size` photos on their way; what is answered waits for their outputs.

        A second batch may be begun before the first is waited for, a third not.
        """
        count = len(pixels)
        graph = self._graphs[min(size for size in self._graphs if size >= count)]
        slot = next(self._slots)
        slot.pixels[:count].numpy()[:] = pixels
        with self._gpu.on(self._copying):
            slot.staged[:count].copy_(slot.pixels[:count], non_blocking=True)
        self._computing.wait_stream(self._copying)
        with self._gpu.on(self._computing):
            graph.pixels[:count].copy_(slot.staged[:count], non_blocking=True)
            graph.replay()
            slot.outputs[:count].copy_(graph.outputs[:count], non_blocking=True)
            slot.done.record()

        def outputs() -> RawOutputs:
            slot.done.synchronize()
            return self._named(slot.outputs[:count].numpy().copy())

        return outputs

    def close(self) -> None:
        """Frees the network, its graphs and the memory of both."""
        self._network = None
        self._graphs = {}
        self._slots = itertools.cycle(())
        self._gpu.let_go()

    @torch.inference_mode()
    def _capture(self, sizes: Sequence[int], side_px: int) -> dict[int, _Graph]:
        """A graph for each batch size that has memory, the largest first: smaller ones then fit into its memory."""
        noise = np.random.default_rng(0).integers(0, 256, (max(sizes), side_px, side_px, 3), dtype=np.uint8)
        graphs: dict[int, _Graph] = {}
        for size in sorted(sizes, reverse=True):
            try:
                with self._gpu.on(self._computing):
                    graphs[size] = self._captured(torch.from_numpy(noise[:size]).to(self._gpu.device))
            except torch.OutOfMemoryError as fault:
                if size == min(sizes) and not graphs:
                    raise EngineError(f"There is no memory for a batch of {size}: {fault}") from fault
                self._gpu.let_go()
        return graphs

    def _captured(self, pixels: Tensor) -> _Graph:
        """The network for as many photos as these, which the graph answers as the network does."""
        expected = self._forward(pixels)
        outputs = torch.zeros_like(expected)

        def step() -> None:
            outputs.copy_(self._forward(pixels))

        replay = self._gpu.captured(step, self._computing)
        outputs.zero_()
        replay()
        apart = float((outputs - expected).norm() / expected.norm())
        if not apart <= FURTHEST:
            raise EngineError(f"A graph of {len(pixels)} photos answers otherwise than its network, by {apart:.3f}.")
        return _Graph(pixels=pixels, outputs=outputs, replay=replay)

    def _forward(self, pixels: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 to all outputs beside each other, (N, C + A + D) float32."""
        assert self._network is not None, "the engine is closed"
        with self._gpu.half_precision(self._dtype):
            outputs = self._network(pixels)
        return torch.cat([value.float() for value in outputs], dim=1)

    def _named(self, outputs: NDArray[np.float32]) -> RawOutputs:
        categories, attributes, _ = self._widths
        category_logits, attribute_logits, embedding = np.split(outputs, [categories, categories + attributes], axis=1)
        return RawOutputs(category_logits=category_logits, attribute_logits=attribute_logits, embedding=embedding)

    def _slot(self) -> _Slot:
        graph = self._graphs[self.batch_size]
        return _Slot(
            pixels=self._gpu.pinned(graph.pixels.shape, torch.uint8),
            staged=torch.zeros_like(graph.pixels),
            outputs=self._gpu.pinned(graph.outputs.shape, torch.float32),
            done=self._gpu.event(),
        )


def joined(parts: Sequence[RawOutputs]) -> RawOutputs:
    """The outputs of batches, one after the other."""
    return RawOutputs(
        category_logits=np.concatenate([part.category_logits for part in parts]),
        attribute_logits=np.concatenate([part.attribute_logits for part in parts]),
        embedding=np.concatenate([part.embedding for part in parts]),
    )
