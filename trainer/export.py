"""From a trained network to a model folder: weights, ONNX graph, golden answer, manifest; and the proof that
they agree.

Quantisation stands in `trainer.quantize`.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.errors import ExportError
from trainer.golden import golden_photo
from vision.artifact import GOLDEN_ANSWER, GOLDEN_PHOTO, MANIFEST, ONNX, WEIGHTS, describe_file
from vision.engines import RawOutputs
from vision.engines.onnx import INPUT, OUTPUTS, OnnxEngine
from vision.golden import answer_of
from vision.manifest import Manifest
from vision.network import MultitaskNetwork, Normalised, Outputs
from vision.preprocess import PixelRule, decode

OPSET = 18
LOGIT_TOLERANCE = 1e-3
EMBEDDING_TOLERANCE = 1e-4
CHECKED_PHOTOS = 5


def save_model(network: MultitaskNetwork, manifest: Manifest, folder: Path, *, half: bool = True) -> Manifest:
    """Writes a complete model folder and gives back its manifest with the files named.

    half: weights are kept as float16 (half the size); the graph and the golden answer are made from those
    very weights, so that every engine runs the same numbers. Raises ExportError where ONNX Runtime disagrees
    with torch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = network.eval()
    _save_weights(network, folder / WEIGHTS, half=half)
    normalised = Normalised(network, manifest.pixels).eval()
    export_onnx(normalised, manifest, folder / ONNX)
    check_export(normalised, manifest, folder / ONNX)
    _save_golden(normalised, manifest, folder)
    return write_manifest(folder, manifest, (WEIGHTS, ONNX, GOLDEN_PHOTO, GOLDEN_ANSWER))


def write_manifest(folder: Path, manifest: Manifest, names: tuple[str, ...]) -> Manifest:
    """Writes `manifest.json` for the files of these names as they are now."""
    described = replace(manifest, files=tuple(describe_file(folder / name) for name in names))
    text = json.dumps(described.to_json(), indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return described


def export_onnx(network: Normalised, manifest: Manifest, path: Path) -> None:
    """The graph: uint8 (N, S, S, 3) to the outputs the network has; N is free."""
    export_graph(Named(network), manifest.pixels, path, inputs=INPUT, outputs=_names(manifest))


def export_graph(
    module: torch.nn.Module, rule: PixelRule, path: Path, *, inputs: str, outputs: tuple[str, ...]
) -> None:
    """Any module of uint8 (N, S, S, 3) as a graph; N is free."""
    example = torch.zeros(2, rule.size_px, rule.size_px, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            module,
            (example,),
            str(path),
            input_names=[inputs],
            output_names=list(outputs),
            dynamic_shapes={"pixels": {0: torch.export.Dim("photos")}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    strip_traces(path)


def strip_traces(path: Path) -> None:
    """Takes out what the exporter notes of the code that made each node: a third of a small graph, and it tells the
    paths of this machine."""
    model = onnx.load(str(path))
    graph = model.graph
    for thing in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        thing.ClearField("metadata_props")
        thing.ClearField("doc_string")
    for function in model.functions:
        function.ClearField("metadata_props")
        function.ClearField("doc_string")
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
    onnx.save(model, str(path))


class Named(torch.nn.Module):
    """Only the outputs that have columns: ONNX tools stumble over empty ones."""

    def __init__(self, network: Normalised) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The heads that the network has, in the order of OUTPUTS."""
        return tuple(output for output in self.network(pixels) if output.shape[1])


def check_export(network: Normalised, manifest: Manifest, path: Path) -> None:
    """Raises ExportError where graph and network differ on noise by more than the stated tolerances."""
    side = manifest.pixels.size_px
    noise = np.random.default_rng(0).integers(0, 256, (CHECKED_PHOTOS, side, side, 3), dtype=np.uint8)
    expected, found = run_torch(network, noise), OnnxEngine(path).run(noise)
    for name, tolerance in zip(OUTPUTS, (LOGIT_TOLERANCE, LOGIT_TOLERANCE, EMBEDDING_TOLERANCE), strict=True):
        apart = float(np.abs(getattr(expected, name) - getattr(found, name)).max(initial=0.0))
        if apart > tolerance:
            raise ExportError(f"{name} differs by {apart:.2g}, at most {tolerance:g} is allowed.")


@torch.inference_mode()
def run_torch(network: Normalised, pixels: NDArray[np.uint8]) -> RawOutputs:
    """The network's own answer in float32: (N, S, S, 3) uint8 to raw outputs."""
    outputs: Outputs = network(torch.from_numpy(pixels))
    return RawOutputs(**{name: value.numpy() for name, value in outputs._asdict().items()})


def _names(manifest: Manifest) -> tuple[str, ...]:
    plan = manifest.plan
    present = (plan.category_head, plan.attribute_head, bool(plan.embedding_dim))
    return tuple(name for name, is_there in zip(OUTPUTS, present, strict=True) if is_there)


def _save_weights(network: MultitaskNetwork, path: Path, *, half: bool) -> None:
    state = network.state_dict()
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        network.load_state_dict(state)
    torch.save(state, path)


def _save_golden(network: Normalised, manifest: Manifest, folder: Path) -> None:
    photo = golden_photo()
    answer = answer_of(run_torch(network, decode(photo, manifest.pixels)[np.newaxis]), manifest)
    (folder / GOLDEN_PHOTO).write_bytes(photo)
    (folder / GOLDEN_ANSWER).write_text(json.dumps(answer.to_json()) + "\n", encoding="utf-8")
