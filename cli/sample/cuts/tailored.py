"""Cutting what opens in front: shirts, polo shirts, jackets, blazers and coats, with their collars and closures."""

from dataclasses import replace

import numpy as np

from cli.sample.cuts.body import TOP_Y, Body, body_creases, body_of, cuff_strip, ribbed_hem
from cli.sample.cuts.tops import sleeves
from cli.sample.outlines import Points, band, beside, between, both_sides, box, corner, curve, disc, mirrored, sharp
from cli.sample.parts import Garment, Piece, Seam, Style, Tint


def cut_shirt(rng: np.random.Generator, style: Style) -> Garment:
    """A shirt with collar, placket and buttons, a breast pocket or two, and a curved hem."""
    body = _open_body(rng, style, length=0.66, neck_depth=0.13)
    tail = curve(mirrored([*body.neck_half(), *corner(body.shoulder, -0.575), (body.shoulder - 0.025, -0.42),
                           *corner(body.chest, -0.20), (body.waist, 0.2), *corner(body.hem, 0.54),
                           (body.hem * 0.72, 0.64), (0.0, 0.685)]))  # fmt: skip
    garment: Garment = [_inside(body), *sleeves(rng, body, style, ribbed=False), *_cuffs(body, style)]
    garment += [Piece(outline=tail, creases=body_creases(rng, body))]
    garment += _yoke(body)
    garment += _placket(TOP_Y + 0.11, 0.68, buttons=7)
    for side in (1, -1)[: int(rng.integers(1, 3))]:
        garment += _patch_pocket(side * 0.20, -0.20, flap=rng.random() < 0.5)
    return [*garment, *_collar(body, point=0.185)]


def cut_polo(rng: np.random.Generator, style: Style) -> Garment:
    """A polo shirt: short sleeves, a soft collar, three buttons."""
    body = _open_body(rng, style, length=0.58, neck_depth=0.12)
    garment: Garment = [_inside(body), *sleeves(rng, body, style, ribbed=False)]
    garment += _rib_cuffs(body, style)
    garment += [Piece(outline=body.outline(), creases=body_creases(rng, body))]
    placket = box(-0.03, TOP_Y + 0.09, 0.03, -0.30, radius=0.004)
    garment += [Piece(outline=placket, tint=Tint.PLAIN, puff=0.2, folds=0.2)]
    garment += [_button(0.0, y, 0.013) for y in (-0.50, -0.42, -0.345)]
    garment += [Seam(line=between((-body.hem, 0.545), (body.hem, 0.545), bow=0.008), depth=0.28, dashed=True)]
    return [*garment, *_collar(body, point=0.165, tint=Tint.PLAIN)]


def cut_jacket(rng: np.random.Generator, style: Style) -> Garment:
    """A short jacket with zip, ribbed hem and cuffs, and slanting pockets."""
    body = _open_body(rng, style, length=0.50, neck_depth=0.10, ease=0.045)
    garment: Garment = [_inside(body), *sleeves(rng, body, style, ribbed=True)]
    garment += [Piece(outline=body.outline(), puff=0.85, creases=body_creases(rng, body))]
    hem = Piece(outline=ribbed_hem(body.hem, body.length), tint=Tint.PLAIN, puff=0.3, folds=0.2, ribbed=True)
    garment += [hem, *_zip(TOP_Y + 0.10, body.length + 0.035)]
    yoke = between((body.shoulder - 0.02, -0.36), (0.02, -0.36), bow=-0.01)
    garment += [Seam(line=line, depth=0.4) for line in both_sides(yoke)]
    for side in (1, -1):
        slit = between((side * 0.17, 0.34), (side * 0.28, 0.10))
        garment += [Piece(outline=band(slit, 0.036), tint=Tint.PLAIN, puff=0.3, folds=0)]
        garment += [Seam(line=slit, width=0.008, depth=0.8)]
    return [*garment, *_collar(body, point=0.13)]


