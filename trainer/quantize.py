"""Static eight-bit quantisation of a model's graph, calibrated on photos. What it costs, `trainer.rounding` says.

QDQ form, weights per output channel, activations per tensor. ReLU and ReLU6 are quantised with the convolution before
them: a scale for what comes before the clipping is spent on numbers that are cut off (of EfficientNet-Lite0 that alone
took 4 points of top-1). The first depthwise layer has channels of very different ranges, and what it loses nothing
behind it finds again: it, the stem and its projection stay in float32, at a tenth of the work.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

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


def quantize(
    folder: Path,
    pixels: Sequence[Pixels],
    *,
    method: Method = "minmax",
    gate: Callable[[Path], object] = lambda _: None,
) -> Manifest:
    """Adds `model.int8.onnx` to a model folder and names it in the manifest, which is given back.

    pixels: some hundred photos as the model sees them, (S, S, 3) uint8 each. gate: is given a copy of the folder with
    both graphs, and raises where the quantised one is not to be had. Raises what it raises, or GoldenMismatchError
    where the quantised graph no longer answers the golden photo; the folder is as it was then.
    """
    artifact = load_artifact(folder)
    with tempfile.TemporaryDirectory() as work:
        prepared, made = Path(work) / "prepared.onnx", Path(work) / "made"
        made.mkdir()
        for entry in artifact.manifest.files:
            shutil.copy(folder / entry.name, made)
        _quietly(lambda: quant_pre_process(str(artifact.onnx), str(prepared), skip_symbolic_shape=True))
        _quietly(lambda: _quantize(prepared, made / ONNX_INT8, pixels, method))
        try:
            check_golden(artifact, OnnxEngine(made / ONNX_INT8, precision="int8"))
        except GoldenMismatchError as fault:
            raise GoldenMismatchError(f"Quantised with {method}: {fault.detail}") from fault
        write_manifest(made, artifact.manifest, _with_int8(artifact.manifest))
        gate(made)
        shutil.copyfile(made / ONNX_INT8, folder / ONNX_INT8)
    return write_manifest(folder, artifact.manifest, _with_int8(artifact.manifest))


def _with_int8(manifest: Manifest) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(entry.name for entry in manifest.files), ONNX_INT8]))


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
        op_types_to_quantize=["Conv", "Clip", "Relu", "MatMul", "Gemm", "Add", "GlobalAveragePool", "MaxPool"],
        nodes_to_exclude=_kept_exact(prepared),
        # All eight bits. Where sums of such products overflow (AVX2 without VNNI) `OnnxEngine` asks for exact ones.
        reduce_range=False,
    )


def _kept_exact(prepared: Path) -> list[str]:
    """Names of nodes that stay in float32: convolutions of the palette and layers of the heads, a thousandth of the
    work; and the convolutions up to the one behind the first depthwise layer, where there is any."""
    import onnx

    graph = onnx.load(str(prepared)).graph
    heads = [node.name for node in graph.node if node.op_type in {"Gemm", "MatMul"}]
    before_softmax = {name for node in graph.node if node.op_type == "Softmax" for name in node.input}
    palette = [node.name for node in graph.node if set(node.output) & before_softmax]
    body = [node for node in graph.node if node.op_type == "Conv" and node.name not in palette]
    depthwise = [place for place, node in enumerate(body) if _groups(node) > 1]
    first = body[: depthwise[0] + 2] if depthwise else []
    return heads + palette + [node.name for node in first]


def _groups(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


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
