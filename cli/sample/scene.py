"""Where a product is photographed: studio, wall, floor, linen or stone, as pictures without the product."""

from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cli.sample.cloth import Plane, smooth_noise
from cli.sample.colours import Rgb, as_planes
from cli.sample.pose import HEIGHT_PX, WIDTH_PX
from cli.sample.products import pick
from cli.sample.shots import Setting

_WALLS: tuple[Rgb, ...] = (
    (0.87, 0.86, 0.83), (0.79, 0.81, 0.80), (0.88, 0.82, 0.75), (0.73, 0.76, 0.72), (0.90, 0.90, 0.89),
    (0.80, 0.74, 0.69), (0.74, 0.78, 0.82),
)  # fmt: skip
_WOODS: tuple[Rgb, ...] = ((0.62, 0.47, 0.34), (0.76, 0.63, 0.48), (0.50, 0.38, 0.29), (0.80, 0.74, 0.66))
_LINENS: tuple[Rgb, ...] = ((0.90, 0.88, 0.84), (0.80, 0.76, 0.69), (0.74, 0.77, 0.79), (0.84, 0.77, 0.73))
_STONES: tuple[Rgb, ...] = ((0.88, 0.88, 0.87), (0.72, 0.71, 0.70), (0.58, 0.58, 0.59))
_SHELF_FROM = 0.56  # of the height
_SPARE_PX = 240  # how much larger a texture is than a photo of it
_SEED = 30


def ground_of(setting: Setting, rng: np.random.Generator) -> Plane:
    """(3, H, W) float32 in [0, 1]: an empty scene."""
    match setting:
        case Setting.WHITE:
            return _studio(rng, top=0.955, bottom=0.965)
        case Setting.GREY:
            return _studio(rng, top=rng.uniform(0.77, 0.83), bottom=rng.uniform(0.87, 0.92))
        case Setting.WALL:
            return _wall(rng)
        case Setting.SHELF:
            return _shelf(rng)
        case Setting.WOOD:
            return _texture(_wood, _WOODS, rng)
        case Setting.LINEN:
            return _texture(_linen, _LINENS, rng)
        case Setting.STONE:
            return _texture(_stone, _STONES, rng)


def _studio(rng: np.random.Generator, *, top: float, bottom: float) -> Plane:
    """Paper that runs from wall to floor, with a lamp's round brightness on it."""
    y = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None]
    x = np.linspace(-0.75, 0.75, WIDTH_PX, dtype=np.float32)[None, :] - np.float32(rng.uniform(-0.15, 0.15))
    ramp = top + (bottom - top) * (3 * y**2 - 2 * y**3)
    lamp = 0.035 * np.exp(-((x / 0.6) ** 2 + ((y - 0.45) / 0.45) ** 2))
    return np.asarray((ramp + lamp) * as_planes((0.997, 1.0, 1.004)), np.float32)


def _wall(rng: np.random.Generator) -> Plane:
    """Painted plaster under a rail, with daylight falling in from one side."""
    plaster = _texture(_plaster, _WALLS, rng)
    x = np.linspace(0, 1, WIDTH_PX, dtype=np.float32)[None, :]
    plaster *= 1.04 - 0.14 * (x if rng.random() < 0.5 else 1 - x)
    if rng.random() < 0.45:
        plaster *= 1 + 0.13 * _window(rng)
    return plaster


def _shelf(rng: np.random.Generator) -> Plane:
    """A painted wall, and a board along its foot that things stand on."""
    scene = _texture(_plaster, _WALLS, rng)
    edge = round(HEIGHT_PX * _SHELF_FROM)
    board = _texture(_wood, _WOODS, rng)
    y = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None]
    scene *= 1.02 - 0.10 * y - 0.16 * np.exp(-((y - _SHELF_FROM) ** 2) * 900)
    scene[:, edge:] = board[:, edge:] * (0.9 + 0.35 * (y[edge:] - _SHELF_FROM))
    return scene


