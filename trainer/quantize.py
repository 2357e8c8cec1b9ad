"""Static eight-bit quantisation of a model's graph, calibrated on photos, and what it costs.

QDQ form, weights per output channel, activations per tensor. ResNets lose almost nothing; MobileNet-like
networks (EfficientNet-Lite too) lose more, because their depthwise layers have channels of very different
ranges: measure.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from trainer.export import write_manifest
from vision.artifact import ONNX_INT8, load_artifact
from vision.engines.onnx import INPUT, OnnxEngine
from vision.errors import GoldenMismatchError
from vision.golden import check_golden
from vision.manifest import Manifest

Method = Literal["minmax", "entropy", "percentile"]
METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
BATCH_SIZE = 16
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How the quantised graph answers the same photos: share with the same best category, mean cosine of
    embeddings."""

    same_category: float
    cosine: float
    photos: int


def quantize(folder: Path, pixels: Sequence[Pixels], *, method: Method = "minmax") -> Manifest:
    """Adds `model.int8.onnx` to a model folder and names it in the manifest, which is given back.

    pixels: a few hundred photos as the model sees them, (S, S, 3) uint8 each. Raises GoldenMismatchError, and
    leaves the folder as it was, where the quantised graph no longer answers the golden photo.
    """
    artifact = load_artifact(folder)
    target = folder / ONNX_INT8
    with tempfile.TemporaryDirectory() as work:
        prepared, made = Path(work) / "prepared.onnx", Path(work) / ONNX_INT8
        _quietly(lambda: quant_pre_process(str(artifact.onnx), str(prepared), skip_symbolic_shape=True))
        _quietly(lambda: _quantize(prepared, made, pixels, method))
        try:
            check_golden(artifact, OnnxEngine(made, precision="int8"))
        except GoldenMismatchError as fault:
            raise GoldenMismatchError(f"Quantised with {method}: {fault.detail}") from fault
        target.write_bytes(made.read_bytes())
    names = tuple(dict.fromkeys([*(entry.name for entry in artifact.manifest.files), ONNX_INT8]))
    return write_manifest(folder, replace(artifact.manifest, files=()), names)


def agreement(folder: Path, pixels: Sequence[Pixels]) -> Agreement:
    """The fp32 and the int8 graph of a model on the same photos."""
    artifact = load_artifact(folder)
    assert artifact.onnx_int8 is not None, "quantise the model first"
    exact, rounded = OnnxEngine(artifact.onnx), OnnxEngine(artifact.onnx_int8, precision="int8")
    same: list[bool] = []
    cosines: list[float] = []
    for batch in _batches(pixels):
        one, other = exact.run(batch), rounded.run(batch)
        if one.category_logits.shape[1]:
            same += list(one.category_logits.argmax(1) == other.category_logits.argmax(1))
        cosines += list((one.embedding * other.embedding).sum(1))
    return Agreement(
        same_category=float(np.mean(same)) if same else float("nan"),
        cosine=float(np.mean(cosines)),
        photos=len(pixels),
    )


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    """Hands the photos to ONNX Runtime's calibration in batches of one size: it stacks what it collects."""

    def __init__(self, pixels: Sequence[Pixels]) -> None:
        whole = len(pixels) // BATCH_SIZE * BATCH_SIZE
        self._batches = _batches(pixels[:whole]) if whole else _batches(pixels)

    def get_next(self) -> dict[str, Pixels] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _quantize(prepared: Path, made: Path, pixels: Sequence[Pixels], method: Method) -> None:
    quantize_static(
        str(prepared),
        str(made),
        _Photos(pixels),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=METHODS[method],
        op_types_to_quantize=["Conv", "MatMul", "Gemm", "Add", "GlobalAveragePool", "MaxPool"],
        nodes_to_exclude=_colour_layers(prepared),
        # Without VNNI, full-range int8 weights overflow the 16-bit sums of AVX2: one bit less, and right
        # everywhere.
        reduce_range=True,
    )


def _colour_layers(prepared: Path) -> list[str]:
    """Convolutions of the palette and layers of the heads: a thousandth of the work, most of the loss of
    precision."""
    import onnx

    nodes = onnx.load(str(prepared)).graph.node
    first_head = [node.name for node in nodes if node.op_type in {"Gemm", "MatMul"}]
    before_softmax = {name for node in nodes if node.op_type == "Softmax" for name in node.input}
    return first_head + [node.name for node in nodes if set(node.output) & before_softmax]


def _batches(pixels: Sequence[Pixels]) -> Iterator[NDArray[np.uint8]]:
    return (np.stack(pixels[start : start + BATCH_SIZE]) for start in range(0, len(pixels), BATCH_SIZE))


def _quietly(act: Callable[[], object]) -> None:
    """ONNX Runtime's quantiser logs advice on the root logger at warning level."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        act()
    finally:
        root.setLevel(before)
