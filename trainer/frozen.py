"""The frozen sections of a network, run as quickly as the machine can: once a view, but for every photo."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.export import export_graph
from vision.network import MultitaskNetwork, Normalised
from vision.preprocess import PixelRule

WORTH_EXPORTING = (
    1500  # views: on a CPU ONNX Runtime is about three times as fast as torch, but exporting takes seconds
)
INPUT = "pixels"

Run = Callable[[NDArray[np.uint8]], NDArray[np.float16]]


class FrozenPart(nn.Module):
    """(N, S, S, 3) uint8 to the cut before section `until`, flat: (N, map + taps + colours)."""

    def __init__(self, network: MultitaskNetwork, rule: PixelRule, until: int) -> None:
        super().__init__()
        self._normalised = Normalised(network, rule)
        self._network, self._until = network, until

    def forward(self, pixels: Tensor) -> Tensor:
        """As above, float32."""
        at = self._network.halfway(self._normalised.normalise(pixels), self._until)
        return torch.cat([part.flatten(1) for part in at], dim=1)


def frozen_part(network: MultitaskNetwork, rule: PixelRule, until: int, device: torch.device, *, photos: int) -> Run:
    """A function from pixels to rows of a cache; by ONNX Runtime where that is quicker for so many photos."""
    part = FrozenPart(network, rule, until).eval().to(device)
    if device.type == "cpu" and photos >= WORTH_EXPORTING:
        return _exported(part, rule)
    part.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        rows: NDArray[np.float16] = part(torch.from_numpy(pixels).to(device)).half().cpu().numpy()
        return rows

    return run


def _exported(part: FrozenPart, rule: PixelRule) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frozen.onnx"
        export_graph(part, rule, path, inputs=INPUT, outputs=("rows",))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoders want the cores
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        rows: NDArray[np.float16] = session.run(None, {INPUT: pixels})[0].astype(np.float16)
        return rows

    return run
