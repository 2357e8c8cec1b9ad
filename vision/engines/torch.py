"""Torch on CPU or CUDA. On CUDA: channels-last, bfloat16 where the GPU has it, else float16, as captured graphs."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray

from vision.artifact import Artifact
from vision.engines import Engine, RawOutputs
from vision.engines.cuda import Cuda, CudaEngine
from vision.errors import EngineError
from vision.network import Normalised, load_network

logger = logging.getLogger(__name__)

CUDA_BATCH = 256
CPU_BATCH = 16


def open_torch(artifact: Artifact, *, threads: int | None = None) -> Engine:
    """On a GPU captured graphs; where these cannot be had, and on CPU, the network run eagerly."""
    if torch.cuda.is_available():
        try:
            return CudaEngine(
                _network(artifact),
                side_px=artifact.manifest.pixels.size_px,
                widths=artifact.outputs,
                dtype=_half(),
                gpu=Cuda(),
            )
        except (EngineError, RuntimeError) as fault:  # torch's errors of CUDA are RuntimeErrors
            logger.warning("model %s runs eagerly, as it was not captured: %s", artifact.manifest.version, fault)
    return TorchEngine(artifact, threads=threads)


class TorchEngine:
    """The network of an artifact, run eagerly."""

    def __init__(self, artifact: Artifact, *, device: str | None = None, threads: int | None = None) -> None:
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        on_gpu = self._device.type == "cuda"
        self._dtype = _half() if on_gpu else torch.float32
        self.batch_size = CUDA_BATCH if on_gpu else CPU_BATCH
        self.name = f"torch-{self._device.type}-{str(self._dtype).removeprefix('torch.')}"
        if threads is not None and not on_gpu:
            torch.set_num_threads(threads)
        self._network: Normalised | None = _network(artifact).to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """(N, S, S, 3) uint8 to float32 outputs."""
        assert self._network is not None, "the engine is closed"
        batch = torch.from_numpy(np.ascontiguousarray(pixels))
        if self._device.type == "cuda":
            batch = batch.pin_memory().to(self._device, non_blocking=True)
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not torch.float32):
            outputs = self._network(batch)
        return RawOutputs(**{name: _array(value) for name, value in outputs._asdict().items()})

    def close(self) -> None:
        """Frees the network and the GPU memory it held."""
        self._network = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _network(artifact: Artifact) -> Normalised:
    return Normalised(load_network(artifact), artifact.manifest.pixels).eval()


def _half() -> torch.dtype:
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _array(value: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = value.float().cpu().numpy()
    return array
