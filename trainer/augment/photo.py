"""A photo as another photographer would have taken it: framed, held, lit and saved otherwise. Its colours stay, unless
a hue is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as F

Pixels = NDArray[np.uint8]
GREY = 127  # what an erased patch shows: near 0 once normalised, and no colour


@dataclass(frozen=True, kw_only=True)
class View:
    """One look at a photo. recoloured: its colours are not the garment's, so the colour loss must not see it."""

    name: str
    recoloured: bool


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a photo, and how far.

    flip, erase, blur, jpeg: probabilities. crop: least and greatest area of the window, of the photo's; above 1 the
    garment stands smaller on white. rotate: degrees either way. perspective: how far a corner may wander, as a
    share of the side. brightness, contrast: factors within 1 ± this. hue: shift within ± this, of the colour circle (at
    most 0.5); anything above 0 makes colour labels wrong. What comes into the picture from outside is white, as
    vision.preprocess pads.
    """

    flip: float = 0.5
    crop: tuple[float, float] = (0.7, 1.15)
    rotate: float = 8.0
    perspective: float = 0.05
    erase: float = 0.2
    brightness: float = 0.15
    contrast: float = 0.15
    hue: float = 0.0
    blur: float = 0.1
    jpeg: float = 0.1

    @classmethod
    def none(cls) -> Augmentation:
        """The photo as it is."""
        return cls(
            flip=0,
            crop=(1, 1),
            rotate=0,
            perspective=0,
            erase=0,
            brightness=0,
            contrast=0,
            hue=0,
            blur=0,
            jpeg=0,
        )

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", tuple(self.crop))  # a recipe writes a list

    @property
    def keeps_colours(self) -> bool:
        """Whether a colour label still holds afterwards."""
        return self.hue == 0


def draw(pixels: Pixels, augmentation: Augmentation, seed: int) -> Pixels:
    """Another photo of the same garment, (S, S, 3) uint8; the same one for the same seed, in any thread or process.

    pixels (S, S, 3) uint8 are not changed. seed: 0 or more.
    """
    changed = _augmented(augmentation, _tensor(pixels), pixels.shape[0], np.random.default_rng(seed))
    return _pixels(changed)


def build(augmentation: Augmentation, size: int) -> Callable[[Tensor], Tensor]:
    """A transform of (3, H, W) uint8 tensors, or of (N, 3, H, W) that all change alike, into `size` x `size`.

    Each call draws from torch's global generator, as torchvision's own transforms do: seed it, one worker process
    each. In threads, use `draw`.
    """

    def transform(image: Tensor) -> Tensor:
        seed = int(torch.randint(2**62, ()))
        return _augmented(augmentation, image, size, np.random.default_rng(seed))

    return transform


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)


def _pixels(image: Tensor) -> Pixels:
    out: Pixels = image.permute(1, 2, 0).contiguous().numpy()
    return out


def _augmented(how: Augmentation, image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """torchvision's kernels with numbers of our own: its transform classes draw from torch's global generator,
    which cannot be seeded for one thread alone."""
    image = _moved(how, image, size, rng)
    image = _lit(how, image, rng)
    image = _worn(how, image, rng)
    return _erased(how, image, rng)


def _moved(how: Augmentation, image: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Crop, turn, perspective and mirror as one warp, so that pixels are interpolated once.

    Of the negative, since what the warp brings in from outside is 0 (a fill of its own leaves a dark seam).
    """
    height, width = image.shape[-2:]
    corners = _window(how, rng) * (width, height)
    whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    if not np.array_equal(corners, whole):
        image = 255 - F.perspective(255 - image, corners.tolist(), whole.tolist())
    return image if (height, width) == (size, size) else F.resize(image, [size, size])


def _window(how: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """(4, 2): where the new photo's corners, clockwise from top left, lie in the old one, whose side is 1."""
    side = np.sqrt(rng.uniform(*how.crop))
    place = 0.5 + rng.uniform(-0.5, 0.5, 2) * (1 - side)
    angle = np.deg2rad(rng.uniform(-how.rotate, how.rotate))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    corners = corners + rng.uniform(-how.perspective, how.perspective, (4, 2))
    mirrored = corners[[1, 0, 3, 2]] if rng.random() < how.flip else corners
    in_photo: NDArray[np.float64] = place + side * mirrored @ turn
    return in_photo


def _lit(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    brightness, contrast = (1 + rng.uniform(-far, far) for far in (how.brightness, how.contrast))
    hue = rng.uniform(-how.hue, how.hue)
    if how.brightness:
        image = F.adjust_brightness(image, brightness)
    if how.contrast:
        image = F.adjust_contrast(image, contrast)
    return F.adjust_hue(image, hue) if how.hue else image


def _worn(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """Out of focus, or saved once too often."""
    chances, sigma, quality = rng.random(2), rng.uniform(0.4, 1.2), int(rng.integers(35, 86))
    if chances[0] < how.blur:
        image = F.gaussian_blur(image, [5, 5], [sigma, sigma])
    if chances[1] < how.jpeg:
        image = F.jpeg(image, quality)
    return image


def _erased(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """A grey patch of 2 to 12 % of the photo (random erasing, Zhong et al. 2020)."""
    chance, area, ratio, left, top = rng.random(), *rng.uniform([0.02, -1, 0, 0], [0.12, 1, 1, 1])
    if chance >= how.erase:
        return image
    height, width = image.shape[-2:]
    tall, wide = round(height * np.sqrt(area) * 2 ** (ratio / 2)), round(width * np.sqrt(area) / 2 ** (ratio / 2))
    patch = torch.tensor(GREY, dtype=image.dtype, device=image.device)
    erased: Tensor = F.erase(image, round(top * (height - tall)), round(left * (width - wide)), tall, wide, patch)
    return erased
