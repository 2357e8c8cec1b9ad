"""From pixels to predictions: opens a model folder, picks the engine, checks the golden photo, reads the
answers.

Imports torch only where its engine is asked for, or where there is a GPU to run it on.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from vision.answers import Reader
from vision.artifact import Artifact, load_artifact
from vision.engines import Engine, OverlappingEngine
from vision.errors import EngineError
from vision.golden import check_golden
from vision.manifest import Manifest
from vision.prediction import Prediction
from vision.preprocess import Box, PixelRule, decode

EngineChoice = Literal["auto", "onnx", "onnx-int8", "torch"]
GPU_DEVICES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/nvmap")


class Predictor:
    """One model version, ready to run. `decode` may be called from many threads, `predict` from one."""

    def __init__(self, artifact: Artifact, engine: Engine) -> None:
        self._engine = engine
        self._reader = Reader(artifact.manifest)
        self.manifest: Manifest = artifact.manifest
        self.rule: PixelRule = artifact.manifest.pixels
        check_golden(artifact, engine)

    @classmethod
    def open(cls, path: Path, *, engine: EngineChoice = "auto", threads: int | None = None) -> Self:
        """The model in a folder, checked. auto: torch where there is a GPU, else ONNX Runtime.

        Raises an ArtifactError for a model that does not fit, EngineError for an engine that cannot run here.
        """
        artifact = load_artifact(path)
        return cls(artifact, open_engine(artifact, engine, threads))

    @property
    def engine_name(self) -> str:
        """Runtime, device and precision, as `onnx-cpu-fp32`."""
        return self._engine.name

    @property
    def batch_size(self) -> int:
        """How many photos the engine likes to be given at once."""
        return self._engine.batch_size

    def decode(self, data: bytes, box: Box | None = None) -> NDArray[np.uint8]:
        """The pixels this model wants of a photo or its part, (S, S, 3) uint8. Raises PhotoError. Thread-safe."""
        return decode(data, self.rule, box)

    def predict(self, pixels: NDArray[np.uint8]) -> list[Prediction]:
        """(N, S, S, 3) uint8 to N predictions."""
        return self._reader.read(self._engine.run(pixels)) if len(pixels) else []

    @property
    def overlaps(self) -> bool:
        """Whether the engine works beside its caller, and `begin` may be called."""
        return isinstance(self._engine, OverlappingEngine)

    def begin(self, pixels: NDArray[np.uint8]) -> Callable[[], list[Prediction]]:
        """Starts on one to `batch_size` photos; what is answered waits for their predictions.

        A second batch may be begun before the first is waited for, a third not.
        """
        assert isinstance(self._engine, OverlappingEngine), f"{self._engine.name} works while its caller waits"
        outputs = self._engine.begin(pixels)
        return lambda: self._reader.read(outputs())

    def close(self) -> None:
        """Gives the engine's memory and threads back."""
        self._engine.close()


def open_engine(artifact: Artifact, choice: EngineChoice, threads: int | None) -> Engine:
    """The engine of that name for a model."""
    if choice == "torch" or (choice == "auto" and gpu_is_there()):
        return _torch_engine(artifact, threads)
    from vision.engines.onnx import OnnxEngine

    if choice != "onnx-int8":
        return OnnxEngine(artifact.onnx, threads=threads)
    if artifact.onnx_int8 is None:
        raise EngineError(f"Model {artifact.manifest.version} has no int8 graph; use onnx, or quantise it.")
    return OnnxEngine(artifact.onnx_int8, threads=threads, precision="int8")


def gpu_is_there() -> bool:
    """Whether torch can run on CUDA; it is imported only where it is installed and a GPU's device file
    exists."""
    if importlib.util.find_spec("torch") is None or not any(Path(device).exists() for device in GPU_DEVICES):
        return False
    torch = importlib.import_module("torch")
    return bool(torch.cuda.is_available())


def _torch_engine(artifact: Artifact, threads: int | None) -> Engine:
    if importlib.util.find_spec("torch") is None:
        raise EngineError("torch is not installed: install modiste[train], or use the onnx engine.")
    from vision.engines.torch import open_torch

    return open_torch(artifact, threads=threads)
