"""One photo of one product: cut, posed, painted, lit, and put into JPEG bytes."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image

from cli.sample.canvas import Canvas, Stuff
from cli.sample.cloth import Plane, grain_of, look_of
from cli.sample.colours import COLOURS, as_planes
from cli.sample.cuts import cut_garment
from cli.sample.hanger import hung
from cli.sample.light import Light, choose_light, light_up
from cli.sample.parts import Garment, Style, placed
from cli.sample.patterns import Weave
from cli.sample.pose import HEIGHT_PX, WIDTH_PX, Pose, choose_close_pose, choose_pose
from cli.sample.products import Product, rng_of
from cli.sample.scene import ground_of
from cli.sample.shots import FLOORS, Crop, Setting, Shot

_QUALITY = 88
_UPRIGHT_STRIPES = frozenset(("Shirt", "Blazer", "Trousers", "Shorts"))
_NOISE_SEED = 40


def draw_photo(product: Product, shot: Shot, seed: int) -> bytes:
    """The photo as JPEG bytes."""
    rng = rng_of(seed, 7, product.number, shot.number)
    garment = cut_garment(product, _style(product, shot, rng), rng_of(seed, 6, product.number))
    if shot.view.turned:
        narrowed = -rng.uniform(0.86, 0.96)
        garment = placed(garment, lambda points: points * (narrowed, 1.0))
    if shot.view.setting is Setting.WALL:
        garment = hung(garment)
    light = choose_light(rng, shot.view.setting)
    canvas = Canvas(pose=_pose(garment, product, shot, rng), stuff=_stuff(product, shot, seed, rng, light), rng=rng)
    canvas.paint(garment)
    stands = product.kind.stands and shot.view.crop is Crop.WHOLE
    picture = ground_of(shot.view.setting, rng)
    light_up(picture, canvas, light, sharpness=look_of(product.cloth).sharpness, stands=stands)
    return _jpeg(picture, light, rng)


def _style(product: Product, shot: Shot, rng: np.random.Generator) -> Style:
    return Style(
        sleeve=product.sleeve,
        neckline=product.neckline,
        length=product.length,
        pattern=product.pattern,
        gender=product.gender,
        arms=float(rng.uniform(0.5, 1.0) if shot.view.setting in FLOORS else rng.uniform(0.0, 0.3)),
        back=shot.view.back,
    )


def _pose(garment: Garment, product: Product, shot: Shot, rng: np.random.Generator) -> Pose:
    detail, steady = product.kind.detail, product.kind.stands or product.kind.stiff
    if shot.view.crop is Crop.DETAIL:
        return choose_close_pose(rng, garment, (detail.x, detail.y), steady=steady)
    return choose_pose(garment, rng, straight=shot.view.setting not in FLOORS, steady=steady)


def _stuff(product: Product, shot: Shot, seed: int, rng: np.random.Generator, light: Light) -> Stuff:
    return Stuff(
        weave=_weave(product, rng_of(seed, 8, product.number)),
        look=look_of(product.cloth),
        grain=grain_of(product.cloth, rng, HEIGHT_PX, WIDTH_PX, close=shot.view.crop is Crop.DETAIL),
        light_x=light.x,
        light_y=light.y,
    )


def _weave(product: Product, rng: np.random.Generator) -> Weave:
    """The same in every photo of the product, from whichever side."""
    return Weave(
        pattern=product.pattern,
        first=COLOURS[product.colour],
        second=COLOURS[product.second_colour],
        scale=float(rng.uniform(0.09, 0.15)),
        seed=int(rng.integers(1 << 30)),
        upright=product.kind.name in _UPRIGHT_STRIPES,
    )


def _jpeg(picture: Plane, light: Light, rng: np.random.Generator) -> bytes:
    top, left = (int(place) for place in rng.integers(_NOISE_SPARE_PX, size=2))
    picture *= as_planes(light.tint) * np.float32(255 * light.exposure)
    picture += _noise()[top : top + HEIGHT_PX, left : left + WIDTH_PX]
    np.clip(picture, 0, 255, out=picture)
    bands = [Image.fromarray(plane) for plane in picture.astype(np.uint8)]
    buffer = io.BytesIO()
    Image.merge("RGB", bands).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


_NOISE_SPARE_PX = 200


@lru_cache(maxsize=1)
def _noise() -> Plane:
    """The sensor's noise, of which every photo takes another part."""
    shape = (HEIGHT_PX + _NOISE_SPARE_PX, WIDTH_PX + _NOISE_SPARE_PX)
    return 1.3 * np.random.default_rng(_NOISE_SEED).standard_normal(shape, dtype=np.float32)
