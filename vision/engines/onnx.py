"""ONNX Runtime on CPU: the default engine where there is no GPU. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from vision.engines import RawOutputs
from vision.errors import DamagedFileError, WrongShapeError

INPUT = "pixels"
OUTPUTS = ("category_logits", "attribute_logits", "embedding")
BATCH_SIZE = 16  # on a CPU larger batches only cost memory


class OnnxEngine:
    """One ONNX graph on CPU; a head that the graph lacks answers with zero columns."""

    def __init__(self, path: Path, *, threads: int | None = None, precision: str = "fp32") -> None:
        self.name = f"onnx-cpu-{precision}"
        self.batch_size = BATCH_SIZE
        self._session: Any = _session(path, threads)
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, pixels: NDArray[np.uint8]) -> RawOutputs:
        """(N, S, S, 3) uint8 to float32 outputs. Raises WrongShapeError where the graph takes other pixels."""
        try:
            answers = self._session.run(self._outputs, {INPUT: pixels})
        except (InvalidArgument, ValueError) as fault:
            raise WrongShapeError(f"The graph does not take pixels of shape {pixels.shape}: {fault}") from fault
        found = dict(zip(self._outputs, answers, strict=True))
        absent = np.empty((len(pixels), 0), dtype=np.float32)
        return RawOutputs(**{name: found.get(name, absent) for name in OUTPUTS})

    def close(self) -> None:
        """Frees the session; the engine cannot run afterwards."""
        self._session = None


def _session(path: Path, threads: int | None) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    # Idle inference threads would spin on the cores that decode the next photos.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not sums_exactly():
        options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # ONNX Runtime's exceptions share no class below Exception
        raise DamagedFileError(f"ONNX Runtime cannot open {path}: {fault}") from fault


def sums_exactly(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor adds up products of eight bits in thirty-two (VNNI, or any that is not an x86).

    Others add two of them in sixteen, which overflows; asked to, ONNX Runtime takes a slower way that does not.
    """
    try:
        flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), None)
    except OSError:  # not Linux
        return False
    return flags is None or not {"avx512_vnni", "avx_vnni"}.isdisjoint(flags.split())
