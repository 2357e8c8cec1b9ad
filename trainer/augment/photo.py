"""A photo as another photographer would have taken it: framed, held, lit and saved otherwise. Its colours stay, unless
a hue is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from trainer.errors import RecipeError

Pixels = NDArray[np.uint8]
GREY = 127  # what an erased patch shows: near 0 once normalised, and no colour
LIMITS = {
    "flip": 1,
    "erase": 1,
    "blur": 1,
    "jpeg": 1,
    "rotate": 180,
    "perspective": 0.25,
    "brightness": 1,
    "contrast": 1,
    "hue": 0.5,
}


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a photo, and how far.

    flip, erase, blur, jpeg: probabilities. crop: least and greatest area of the window, of the photo's; above 1 the
    garment stands smaller on white. rotate: degrees either way. perspective: how far a corner may wander, as a
    share of the side. brightness, contrast: factors within 1 ± this. hue: shift within ± this, of the colour circle;
    anything above 0 makes colour labels wrong. What comes into the picture from outside is white, as
    vision.preprocess pads. Raises RecipeError where a number is beyond LIMITS.
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
        if len(self.crop) != 2 or not 0 < self.crop[0] <= self.crop[1]:
            raise RecipeError(f"augmentation: crop {list(self.crop)} is not [least, greatest] share of the area.")
        for name, most in LIMITS.items():
            if not 0 <= getattr(self, name) <= most:
                raise RecipeError(f"augmentation: {name} is {getattr(self, name)}; it is from 0 to {most}.")

    @property
    def keeps_colours(self) -> bool:
        """Whether a colour label still holds afterwards."""
        return self.hue == 0


def draw(pixels: Pixels, augmentation: Augmentation, seed: int) -> Pixels:
    """Another photo of the same garment, (S, S, 3) uint8; the same one for the same seed, in any thread or process.

    pixels (S, S, 3) uint8 are not changed. seed: 0 or more. These are torchvision's kernels with numbers of our own:
    its transform classes draw from torch's global generator, which cannot be seeded for one thread alone.
    """
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)
    for change in (_moved, _lit, _blurred, _compressed, _erased):
        image = change(augmentation, image, rng)
    out: Pixels = image.permute(1, 2, 0).contiguous().numpy()
    return out


def _moved(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """Crop, turn, perspective and mirror as one warp, so that pixels are interpolated once.

    Of the negative, since what the warp brings in from outside is 0 (a fill of its own leaves a dark seam).
    """
    side = image.shape[-1]
    corners = _window(how, rng) * side
    whole = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=np.float64)
    if np.array_equal(corners, whole):
        return image
    negative: Tensor = F.perspective(255 - image, corners.tolist(), whole.tolist())
    return 255 - negative


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


def _blurred(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """Out of focus."""
    chance, sigma = rng.random(), rng.uniform(0.4, 1.2)
    return F.gaussian_blur(image, [5, 5], [sigma, sigma]) if chance < how.blur else image


def _compressed(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """Saved once too often. By Pillow: torchvision's own JPEG is about to be removed."""
    chance, quality = rng.random(), int(rng.integers(35, 86))
    if chance >= how.jpeg:
        return image
    file = BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)


def _erased(how: Augmentation, image: Tensor, rng: np.random.Generator) -> Tensor:
    """A grey patch of 2 to 12 % of the photo (random erasing, Zhong et al. 2020)."""
    chance, area, ratio, left, top = rng.random(), *rng.uniform([0.02, -1, 0, 0], [0.12, 1, 1, 1])
    if chance >= how.erase:
        return image
    side = image.shape[-1]
    tall, wide = (round(side * np.sqrt(area) * 2 ** (power / 2)) for power in (ratio, -ratio))
    patch = torch.tensor(GREY, dtype=image.dtype, device=image.device)
    erased: Tensor = F.erase(image, round(top * (side - tall)), round(left * (side - wide)), tall, wide, patch)
    return erased