def cut_blazer(rng: np.random.Generator, style: Style) -> Garment:
    """A blazer: lapels, two buttons, flap pockets, and rounded fronts."""
    body = _open_body(rng, style, length=0.62, neck_depth=0.46, ease=0.01)
    front = curve([*corner(body.neck, TOP_Y), *corner(body.shoulder, -0.575), (body.shoulder - 0.025, -0.42),
                   *corner(body.chest, -0.20), (body.waist - 0.01, 0.12), *corner(body.hem + 0.01, 0.60), (0.20, 0.63),
                   (0.07, 0.60), (0.0, 0.48), *corner(-0.035, 0.20), *corner(-0.035, -0.18)])  # fmt: skip
    garment: Garment = [_inside(body), *_shirt_below(rng), *sleeves(rng, body, style, ribbed=False)]
    creases = body_creases(rng, body)[:8]
    garment += [Piece(outline=side, puff=0.7, folds=0.6, creases=creases) for side in both_sides(front)[::-1]]
    garment += [Seam(line=dart, depth=0.3) for dart in both_sides(between((0.19, -0.12), (0.17, 0.24), bow=0.012))]
    garment += [*_flaps(0.27, 0.26, 0.2), *_sleeve_buttons(body, style), *_lapels(notch_y=-0.42, to_y=-0.14)]
    welt = sharp((0.15, -0.24), (0.30, -0.27), (0.30, -0.225), (0.15, -0.195))
    garment += [Piece(outline=welt, tint=Tint.PLAIN, puff=0.3, folds=0)]
    return [*garment, *(_button(0.0, y, 0.02) for y in (-0.09, 0.08))]


def cut_coat(rng: np.random.Generator, style: Style) -> Garment:
    """A long coat with lapels, one or two rows of buttons and flap pockets."""
    body = _open_body(rng, style, length=0.96, neck_depth=0.40, ease=0.025, flare=0.05)
    garment: Garment = [_inside(body), *_shirt_below(rng), *sleeves(rng, body, style, ribbed=False)]
    garment += [Piece(outline=body.outline(), puff=0.75, folds=0.8, creases=body_creases(rng, body))]
    double = rng.random() < 0.6
    edge = 0.11 if double else 0.035
    garment += [Seam(line=between((edge, -0.20), (edge, 0.955)), width=0.012, depth=0.7)]
    garment += [Seam(line=between((edge - 0.02, -0.14), (edge - 0.02, 0.955)), depth=0.25, dashed=True)]
    garment += [*_flaps(0.27, 0.27, 0.19), *_sleeve_buttons(body, style), *_lapels(notch_y=-0.44, to_y=-0.16)]
    columns = (0.085, -0.085) if double else (0.0,)
    return [*garment, *(_button(x, y, 0.024) for x in columns for y in (-0.06, 0.15, 0.36))]


def _open_body(
    rng: np.random.Generator, style: Style, *, length: float, neck_depth: float, ease: float = 0.0, flare: float = 0.0
) -> Body:
    """A body whose neckline the collar decides."""

    body = body_of(rng, style, length=length, ease=ease + 0.01, flare=flare)
    return replace(body, neckline="V-Neck", neck_depth=neck_depth, neck=0.15)


def _inside(body: Body) -> Piece:
    return Piece(outline=body.inside(), tint=Tint.INSIDE, puff=0.0, folds=0.3)


