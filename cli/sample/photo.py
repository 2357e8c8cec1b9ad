"""One photo of one product: cut, posed, painted, lit, and put into JPEG bytes."""

import io

import numpy as np
from PIL import Image

from cli.sample.canvas import Canvas, Pose
from cli.sample.cloth import Weave, smooth_noise
from cli.sample.colours import COLOURS
from cli.sample.others import cut_bag, cut_boot, cut_hat, cut_scarf, cut_shoe, cut_skirt, cut_trousers
from cli.sample.outlines import Points, band, curve
from cli.sample.parts import Garment, Piece, Tint
from cli.sample.products import Product
from cli.sample.scene import Backdrop, backdrop_of, choose_light, lit
from cli.sample.shots import Setting, Shot
from cli.sample.tops import cut_coat, cut_dress, cut_hoodie, cut_jacket, cut_shirt, cut_top

SIZE_PX = 352
_BACKDROPS = dict.fromkeys(Setting, Backdrop.FLOOR) | {
    Setting.WHITE: Backdrop.STUDIO, Setting.GREY: Backdrop.STUDIO, Setting.WALL: Backdrop.HANGER,
}  # fmt: skip
_KNITTED = frozenset(("Jumper", "Hat", "Scarf"))


def draw_photo(product: Product, shot: Shot, seed: int) -> bytes:
    """The photo as JPEG bytes; the first one of a product is the straight one."""
    view = shot.number
    cut = np.random.default_rng((seed, 6, product.number))
    rng = np.random.default_rng((seed, 7, product.number, view))
    backdrop = _BACKDROPS[shot.setting]
    garment = _garment(product, cut)
    if backdrop is Backdrop.HANGER:
        garment = [*_hanger(), *garment]
    canvas = Canvas(
        size_px=SIZE_PX,
        pose=_pose(garment, view, rng),
        weave=_weave(product, cut),
        rng=rng,
        knit=product.kind.name in _KNITTED,
    )
    canvas.paint(garment)
    scene = backdrop_of(backdrop, rng, SIZE_PX)
    picture = lit(scene, canvas.shaded(), canvas.alpha, canvas.relief, choose_light(rng, backdrop))
    return _jpeg(picture * _vignette(rng)[..., None], rng)


def _garment(product: Product, cut: np.random.Generator) -> Garment:
    sleeve, neckline = product.sleeve, product.neckline
    match product.kind.name:
        case "T-Shirt" | "Top":
            return cut_top(
                cut, sleeve=sleeve, neckline=neckline, length=0.52, ease=0.0 if sleeve == "Short" else -0.05, knit=False
            )
        case "Jumper":
            return cut_top(cut, sleeve=sleeve, neckline=neckline, length=0.50, ease=0.05, knit=True)
        case "Dress":
            return cut_dress(cut, sleeve=sleeve, neckline=neckline, length=product.length)
        case "Shirt":
            return cut_shirt(cut, sleeve=sleeve)
        case "Trousers" | "Jeans" | "Shorts" as name:
            return cut_trousers(cut, hem_y=0.14 if name == "Shorts" else 0.95, denim=name == "Jeans")
        case "Skirt":
            return cut_skirt(cut, length=product.length)
    simple = {
        "Jacket": cut_jacket, "Coat": cut_coat, "Hoodie": cut_hoodie, "Trainers": cut_shoe, "Boots": cut_boot,
        "Handbag": cut_bag, "Hat": cut_hat, "Scarf": cut_scarf,
    }  # fmt: skip
    return simple[product.kind.name](cut)


def _weave(product: Product, cut: np.random.Generator) -> Weave:
    first, second = (_rgb(name) for name in (product.colour, product.second_colour))
    return Weave(
        pattern=product.pattern,
        first=first,
        second=second,
        scale=float(cut.uniform(0.10, 0.17)),
        seed=product.number,
    )


def _rgb(name: str) -> tuple[float, float, float]:
    return COLOURS[name]


def _pose(garment: Garment, view: int, rng: np.random.Generator) -> Pose:
    """The garment in the middle and as large as fits; later photos turned, sheared and nearer, cut at the edge."""
    points = np.vstack([part.outline for part in garment if isinstance(part, Piece)])
    low, high = points.min(axis=0), points.max(axis=0)
    fill = rng.uniform(0.84, 0.90) if view == 0 else rng.uniform(0.80, 1.08)
    scale = SIZE_PX * fill / float((high - low).max())
    turn = rng.normal(0, 0.015) if view == 0 else rng.normal(0, 0.14)
    shear = 0.0 if view == 0 else rng.normal(0, 0.06)
    shift = rng.normal(0, 3 if view == 0 else 10, 2)
    pose = Pose(x_px=0, y_px=0, scale_px=scale, turn=float(turn), shear=float(shear))
    middle = pose.to_pixels(((low + high) / 2)[None])[0]
    x, y = SIZE_PX / 2 - middle + shift
    return Pose(x_px=float(x), y_px=float(y), scale_px=scale, turn=float(turn), shear=float(shear))


def _hanger() -> Garment:
    hook: Points = curve([(0.0, -0.74), (0.0, -0.82), (0.05, -0.87), (0.02, -0.93), (-0.04, -0.91)], closed=False)
    bar = curve([(-0.42, -0.56), (0.0, -0.75), (0.42, -0.56)], closed=False)
    return [
        Piece(outline=band(line, width), tint=Tint.METAL, puff=0.5, folds=0)
        for line, width in ((hook, 0.02), (bar, 0.04))
    ]


def _vignette(rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    ramp = np.linspace(-1, 1, SIZE_PX, dtype=np.float32) ** 2
    uneven = 0.012 * smooth_noise(rng, SIZE_PX, SIZE_PX, rows=2, columns=2)
    return np.asarray(1.01 - 0.05 * (ramp[:, None] + ramp[None, :]) / 2 + uneven, np.float32)


def _jpeg(picture: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rng: np.random.Generator) -> bytes:
    noisy = picture * 255 + 1.6 * rng.standard_normal((SIZE_PX, SIZE_PX, 1), dtype=np.float32)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
