"""A tiny untrained model, exported once for all tests of the engines and the artifact."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from trainer.export import save_model
from vision.labels import AttributeGroup, LabelSpace
from vision.manifest import Calibration, Manifest
from vision.network import MultitaskNetwork
from vision.plan import NetworkPlan
from vision.preprocess import PixelRule, Resize

LABELS = LabelSpace(
    categories=("Shirt", "Shoes", "Dress"),
    groups=(
        AttributeGroup(name="colour", values=("Red", "Blue"), exclusive=True),
        AttributeGroup(name="detail", values=("Bow", "Zip", "Lace"), exclusive=False, categories=("Dress",)),
    ),
)
MANIFEST = Manifest(
    version="tiny",
    parent=None,
    plan=NetworkPlan(backbone="test_efficientnet", taps=(0, 1), palette=3, trunk_dim=16, embedding_dim=8),
    labels=LABELS,
    pixels=PixelRule(size_px=64, resize=Resize.PAD_WHITE, mean=(127.0,) * 3, std=(128.0,) * 3),
    calibration=Calibration(group_thresholds={"colour": 0.0}),
    metrics={"all/category/top1": 0.5},
    sources=(),
    licences={"test": "none"},
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks only wait for each other's threads on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model; not to be changed (see `tiny_copy`)."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    save_model(MultitaskNetwork(MANIFEST.plan, categories=3, attributes=5), MANIFEST, folder)
    return folder


@pytest.fixture
def tiny_copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """Bytes of an image in a format."""

    def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    return encode