def _window(rng: np.random.Generator) -> Plane:
    """Panes of sunlight on a wall, slanting."""
    image = Image.new("L", (WIDTH_PX // 4, HEIGHT_PX // 4))
    pen = ImageDraw.Draw(image)
    left, top, slant = rng.uniform(-10, 50), rng.uniform(5, 40), rng.uniform(12, 30)
    for column in range(2):
        for row in range(3):
            x, y = left + 34 * column, top + 40 * row
            left_y, right_y = y + slant * column, y + slant * (column + 0.9)
            pen.polygon([(x, left_y), (x + 30, right_y), (x + 30, right_y + 36), (x, left_y + 36)], fill=255)
    soft = image.filter(ImageFilter.BoxBlur(2)).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
    return np.asarray(soft, np.float32) / 255


def _texture(make: Callable[[int], Plane], colours: tuple[Rgb, ...], rng: np.random.Generator) -> Plane:
    """A stretch of a large texture: another one for each photo, sometimes seen from the other side."""
    colour = as_planes(pick(rng, colours))
    tone = make(int(rng.integers(2)))
    top, left = (int(rng.integers(_SPARE_PX)) for _ in range(2))
    stretch = tone[top : top + HEIGHT_PX, left : left + WIDTH_PX]
    return np.asarray(colour * (stretch[:, ::-1] if rng.random() < 0.5 else stretch), np.float32)


@cache
def _plaster(number: int) -> Plane:
    rng, height, width = _canvas(number)
    rough = smooth_noise(rng, height, width, rows=height // 3, columns=width // 3)
    slope = smooth_noise(rng, height, width, rows=6, columns=5)
    return np.asarray(1 + 0.007 * rough + 0.012 * slope, np.float32)


@cache
def _wood(number: int) -> Plane:
    """Planks side by side, upright or across, with joints, grain and knots' waves in it."""
    rng, height, width = _canvas(number)
    plank_px = 96
    x = np.arange(width, dtype=np.float32)
    plank = (x // plank_px).astype(int)
    y = np.arange(height, dtype=np.float32)[:, None] + (rng.uniform(0, 900, plank.max() + 1)[plank])[None, :]
    board = (y // 820).astype(int) * 31 + plank[None, :]
    tone = rng.uniform(0.90, 1.07, board.max() + 1).astype(np.float32)[board]
    gap = 1 - 0.5 * np.maximum((x % plank_px < 2)[None, :], y % 820 < 2)
    waves = smooth_noise(rng, height, width, rows=7, columns=width // 22)
    grain = np.sin(x[None, :] * 0.55 + 5.0 * waves + 0.7 * board) * 0.6
    fibres = smooth_noise(rng, height, width, rows=height // 26, columns=width)
    wood = np.asarray(tone * gap * (1 + 0.035 * grain + 0.035 * fibres), np.float32)
    return wood if number else np.ascontiguousarray(wood.T)


@cache
def _linen(number: int) -> Plane:
    """Bed linen with broad folds, lit from the upper left."""
    rng, height, width = _canvas(number)
    broad = smooth_noise(rng, height, width, rows=6, columns=6) + 0.3 * smooth_noise(
        rng, height, width, rows=14, columns=10
    )
    slope_y, slope_x = np.gradient(22 * broad)
    threads = smooth_noise(rng, height, width, rows=height, columns=width // 5)
    threads = threads + smooth_noise(rng, height, width, rows=height // 5, columns=width)
    return np.asarray(1 + 0.16 * np.clip(slope_x + slope_y, -0.7, 0.5) + 0.012 * threads, np.float32)


@cache
def _stone(number: int) -> Plane:
    """Polished stone with clouds and a few veins."""
    rng, height, width = _canvas(number)
    clouds = smooth_noise(rng, height, width, rows=7, columns=6)
    clouds = clouds + 0.5 * smooth_noise(rng, height, width, rows=22, columns=18)
    veins = np.exp(-((smooth_noise(rng, height, width, rows=4, columns=3) + 0.25 * clouds) ** 2) * 260)
    veins *= np.clip(smooth_noise(rng, height, width, rows=9, columns=7), 0, 1.5)
    speckle = smooth_noise(rng, height, width, rows=height // 2, columns=width // 2)
    return np.asarray(1 + 0.025 * clouds - 0.05 * veins + 0.008 * speckle, np.float32)


def _canvas(number: int) -> tuple[np.random.Generator, int, int]:
    side = HEIGHT_PX + _SPARE_PX  # square: floors are laid either way
    return np.random.default_rng((_SEED, number)), side, side
