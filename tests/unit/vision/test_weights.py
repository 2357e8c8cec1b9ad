from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vision.artifact import WEIGHTS, load_artifact
from vision.errors import DamagedFileError, WrongShapeError
from vision.network import MultitaskNetwork
from vision.plan import NetworkPlan
from vision.weights import HEADS, check_weights, shapes_of


def test_shapes_are_those_that_torch_reads(tmp_path: Path) -> None:
    plan = NetworkPlan(backbone="test_efficientnet", trunk_dim=16, embedding_dim=8)
    state = MultitaskNetwork(plan, categories=3, attributes=5).state_dict()
    for written in (state, {name: value.half() for name, value in state.items() if value.is_floating_point()}):
        torch.save(written, tmp_path / WEIGHTS)
        shapes = shapes_of(tmp_path / WEIGHTS)
        assert shapes == {name: tuple(value.shape) for name, value in written.items()}
        assert [shapes[head][0] for head in HEADS] == [3, 5, 8]


def test_shapes_are_read_without_torch(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2, 3)}, tmp_path / WEIGHTS)
    script = (
        "import sys; from pathlib import Path; from vision.weights import shapes_of\n"
        f"assert shapes_of(Path({str(tmp_path / WEIGHTS)!r})) == {{'weight': (2, 3)}}\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("state", [{"weight": Path("here")}, {"weight": 1}, [torch.zeros(1)]])
def test_what_is_no_state_dict_is_refused_and_no_code_of_it_runs(tmp_path: Path, state: object) -> None:
    torch.save(state, tmp_path / WEIGHTS)
    with pytest.raises(DamagedFileError, match="no state dict"):
        shapes_of(tmp_path / WEIGHTS)


def test_a_file_that_torch_did_not_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"no zip")
    with pytest.raises(DamagedFileError, match=WEIGHTS):
        shapes_of(tmp_path / WEIGHTS)


def test_weights_of_another_label_space_are_noticed_before_torch_loads_them(tiny_copy: Path) -> None:
    artifact = load_artifact(tiny_copy)
    check_weights(artifact)
    state = torch.load(artifact.weights, weights_only=True)
    torch.save(
        {name: value for name, value in state.items() if not name.startswith("heads.attribute")}, artifact.weights
    )
    with pytest.raises(WrongShapeError, match=r"\(3, 0, 8\) in .*weights.pth, \(3, 5, 8\) in the manifest"):
        check_weights(artifact)