def _collar(body: Body, *, point: float, tint: Tint = Tint.CLOTH) -> Garment:
    """A stand round the neck and two leaves folded over it."""
    neck = body.neck
    stand = curve(mirrored([(0.0, TOP_Y - 0.055), (0.08, TOP_Y - 0.06), *corner(neck - 0.01, TOP_Y - 0.07),
                            *corner(neck - 0.01, TOP_Y + 0.03), (0.08, TOP_Y + 0.05), (0.0,
                                TOP_Y + 0.11)]))  # fmt: skip
    leaf = curve([*corner(neck - 0.035, TOP_Y - 0.075), (neck + 0.02, TOP_Y - 0.055), *corner(neck + 0.075,
        TOP_Y + 0.03),
                  *corner(0.125, TOP_Y + 0.06 + point), (0.07, TOP_Y + 0.14), *corner(0.004, TOP_Y + 0.10),
                  (0.06, TOP_Y + 0.05)])  # fmt: skip
    label = box(-0.035, TOP_Y - 0.03, 0.035, TOP_Y + 0.012, radius=0.004)
    parts: Garment = [Piece(outline=stand, tint=Tint.INSIDE, puff=0.1, folds=0)]
    parts += [Piece(outline=label, tint=Tint.PALE, puff=0.1, folds=0)]
    for side, outline in zip((1, -1), both_sides(leaf), strict=True):
        parts += [Piece(outline=outline, tint=tint, puff=0.4, folds=0.2, turn=0.7 * side)]
        stitches = np.array(((neck + 0.062, TOP_Y + 0.03), (0.125, TOP_Y + 0.043 + point), (0.02, TOP_Y + 0.108)))
        parts += [Seam(line=stitches * (side, 1), depth=0.22, dashed=True)]
    return parts


def _lapels(*, notch_y: float, to_y: float) -> Garment:
    """Collar and lapels with a notch between them, crossing at `to_y`."""
    lapel = curve([*corner(0.12, notch_y - 0.11), *corner(0.255, notch_y), (0.155, notch_y + 0.135),
                   *corner(0.0, to_y), (0.05, notch_y + 0.07)])  # fmt: skip
    collar = curve([*corner(0.115, TOP_Y - 0.05), (0.19, TOP_Y), *corner(0.215, notch_y - 0.06),
                    *corner(0.17, notch_y - 0.035), *corner(0.085, notch_y - 0.12), (0.10, TOP_Y + 0.03)])  # fmt: skip
    back = curve(mirrored([(0.0, TOP_Y - 0.045), (0.07, TOP_Y - 0.05), *corner(0.15, TOP_Y - 0.05),
                           *corner(0.14, TOP_Y + 0.03), (0.0, TOP_Y + 0.05)]))  # fmt: skip
    parts: Garment = [Piece(outline=back, tint=Tint.PLAIN, puff=0.3, folds=0)]
    for side, (front, upper) in zip((-1, 1), (both_sides(lapel)[::-1][i : i + 1] + both_sides(collar)[::-1][i : i + 1]
                                              for i in (0, 1)), strict=True):  # fmt: skip
        parts += [Piece(outline=front, puff=0.45, folds=0.2, turn=-0.5 * side)]
        parts += [Piece(outline=upper, puff=0.45, folds=0.2, turn=0.5 * side)]
    return parts


def _shirt_below(rng: np.random.Generator) -> Garment:
    """A pale lining where the fronts open, as on a dressed form."""
    lining = curve(mirrored([(0.0, TOP_Y + 0.02), *corner(0.14, TOP_Y + 0.01), *corner(0.02, -0.12), (0.0, -0.12)]))
    tint = Tint.INSIDE if rng.random() < 0.6 else Tint.DARK
    label = box(-0.045, TOP_Y + 0.05, 0.045, TOP_Y + 0.10, radius=0.004)
    return [
        Piece(outline=lining, tint=tint, puff=0.0, folds=0.6),
        Piece(outline=label, tint=Tint.PALE, puff=0.1, folds=0),
    ]


def _placket(top: float, bottom: float, *, buttons: int) -> Garment:
    strip = Piece(outline=box(-0.03, top, 0.03, bottom, radius=0.004), puff=0.2, folds=0.4)
    seams = [Seam(line=between((x, top), (x, bottom)), depth=0.2, dashed=True) for x in (0.022, -0.022)]
    return [strip, *seams, *(_button(0.0, float(y), 0.0135) for y in np.linspace(top + 0.06, bottom - 0.12, buttons))]


