"""Where a product is photographed: studio, floor or hanger; the light there, and the shadow it throws."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image, ImageFilter

from cli.sample.canvas import Picture
from cli.sample.cloth import Plane, smooth_noise


class Backdrop(StrEnum):
    """What stands behind the product."""

    STUDIO = "studio"
    FLOOR = "floor"
    HANGER = "hanger"


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """Direction it comes from (unit vector in the picture), how strong it models, its tint, exposure, shadow."""

    x: float
    y: float
    strength: float
    tint: tuple[float, float, float]
    exposure: float
    shadow: float
    shadow_px: float


_WALLS = ((0.86, 0.85, 0.83), (0.80, 0.83, 0.84), (0.88, 0.83, 0.77), (0.74, 0.77, 0.74), (0.90, 0.90, 0.90))
_RUGS = ((0.62, 0.58, 0.52), (0.50, 0.53, 0.58), (0.78, 0.74, 0.68), (0.66, 0.52, 0.46))
_WOODS = ((0.62, 0.46, 0.32), (0.74, 0.60, 0.44), (0.48, 0.35, 0.26), (0.70, 0.66, 0.60))


def choose_light(rng: np.random.Generator, backdrop: Backdrop) -> Light:
    """Even light in the studio; harder and warmer or cooler elsewhere."""
    angle = rng.uniform(-2.4, -0.8)
    home = backdrop is not Backdrop.STUDIO
    warm = rng.uniform(-0.06, 0.08) if home else rng.uniform(-0.015, 0.015)
    return Light(
        x=float(np.cos(angle)),
        y=float(np.sin(angle)),
        strength=rng.uniform(0.15, 0.2) if home else rng.uniform(0.1, 0.14),
        tint=(1 + warm, 1.0, 1 - warm),
        exposure=rng.uniform(0.86, 1.06) if home else rng.uniform(0.98, 1.04),
        shadow=rng.uniform(0.4, 0.55) if home else rng.uniform(0.16, 0.26),
        shadow_px=rng.uniform(5, 9) if home else rng.uniform(8, 14),
    )


def backdrop_of(kind: Backdrop, rng: np.random.Generator, size_px: int) -> Picture:
    """An empty scene: (size, size, 3) float32 in [0, 1]."""
    if kind is Backdrop.FLOOR:
        return _wood(rng, size_px) if rng.random() < 0.5 else _rug(rng, size_px)
    wall = np.asarray(
        _WALLS[int(rng.integers(len(_WALLS)))] if kind is Backdrop.HANGER else (0.95, 0.95, 0.95), np.float32
    )
    rough = smooth_noise(rng, size_px, size_px, rows=size_px // 3, columns=size_px // 3)
    slope = smooth_noise(rng, size_px, size_px, rows=3, columns=3)
    amount = 0.008 if kind is Backdrop.HANGER else 0.002
    return np.asarray(wall * (1 + amount * rough + 0.02 * slope)[..., None], np.float32)


def lit(scene: Picture, cloth: Picture, alpha: Plane, relief: Plane, light: Light) -> Picture:
    """The scene with the product in it: shading by relief, soft shadow, exposure and tint."""
    soft = _smoothed(relief)
    slope_y, slope_x = (np.asarray(np.gradient(soft, axis=axis)) for axis in (0, 1))
    facing = slope_x * np.float32(light.x) + slope_y * np.float32(light.y)
    shade = np.clip(0.97 - light.strength * 1.3 * facing, 0.35, 1.5)
    # Dark cloth shows its folds by sheen rather than by shade.
    sheen = 0.05 * np.clip(-facing, 0, 1.2)
    product = cloth * shade[..., None] + sheen[..., None]
    ground = scene * (1 - _shadow(alpha, light))[..., None]
    picture = ground + (product - ground) * alpha[..., None]
    return np.asarray(picture * np.asarray(light.tint, np.float32) * np.float32(light.exposure), np.float32)


def _smoothed(relief: Plane) -> Plane:
    """Blurred by 1-2-1 both ways: light must not catch on single pixels."""
    for axis in (0, 1):
        relief = 0.5 * relief + 0.25 * (np.roll(relief, 1, axis) + np.roll(relief, -1, axis))
    return relief


def _shadow(alpha: Plane, light: Light) -> Plane:
    """Soft shadow away from the light and a tight dark line where the product touches the ground."""
    image = Image.fromarray((alpha * 255).astype(np.uint8))
    thrown = Image.new("L", image.size)
    thrown.paste(image, (int(-light.x * light.shadow_px), int(-light.y * light.shadow_px)))
    for radius_px in (light.shadow_px, light.shadow_px / 2):
        thrown = thrown.filter(ImageFilter.BoxBlur(radius_px))
    wide = np.asarray(thrown, np.float32)
    tight = np.asarray(image.filter(ImageFilter.BoxBlur(2.5)), np.float32)
    return np.asarray((light.shadow * wide + 0.25 * tight) / 255, np.float32)


def _wood(rng: np.random.Generator, size_px: int) -> Picture:
    base = np.asarray(_WOODS[int(rng.integers(len(_WOODS)))], np.float32)
    plank_px = int(rng.integers(46, 74))
    x = np.arange(size_px) + int(rng.integers(plank_px))
    plank = x // plank_px
    tone = rng.uniform(0.88, 1.08, plank.max() + 1).astype(np.float32)[plank]
    joint = 1 - 0.4 * (x % plank_px < 2)
    grain = smooth_noise(rng, size_px, size_px, rows=9, columns=size_px // 3)
    fine = smooth_noise(rng, size_px, size_px, rows=40, columns=size_px)
    wood = base * ((tone * joint)[None, :] * (1 + 0.05 * grain + 0.025 * fine))[..., None]
    return np.asarray(wood if rng.random() < 0.5 else wood.transpose(1, 0, 2), np.float32)


def _rug(rng: np.random.Generator, size_px: int) -> Picture:
    base = np.asarray(_RUGS[int(rng.integers(len(_RUGS)))], np.float32)
    pile = smooth_noise(rng, size_px, size_px, rows=size_px // 2, columns=size_px // 2)
    waves = smooth_noise(rng, size_px, size_px, rows=10, columns=10)
    return np.asarray(base * (1 + 0.07 * pile + 0.03 * waves)[..., None], np.float32)
