"""Cutting what is pulled over the head: t-shirts, tops, jumpers, sweatshirts, hoodies and dresses."""

import numpy as np

from cli.sample.cuts.body import (
    ARMPIT_Y,
    TOP_Y,
    Body,
    body_creases,
    body_of,
    cuff_strip,
    hem_line,
    ribbed_hem,
    sleeve_creases,
)  # fmt: skip
from cli.sample.cuts.prints import chest_print
from cli.sample.outlines import band, beside, between, both_sides, box, corner, curve, disc, mirrored
from cli.sample.parts import Crease, Garment, Piece, Seam, Style, Tint


def cut_tee(rng: np.random.Generator, style: Style) -> Garment:
    """A t-shirt with short or long sleeves, or a top without."""
    body = body_of(rng, style, length=0.60, flare=0.01)
    garment = [*_behind(body), *sleeves(rng, body, style, ribbed=False)]
    garment += [Piece(outline=body.outline(), creases=body_creases(rng, body)), *_hem_seams(body)]
    if style.pattern == "Graphic" and not style.back:
        garment += chest_print(rng)
    return [*garment, *_bound_edges(body, width=0.034)]


def cut_jumper(rng: np.random.Generator, style: Style) -> Garment:
    """A jumper or sweatshirt with ribs at neck, hem and cuffs; the neck may be rolled."""
    body = body_of(rng, style, length=0.54, ease=0.035)
    garment = [*_behind(body), *sleeves(rng, body, style, ribbed=True)]
    garment += [Piece(outline=body.outline(), puff=0.75, creases=body_creases(rng, body)), _ribbed_hem(body)]
    if style.pattern == "Graphic" and not style.back:
        garment += chest_print(rng)
    if style.neckline != "Turtleneck":
        return [*garment, *_bound_edges(body, width=0.052)]
    roll = [(0.0, -0.835), (0.10, -0.83), *corner(body.neck - 0.012, -0.82), (body.neck - 0.002, -0.72),
            *corner(body.neck + 0.025, TOP_Y + 0.02), (0.09, TOP_Y + 0.085), (0.0, TOP_Y + 0.095)]  # fmt: skip
    fold = between((-body.neck, -0.735), (body.neck, -0.735), bow=0.03)
    return [*garment, Piece(outline=curve(mirrored(roll)), tint=Tint.PLAIN, puff=0.8, ribbed=True),
            Seam(line=fold, width=0.012, depth=0.5)]  # fmt: skip


def cut_hoodie(rng: np.random.Generator, style: Style) -> Garment:
    """A hoodie with a hood laid back, a pouch, cords and ribs."""
    body = body_of(rng, style, length=0.54, ease=0.05)
    half = [(0.0, -0.90), (0.14, -0.885), (0.225, -0.79), (0.235, -0.68), *corner(0.20, -0.565), (0.0, -0.48)]
    opening = [(0.0, -0.845), (0.10, -0.825), (0.155, -0.74), (0.14, -0.63), (0.07, -0.545), (0.0, -0.52)]
    garment: Garment = sleeves(rng, body, style, ribbed=True)
    garment += [Piece(outline=body.outline(), puff=0.8, creases=body_creases(rng, body)), _ribbed_hem(body)]
    if style.pattern == "Graphic":
        garment += chest_print(rng)
    pouch = curve(
        mirrored([(0.0, 0.10), *corner(0.17, 0.10), *corner(0.285, 0.30), *corner(0.285, 0.45), (0.0, 0.455)])
    )
    garment += [Piece(outline=pouch, puff=0.35, folds=0.6), Seam(line=pouch * (0.95, 0.98), depth=0.3, dashed=True)]
    garment += [Piece(outline=curve(mirrored(half)), puff=0.8, creases=_hood_creases())]
    garment += [Piece(outline=curve(mirrored(opening)), tint=Tint.INSIDE, puff=-0.25, folds=0.5)]
    garment += [Seam(line=curve(mirrored([(x * 1.13, y - 0.012) for x, y in opening])), depth=0.3, dashed=True)]
    for side in (1, -1):
        cord = curve([(side * 0.075, -0.545), (side * 0.09, -0.44), (side * 0.08, -0.33)], closed=False)
        garment += [Piece(outline=disc(side * 0.075, -0.55, 0.013), tint=Tint.METAL, puff=0.4, folds=0)]
        garment += [Piece(outline=band(cord, 0.017), tint=Tint.PALE, puff=0.5, folds=0)]
    return garment