def _zip(top: float, bottom: float) -> Garment:
    """Teeth between two tapes, and a puller."""
    middle = between((0.0, top), (0.0, bottom))
    tapes = [Seam(line=beside(middle, x), width=0.006, depth=0.5) for x in (0.026, -0.026)]
    teeth = Piece(outline=band(middle, 0.018), tint=Tint.METAL, puff=0.4, folds=0)
    puller = [Piece(outline=box(-0.010, y, 0.010, y + size, radius=0.008), tint=Tint.METAL, puff=0.5, folds=0)
              for y, size in ((top + 0.01, 0.03), (top + 0.035, 0.055))]  # fmt: skip
    return [*tapes, teeth, Seam(line=middle, width=0.005, depth=0.6, dashed=True), *puller]


def _patch_pocket(x: float, y: float, *, flap: bool) -> Garment:
    pocket = sharp(
        (x - 0.085, y - 0.09), (x + 0.085, y - 0.09), (x + 0.085, y + 0.07), (x, y + 0.10), (x - 0.085, y + 0.07)
    )
    parts: Garment = [Piece(outline=pocket, puff=0.06, folds=0.3), Seam(line=pocket * 0.99 + (x * 0.01, 0), depth=0.15)]
    if flap:
        cover = sharp((x - 0.092, y - 0.11), (x + 0.092, y - 0.11), (x + 0.092, y - 0.055), (x, y - 0.025),
                      (x - 0.092, y - 0.055))  # fmt: skip
        return [*parts, Piece(outline=cover, puff=0.25, folds=0.1), _button(x, y - 0.05, 0.011)]
    return [*parts, Seam(line=between((x - 0.085, y - 0.06), (x + 0.085, y - 0.06)), depth=0.25, dashed=True)]


def _flaps(x: float, y: float, width: float) -> Garment:
    """A pocket's flap at each side."""
    flap = box(x - width / 2, y, x + width / 2, y + 0.075, radius=0.02)
    return [Piece(outline=outline, puff=0.35, folds=0.1) for outline in both_sides(flap)]


def _yoke(body: Body) -> Garment:
    line = between((body.shoulder - 0.01, -0.50), (body.neck - 0.02, -0.555))
    return [Seam(line=side, depth=0.3) for side in both_sides(line)]


def _cuffs(body: Body, style: Style) -> Garment:
    """A long sleeve's cuff with its button."""
    if style.sleeve != "Long":
        return []
    _, ends = body.sleeve("Long", style.arms, cuff=0.15)
    outer, inner = (np.asarray(end) for end in ends)
    x, y = outer + (inner - outer) * 0.25 + (0.01, -0.045)
    strips = (Piece(outline=strip, puff=0.35, folds=0.2) for strip in both_sides(cuff_strip(ends, 0.095)))
    return [*strips, *(_button(side * float(x), float(y), 0.012) for side in (1, -1))]


def _rib_cuffs(body: Body, style: Style) -> Garment:
    _, ends = body.sleeve(style.sleeve, style.arms, cuff=0.245)
    return [Piece(outline=strip, tint=Tint.PLAIN, puff=0.3, folds=0.1) for strip in both_sides(cuff_strip(ends, 0.045))]


def _sleeve_buttons(body: Body, style: Style) -> Garment:
    _, ends = body.sleeve("Long", style.arms, cuff=0.15)
    outer, inner = (np.asarray(end) for end in ends)
    up = np.array((body.shoulder, -0.575)) - outer
    at = outer + (inner - outer) * 0.18
    places: list[Points] = [at + up * share for share in (0.05, 0.09, 0.13)]
    return [_button(side * float(x), float(y), 0.011) for side in (1, -1) for x, y in places]


def _button(x: float, y: float, radius: float) -> Piece:
    return Piece(outline=disc(x, y, radius), tint=Tint.BUTTON, puff=0.45, folds=0)
