"""Backbones by name, walked in sections, and what may be pooled beside their last features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import timm
import torch
import torchvision
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from vision.errors import EngineError

PALETTE_SIDE_PX = 32


class Cut(NamedTuple):
    """How far photos have come: the map (N, C, h, w) at this place (behind the last section: the last features,
    (N, F)), and the means of the maps tapped on the way, (N, T)."""

    map: Tensor
    taps: Tensor


class Backbone(nn.Module):
    """Images to pooled features: the last ones, then the mean of each tapped stage's map, side by side.

    `width` is the number of features, `last_width` how many of them are the last ones. It is walked in sections: the
    lower ones can stay as they are, and be run once a photo, while the upper ones learn.
    """

    def __init__(self, name: str, *, taps: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.taps = taps
        self.body: nn.Module = ResNet50() if name == "resnet50" else _timm(name)
        self._anatomy = _anatomy(self.body)
        with torch.no_grad():
            side = _least_side_px(self.body)
            end = self.eval().walk(self.begin(torch.zeros(1, 3, side, side)))
        self.train()
        self.last_width = end.map.shape[1]
        self.width = self.last_width + end.taps.shape[1]

    @property
    def sections(self) -> int:
        """How many parts the walk has; 1: this body cannot be cut."""
        return self._anatomy.sections

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) to (N, width)."""
        return torch.cat(self.walk(self.begin(images)), dim=1)

    def begin(self, images: Tensor) -> Cut:
        """The place before the first section."""
        return Cut(images, images[:, :0, 0, 0])

    def walk(self, cut: Cut, since: int = 0, until: int | None = None) -> Cut:
        """From before section `since` to before section `until` (default: the end)."""
        x, taps = cut
        for number in range(since, self.sections if until is None else until):
            x, tapped = self._anatomy.step(self.body, number, x, self.taps)
            taps = torch.cat([taps, *(level.mean((2, 3)) for level in tapped)], dim=1)
        return Cut(x, taps)

    def parts(self, since: int) -> list[nn.Module]:
        """The modules of the sections from `since` on, for releasing them."""
        return [part for number in range(since, self.sections) for part in self._anatomy.parts(self.body, number)]


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """How a body is walked. `step` gives the next map and those of the taps asked for that lie in this section."""

    sections: int
    step: Callable[[nn.Module, int, Tensor, tuple[int, ...]], tuple[Tensor, list[Tensor]]]
    parts: Callable[[nn.Module, int], list[nn.Module]]


class ResNet50(nn.Module):
    """torchvision's ResNet-50 under torchvision's names. Sections: stem, four layers, pooling. Taps: the layers, 0 to
    3."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torchvision.models.resnet50(weights=None)
        self.net.fc = nn.Identity()


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


def _least_side_px(body: nn.Module) -> int:
    """What a body can be tried on: vision transformers want their own size."""
    about = getattr(body, "pretrained_cfg", {})
    return int(about["input_size"][1]) if about.get("fixed_input_size") else 64


def _anatomy(body: nn.Module) -> Anatomy:
    if isinstance(body, ResNet50):
        return Anatomy(sections=6, step=_resnet_step, parts=_resnet_parts)
    if isinstance(body, EfficientNet):
        return Anatomy(sections=len(body.blocks) + 2, step=_efficientnet_step, parts=_efficientnet_parts)
    return Anatomy(sections=1, step=_whole_step, parts=lambda body, _number: [body])


def _resnet_parts(body: nn.Module, number: int) -> list[nn.Module]:
    assert isinstance(body, ResNet50)
    net = body.net
    return [[net.conv1, net.bn1, net.relu, net.maxpool], [net.layer1], [net.layer2], [net.layer3], [net.layer4], []][
        number
    ]


def _resnet_step(body: nn.Module, number: int, x: Tensor, taps: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
    for part in _resnet_parts(body, number):
        x = part(x)
    if number == 5:
        return x.mean((2, 3)), []
    return x, [x for tap in taps if tap + 1 == number]


def _efficientnet_parts(body: nn.Module, number: int) -> list[nn.Module]:
    """Stem, the stages of blocks, head with pooling."""
    assert isinstance(body, EfficientNet)
    if number == 0:
        return [body.conv_stem, body.bn1]
    if number <= len(body.blocks):
        return [body.blocks[number - 1]]
    return [body.conv_head, body.bn2, body.global_pool]


def _efficientnet_step(body: nn.Module, number: int, x: Tensor, taps: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
    assert isinstance(body, EfficientNet)
    for part in _efficientnet_parts(body, number):
        x = part(x)
    return x, [x for tap in taps if body.stage_ends[tap] == number]


def _whole_step(body: nn.Module, number: int, x: Tensor, taps: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
    """Any other body of timm's, in one step."""
    assert number == 0
    indices = list(taps) or [0]  # timm refuses to tap nothing
    last, maps = body.forward_intermediates(x, indices=indices)  # type: ignore[operator]
    pooled: Tensor = body.forward_head(last, pre_logits=True)  # type: ignore[operator]
    return pooled, maps if taps else []