def cut_dress(rng: np.random.Generator, style: Style) -> Garment:
    """A dress with a fitted bodice, a belt or a seam at the waist, and a flared skirt; `length` Short or Long."""
    body = body_of(rng, style, length=0.04, ease=-0.085, flare=-0.06)
    hem = 0.48 if style.length == "Short" else 1.16
    waist, flare = body.hem, rng.uniform(0.36, 0.48) + (0.04 if style.length == "Long" else 0.0)
    half = [(0.0, 0.0), *corner(waist, 0.0), (waist + 0.05, 0.14), (flare - 0.04, hem * 0.72), *corner(flare,
        hem - 0.03),
            (flare * 0.5, hem), (0.0, hem + 0.005)]  # fmt: skip
    skirt = Piece(outline=curve(mirrored(half)), puff=0.6, folds=0.7, creases=flutes(rng, waist, flare, 0.02, hem))
    garment = [*_behind(body), skirt, Seam(line=_hem_of(flare - 0.012, hem - 0.035, 0.02), depth=0.2)]
    garment += [*sleeves(rng, body, style, ribbed=False)]
    garment += [Piece(outline=body.outline(), puff=0.6, creases=_darts(body)), *_bound_edges(body, width=0.022)]
    if rng.random() < 0.5:
        return [*garment, Seam(line=between((-waist, 0.03), (waist, 0.03), bow=0.008), width=0.012, depth=0.5)]
    belt = box(-waist - 0.008, 0.0, waist + 0.008, 0.06, radius=0.008)
    bow = [] if style.back else _bow(rng, 0.03)
    return [*garment, Piece(outline=belt, tint=Tint.PLAIN, puff=0.5, folds=0.2), *bow]


def sleeves(rng: np.random.Generator, body: Body, style: Style, *, ribbed: bool) -> Garment:
    """Both sleeves with their hems; none for a sleeveless style."""
    if body.sleeveless:
        return []
    cuff = {"Short": 0.245, "Three-Quarter": 0.19}.get(style.sleeve, 0.165 if ribbed else 0.15)
    parts: Garment = []
    for side in (1, -1):
        outline, ends = body.sleeve(style.sleeve, style.arms + rng.uniform(-0.05, 0.05), cuff=cuff)
        turn = side * np.arctan2(ends[0][0] - body.shoulder, ends[0][1] + 0.6)
        creases = tuple(
            Crease(line=crease.line * (side, 1), width=crease.width, height=crease.height)
            for crease in sleeve_creases(rng, ends, body)
        )
        parts.append(Piece(outline=outline * (side, 1), puff=0.65, turn=-turn, folds=0.8, creases=creases))
        if ribbed:
            rib = cuff_strip(ends, 0.085) * (side, 1)
            parts.append(Piece(outline=rib, tint=Tint.PLAIN, puff=0.4, turn=-turn, folds=0.2, ribbed=True))
        else:
            parts.append(Seam(line=hem_line(ends, 0.03) * (side, 1), depth=0.3, dashed=True))
    return parts


