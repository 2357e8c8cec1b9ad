"""A quantised graph is kept only where it costs little; what is not kept leaves no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from trainer import rounding as module
from trainer.errors import QuantisedWorseError, RecipeError
from trainer.export import save_model
from trainer.quantize import Pixels, quantize
from trainer.rounding import Loss, Rounding, require_small
from vision.artifact import load_artifact
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration, Manifest
from vision.network import MultitaskNetwork
from vision.plan import NetworkPlan
from vision.predictor import Predictor
from vision.preprocess import PixelRule, Resize

LABELS = LabelSpace(
    categories=("Bag", "Shirt"), groups=(AttributeGroup(name="colour", values=("Blue", "Red"), exclusive=True),)
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    plan = NetworkPlan(backbone="tf_efficientnet_lite0", trunk_dim=8, embedding_dim=8, palette=2)
    manifest = Manifest(
        version="tiny", parent=None, plan=plan, labels=LABELS,
        pixels=PixelRule(size_px=64, resize=Resize.PAD_WHITE, mean=(127.0,) * 3, std=(128.0,) * 3),
        calibration=Calibration(), metrics={}, sources=(), licences={},
    )  # fmt: skip
    save_model(MultitaskNetwork(plan, categories=2, attributes=2).eval(), manifest, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def pixels(model: Path) -> list[Pixels]:
    golden = Predictor.open(model, engine="onnx").decode((model / "golden.jpg").read_bytes())
    noise = np.random.default_rng(0).integers(-9, 10, (16, *golden.shape))
    return list(np.clip(golden + noise, 0, 255).astype(np.uint8))


def found(name: str, exact: float, rounded: float) -> Rounding:
    loss = Loss(name=name, exact=exact, rounded=rounded, n=1000)
    return Rounding(losses=[loss], same_category=1.0, cosine=1.0, photos=1000)


@pytest.mark.parametrize(("name", "most"), module.MOST_LOST.items())
def test_a_loss_up_to_the_bound_passes_and_beyond_it_is_refused_by_name(name: str, most: float) -> None:
    require_small(found(name, 0.9, 0.95))
    require_small(found(name, 0.9, 0.9 - most))
    with pytest.raises(QuantisedWorseError, match=rf"{name} falls from 0\.9000 .*\(1,000\), by more than"):
        require_small(found(name, 0.9, 0.9 - most - 0.0005))


def test_where_nothing_is_labelled_nothing_passes() -> None:
    with pytest.raises(RecipeError, match="nothing to judge by"):
        require_small(Rounding(losses=[], same_category=1.0, cosine=1.0, photos=5))


def test_a_refused_graph_leaves_the_model_as_it_was(model: Path, pixels: list[Pixels]) -> None:
    def refuse(made: Path) -> None:
        assert load_artifact(made).onnx_int8 is not None
        raise QuantisedWorseError("no.")

    before = {path.name: path.read_bytes() for path in model.iterdir()}
    with pytest.raises(QuantisedWorseError):
        quantize(model, pixels, gate=refuse)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_activations_are_rounded_behind_their_clipping_and_the_first_layers_not_at_all(
    model: Path, pixels: list[Pixels]
) -> None:
    quantize(model, pixels)
    nodes = onnx.load(str(model / "model.int8.onnx")).graph.node
    makers = {name: node for node in nodes for name in node.output}
    exact = [node for node in nodes if node.op_type == "Conv" and node.input[1] not in makers]
    assert len(exact) == 4  # stem, first depthwise, its projection; the palette
    clipped = [node for node in nodes if node.op_type == "Clip" and makers[node.input[0]].op_type == "Conv"]
    assert {id(makers[node.input[0]]) for node in clipped} <= {id(node) for node in exact}
