"""Light on a garment: shading by its height, highlights by its gloss, shadow on what lies behind it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cli.sample.canvas import Canvas
from cli.sample.cloth import Plane
from cli.sample.shots import STUDIOS, Setting

_WRAP = 0.5  # how much of the light comes from all around


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """Where it comes from (x, y in the picture, z towards the camera; a unit vector), its tint, exposure and shadow."""

    x: float
    y: float
    z: float
    tint: tuple[float, float, float]
    exposure: float
    shadow: float
    shadow_px: float


def choose_light(rng: np.random.Generator, setting: Setting) -> Light:
    """Soft and even in the studio; lower, harder, warmer or cooler elsewhere."""
    angle = rng.uniform(-2.5, -2.0) if rng.random() < 0.6 else rng.uniform(-1.1, -0.7)
    studio = setting in STUDIOS
    z = rng.uniform(0.68, 0.76) if studio else rng.uniform(0.55, 0.68)
    across = np.sqrt(1 - z * z)
    warm = rng.uniform(-0.008, 0.012) if studio else rng.uniform(-0.03, 0.05)
    return Light(
        x=float(across * np.cos(angle)),
        y=float(across * np.sin(angle)),
        z=float(z),
        tint=(1 + warm, 1.0, 1 - warm),
        exposure=rng.uniform(0.99, 1.03) if studio else rng.uniform(0.92, 1.05),
        shadow=rng.uniform(0.14, 0.2) if studio else rng.uniform(0.4, 0.52),
        shadow_px=rng.uniform(10, 16) if studio else rng.uniform(7, 12),
    )


def light_up(ground: Plane, canvas: Canvas, light: Light, *, sharpness: int, stands: bool) -> None:
    """Paint the garment, lit, into (3, H, W) `ground`, which it lies or stands on."""
    shadow = _floor_shadow(canvas.alpha, light) if stands else _shadow(canvas.alpha, light)
    ground *= 1 - shadow
    rows, columns = (np.flatnonzero(canvas.alpha.any(axis=axis)) for axis in (1, 0))
    if len(rows):
        area = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        behind = ground[:, area[0], area[1]]
        behind += (_shaded(canvas, area, light, sharpness) - behind) * canvas.alpha[area]


def _shaded(canvas: Canvas, area: tuple[slice, slice], light: Light, sharpness: int) -> Plane:
    height = _smoothed(canvas.height_px[area])
    slope_y, slope_x = np.gradient(height)
    upright = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    facing = (np.float32(light.z) - slope_x * np.float32(light.x) - slope_y * np.float32(light.y)) * upright
    diffuse = np.float32(_WRAP) + np.float32((1 - _WRAP) / light.z) * np.clip(facing, 0, None)
    half = np.array((light.x, light.y, light.z + 1), np.float32)
    half /= np.linalg.norm(half)
    towards = np.clip((half[2] - slope_x * half[0] - slope_y * half[1]) * upright, 0, 1)
    for _ in range(sharpness):
        towards *= towards
    highlight = canvas.gloss[area] * (towards - half[2] ** (2**sharpness)) * 1.6
    # Dark cloth shows its folds by sheen rather than by shade.
    sheen = 0.035 * np.clip(facing - light.z, 0, 1) + np.clip(highlight, -0.06, 0.6)
    tone = diffuse * canvas.shade[area]
    return np.asarray(canvas.colour[:, area[0], area[1]] * tone + sheen, np.float32)


def _smoothed(height: Plane) -> Plane:
    """Blurred by 1-2-1 both ways: light must not catch on single pixels."""
    height = height.copy()
    height[1:-1] = 0.5 * height[1:-1] + 0.25 * (height[:-2] + height[2:])
    height[:, 1:-1] = 0.5 * height[:, 1:-1] + 0.25 * (height[:, :-2] + height[:, 2:])
    return height


def _shadow(alpha: Plane, light: Light) -> Plane:
    """Soft shadow away from the light and a tight dark line where the product touches the ground."""
    small = Image.fromarray((alpha * 255).astype(np.uint8)).reduce(2)
    thrown = Image.new("L", small.size)
    thrown.paste(small, (round(-light.x * light.shadow_px * 0.7), round(-light.y * light.shadow_px * 0.7)))
    for radius_px in (light.shadow_px / 2, light.shadow_px / 4):
        thrown = thrown.filter(ImageFilter.BoxBlur(radius_px))
    tight = np.asarray(small.filter(ImageFilter.BoxBlur(1.4)), np.float32)
    both = np.float32(light.shadow / 255) * (np.asarray(thrown, np.float32) + np.float32(0.8) * tight)
    height, width = alpha.shape
    return np.asarray(Image.fromarray(both).resize((width, height), Image.Resampling.BILINEAR))


def _floor_shadow(alpha: Plane, light: Light) -> Plane:
    """The shadow under what stands: as broad as its lower part, flat, darkest where it touches the floor."""
    height, width = alpha.shape
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    if not len(rows):
        return np.zeros_like(alpha)
    bottom, top = int(rows[-1]), int(rows[0])
    foot = alpha[max(bottom - round(0.10 * (bottom - top)), 0) : bottom + 1].max(axis=0)
    image = Image.new("L", (width // 2, height // 2))
    for depth_px, level in ((16, 0.30), (5, 0.62)):
        strip = Image.fromarray((foot[None, :] * (255 * level)).astype(np.uint8)).resize((width // 2, depth_px))
        left = round(-light.x * depth_px)
        image.paste(strip, (left, bottom // 2 - depth_px * 2 // 3))
        image = image.filter(ImageFilter.BoxBlur(max(depth_px / 2.5, 1.5)))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32) / 255
