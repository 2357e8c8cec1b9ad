"""Backbones by name, and what may be pooled beside their last features."""

from __future__ import annotations

from itertools import product

import timm
import torch
import torchvision
from torch import Tensor, nn

from vision.errors import EngineError

RESNET50_STAGES = 4
PALETTE_SIDE_PX = 32


class Backbone(nn.Module):
    """Images to pooled features: the last ones, then the mean of each tapped stage's map, side by side.

    `width` is the number of features, `last_width` how many of them are the last ones.
    """

    def __init__(self, name: str, *, taps: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.taps = list(taps)
        self.body: nn.Module = ResNet50() if name == "resnet50" else _timm(name)
        with torch.no_grad():
            pooled, maps = self.eval()._pooled(torch.zeros(1, 3, 64, 64))
        self.train()
        self.last_width = pooled.shape[1]
        self.width = self.last_width + sum(level.shape[1] for level in maps)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, width)."""
        pooled, maps = self._pooled(images)
        return torch.cat([pooled, *(level.mean((2, 3)) for level in maps)], dim=1)

    def _pooled(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last features (N, last_width) and the tapped maps."""
        indices = self.taps or [0]  # timm refuses to tap nothing
        last, maps = self.body.forward_intermediates(images, indices=indices)  # type: ignore[operator]
        pooled: Tensor = self.body.forward_head(last, pre_logits=True)  # type: ignore[operator]
        return pooled, maps if self.taps else []


class ResNet50(nn.Module):
    """torchvision's ResNet-50 behind timm's two methods, its parameters under torchvision's names."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torchvision.models.resnet50(weights=None)
        self.net.fc = nn.Identity()

    def forward_intermediates(self, images: Tensor, indices: list[int]) -> tuple[Tensor, list[Tensor]]:
        """The last map (N, 2048, S/32, S/32) and those of the stages asked for, 0 to 3."""
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        maps = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = stage(x)
            maps.append(x)
        return x, [maps[index] for index in indices]

    def forward_head(self, last: Tensor, pre_logits: bool = True) -> Tensor:
        """Global average pooling: (N, 2048, h, w) to (N, 2048)."""
        assert pre_logits
        return last.mean((2, 3))


class Palette(nn.Module):
    """A soft colour histogram inside the network: which share of a photo is near each of bins³ colours.

    Twice: of the whole photo, and of its middle half, where the garment is. `width` is 2 · bins³.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        steps = torch.linspace(-0.9, 0.9, bins)
        colours = torch.tensor(list(product(steps.tolist(), repeat=3)))
        self.register_buffer("colours", colours, persistent=False)
        self.sharpness = 2.0 / float(steps[1] - steps[0]) ** 2
        self.width = 2 * len(colours)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) normalised to about [-1, 1], to (N, width)."""
        side = images.shape[-1] // PALETTE_SIDE_PX
        small = nn.functional.avg_pool2d(images, max(1, side))
        colours = self.get_buffer("colours")
        # |p - c|² without |p|², which the softmax would cancel: one 1 x 1 convolution.
        kernel = 2 * self.sharpness * colours[:, :, None, None]
        near = nn.functional.conv2d(small, kernel, -self.sharpness * colours.square().sum(1)).softmax(1)
        quarter = small.shape[-1] // 4
        middle = near[:, :, quarter:-quarter, quarter:-quarter]
        return torch.cat([near.mean((2, 3)), middle.mean((2, 3))], dim=1)


def _timm(name: str) -> nn.Module:
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as fault:
        raise EngineError(f"There is no backbone {name!r}: write resnet50 or a name timm lists.") from fault
    return model