def flutes(rng: np.random.Generator, top: float, bottom: float, top_y: float, bottom_y: float) -> tuple[Crease, ...]:
    """The upright folds of a skirt, from the waist towards the hem."""
    creases = []
    for number, at in enumerate(np.linspace(-0.88, 0.88, int(rng.integers(8, 12)))):
        jitter = rng.uniform(-0.05, 0.05)
        start = (top * at, top_y + rng.uniform(0.0, 0.1) * (bottom_y - top_y))
        end = (bottom * (at + jitter), bottom_y + 0.25)  # thickest near the hem: it tapers only beyond it
        height = 0.9 if number % 2 else -0.9
        creases.append(Crease(line=between(start, end, bow=rng.uniform(-0.02, 0.02)), width=0.10, height=height))
    return tuple(creases)


def _behind(body: Body) -> Garment:
    """The inner side of the back with its tape and label, seen through the neckline."""
    inside = Piece(outline=body.inside(), tint=Tint.INSIDE, puff=0.0, folds=0.3)
    tape = Seam(line=beside(body.back_line(), 0.018), width=0.006, depth=0.4)
    if body.neck_depth < 0.09:
        return [inside, tape]
    label = box(-0.032, TOP_Y + 0.035, 0.032, TOP_Y + 0.075, radius=0.004)
    return [inside, tape, Piece(outline=label, tint=Tint.PALE, puff=0.1, folds=0)]


def _bound_edges(body: Body, *, width: float) -> Garment:
    """The band round the neck, and round the armholes where there are no sleeves."""
    binding = band(beside(body.neck_line(), width * 0.45), width)
    parts: Garment = [Piece(outline=binding, tint=Tint.PLAIN, puff=0.25, folds=0.1)]
    parts.append(Seam(line=beside(body.neck_line(), width * 0.98), depth=0.25, width=0.005))
    if body.sleeveless:
        strap = body.neck + 0.105
        edge = curve([(strap, TOP_Y + 0.015), (strap - 0.012, -0.46), (strap + 0.03, -0.31),
                      (body.chest, ARMPIT_Y + 0.02)], closed=False)  # fmt: skip
        parts += [Seam(line=line, depth=0.3) for line in both_sides(beside(edge, 0.022))]
    return parts


def _ribbed_hem(body: Body) -> Piece:
    return Piece(outline=ribbed_hem(body.hem, body.length), tint=Tint.PLAIN, puff=0.3, folds=0.3, ribbed=True)


def _hem_seams(body: Body) -> Garment:
    return [
        Seam(line=_hem_of(body.hem - 0.006, body.length - y, 0.008), depth=0.28, dashed=True) for y in (0.04, 0.048)
    ]


def _hem_of(half: float, y: float, bow: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return between((-half, y), (half, y), bow=bow)


def _darts(body: Body) -> tuple[Crease, ...]:
    lines = (between((side * 0.13, 0.05), (side * 0.17, -0.20)) for side in (1, -1))
    sides = (between((side * body.chest, -0.16), (side * 0.16, -0.22)) for side in (1, -1))
    return tuple(Crease(line=line, width=0.025, height=-0.7) for line in (*lines, *sides))


def _hood_creases() -> tuple[Crease, ...]:
    right = between((0.21, -0.66), (0.12, -0.50), bow=0.02)
    return tuple(Crease(line=line, width=0.04, height=-0.9) for line in both_sides(right))


def _bow(rng: np.random.Generator, y: float) -> Garment:
    """A tied bow at the waist with two ends hanging."""
    x = rng.uniform(-0.06, 0.06)
    parts: Garment = []
    for side in (1, -1):
        end = curve([(x, y), (x + side * 0.035, y + 0.12), (x + side * 0.05, y + 0.24)], closed=False)
        loop = curve([*corner(x, y), (x + side * 0.07, y - 0.04), (x + side * 0.11, y), (x + side * 0.07, y + 0.035)])
        parts += [Piece(outline=band(end, 0.032), tint=Tint.PLAIN, puff=0.3, folds=0.3)]
        parts += [Piece(outline=loop, tint=Tint.PLAIN, puff=0.5, folds=0.3)]
    return [*parts, Piece(outline=disc(x, y, 0.022), tint=Tint.PLAIN, puff=0.5, folds=0)]
