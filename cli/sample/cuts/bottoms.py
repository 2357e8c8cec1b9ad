"""Cutting what is worn below the waist: trousers of all lengths, jeans, track pants and skirts."""

import numpy as np

from cli.sample.cuts.tops import flutes
from cli.sample.outlines import Place, Points, beside, between, both_sides, box, corner, curve, disc, mirrored, sharp
from cli.sample.parts import Crease, Garment, Piece, Seam, Style, Tint

_WAIST_Y, _CROTCH_Y = -0.80, -0.24


def cut_trousers(rng: np.random.Generator, style: Style) -> Garment:
    """Pressed trousers: a crease down each leg, slanting pockets, a hook at the waist."""
    hem = _hem(rng, style, narrow=0.15, wide=0.25)
    garment = _legs(rng, hem, length=0.96)
    garment += [Seam(line=between((0.19, -0.55), ((hem[0] + hem[1]) / 2, 0.95)) * (side, 1), depth=0.3)
                for side in (1, -1)]  # fmt: skip
    return [*garment, *_slant_pockets(), *_fly(Tint.PLAIN), *_waistband()]


def cut_shorts(rng: np.random.Generator, style: Style) -> Garment:
    """Shorts that end above the knee, with turned-up or stitched hems."""
    hem = _hem(rng, style, narrow=0.30, wide=0.335)
    garment = _legs(rng, hem, length=0.12)
    hem_line = between((hem[0] + 0.004, 0.075), (hem[1] - 0.004, 0.055))
    garment += [Seam(line=line, depth=0.4, width=0.009) for line in both_sides(hem_line)]
    return [*garment, *_slant_pockets(), *_fly(Tint.PLAIN), *_waistband()]


def cut_jeans(rng: np.random.Generator, style: Style) -> Garment:
    """Jeans: faded thighs, round pockets with rivets, stitches in tan thread; two patch pockets on the back."""
    hem = _hem(rng, style, narrow=0.14, wide=0.23)
    garment = _legs(rng, hem, length=0.96)
    for side in (1, -1):
        garment += [Piece(outline=disc(side * 0.20, y, 0.075, flatness=f), tint=Tint.WASH, flat=True, soft=0.055)
                    for y, f in ((-0.22, 3.4), (0.30, 2.0))]  # fmt: skip
        garment += [Seam(line=between((side * (hem[0] + 0.004), 0.925), (side * (hem[1] - 0.004), 0.915)), depth=0.4,
                         tint=Tint.THREAD, dashed=True)]  # fmt: skip
    garment += _back_pockets() if style.back else [*_round_pockets(), *_fly(Tint.THREAD), *_whiskers()]
    patch = [Piece(outline=box(0.14, -0.855, 0.25, -0.785, radius=0.008), tint=Tint.TAN, puff=0.2, folds=0)]
    return [*garment, *_waistband(thread=True, closed=style.back), *(patch if style.back else [])]


def cut_track_pants(rng: np.random.Generator, _style: Style) -> Garment:
    """Track pants: elastic waist with cords, stripes down the sides, ribbed cuffs."""
    hem = (0.075, 0.235)
    garment = _legs(rng, hem, length=0.90, puff=0.8)
    for side in (1, -1):
        outer = np.array([(0.315, -0.72), (0.352, -0.45), (0.35, -0.1), (0.31, 0.3), (hem[1] + 0.01, 0.88)])
        stripe = curve([(float(x) - 0.03, float(y)) for x, y in outer], closed=False) * (side, 1)
        for x in (0.0, 0.026):
            garment += [Seam(line=beside(stripe, -side * x), width=0.016, depth=0.1, tint=Tint.ACCENT)]
        cuff = sharp((hem[0] + 0.012, 0.88), (hem[1] - 0.012, 0.87), (hem[1] - 0.02, 0.965), (hem[0] + 0.02, 0.965))
        garment += [Piece(outline=cuff * (side, 1), tint=Tint.PLAIN, puff=0.4, folds=0.2, ribbed=True)]
    waist = Piece(outline=box(-0.29, -0.845, 0.29, -0.755, radius=0.015), tint=Tint.PLAIN, puff=0.5, ribbed=True)
    cords = [Seam(line=curve([(x, -0.79), (1.6 * x, -0.66), (1.3 * x, -0.56)], closed=False), width=0.016, depth=0.2,
                  tint=Tint.PALE) for x in (0.03, -0.03)]  # fmt: skip
    return [*garment, *_slant_pockets(), waist, *cords]


def cut_skirt(rng: np.random.Generator, style: Style) -> Garment:
    """A flared skirt with a waistband; `length` Short or Long."""
    hem = 0.22 if style.length == "Short" else 0.74
    flare = rng.uniform(0.44, 0.54) + (0.04 if style.length == "Long" else 0.0)
    side = (0.075 + 0.75 * flare, 0.72 * hem - 0.144)
    half = [(0.0, -0.56), *corner(0.275, -0.565), (0.35, -0.36), side, *corner(flare, hem - 0.045),
            (flare / 2, hem), (0.0, hem + 0.012)]  # fmt: skip
    creases = flutes(rng, 0.27, flare, -0.5, hem)
    garment: Garment = [Piece(outline=curve(mirrored(half)), puff=0.55, folds=0.7, creases=creases)]
    line = curve([(-flare + 0.012, hem - 0.085), (0.0, hem - 0.03), (flare - 0.012, hem - 0.085)], closed=False)
    garment += [Seam(line=line, depth=0.25)]
    garment += [Piece(outline=box(-0.28, -0.635, 0.28, -0.545, radius=0.01), tint=Tint.PLAIN, puff=0.4, folds=0.2)]
    if rng.random() < 0.5:
        return [*garment, *(_button(0.0, float(y)) for y in np.linspace(-0.59, hem - 0.12, 7))]
    return [*garment, _button(0.22, -0.59), Seam(line=between((0.255, -0.54), (0.30, -0.30)), depth=0.4)]


def _hem(rng: np.random.Generator, style: Style, *, narrow: float, wide: float) -> Place:
    """Where a leg's hem begins and ends beside the axis."""
    width = float(rng.uniform(narrow, wide))
    inner = float(rng.uniform(0.045, 0.075)) + 0.05 * style.arms
    return inner, inner + width


def _legs(rng: np.random.Generator, hem: Place, *, length: float, puff: float = 0.65) -> Garment:
    """Two legs that overlap a little at the middle seam."""
    left, right = hem
    knee = 0.5 * (_CROTCH_Y + length)
    half = [
        *corner(-0.014, _WAIST_Y + 0.02), *corner(0.285, _WAIST_Y), (0.335, -0.55), (0.35, -0.30),
        *([((0.34 + right) / 2 - 0.02, knee)] if length > 0.5 else []),
        *corner(right, length - 0.01), *corner(left, length),
        *([(0.5 * left + 0.008, knee)] if length > 0.5 else []), *corner(-0.006, _CROTCH_Y),
    ]  # fmt: skip
    leg = curve(half)
    parts: Garment = []
    for side in (-1, 1):
        creases = _leg_creases(rng, side, hem, length)
        parts.append(Piece(outline=leg * (side, 1), puff=puff, folds=0.8, creases=creases, turn=0.03 * side))
    middle = curve([(0.0, _WAIST_Y + 0.06), (0.004, -0.5), (0.0, _CROTCH_Y)], closed=False)
    return [*parts, Seam(line=middle, width=0.009, depth=0.5)]


def _leg_creases(rng: np.random.Generator, side: int, hem: Place, length: float) -> tuple[Crease, ...]:
    """Cloth pulls from the crotch over the thigh, and breaks at knee and hem."""
    creases = []
    for y in rng.uniform(-0.42, -0.16, 4):
        start, end = (side * 0.02, _CROTCH_Y - 0.02), (side * rng.uniform(0.16, 0.28), y)
        creases.append(Crease(line=between(start, end, bow=0.02), width=0.035, height=-0.8))
    places = (length - 0.06, length - 0.13, 0.38, 0.30) if length > 0.5 else ()
    for y in places:
        wide = hem[1] - hem[0]
        start, end = (
            (side * (hem[0] + 0.1 * wide), y + rng.uniform(-0.02, 0.02)),
            (side * (hem[1] - 0.15 * wide), y - 0.04),
        )
        creases.append(Crease(line=between(start, end, bow=0.02), width=0.04, height=-0.7))
    return tuple(creases)


def _waistband(*, thread: bool = False, closed: bool = False) -> Garment:
    band_ = Piece(outline=box(-0.292, _WAIST_Y - 0.045, 0.292, _WAIST_Y + 0.045, radius=0.01), tint=Tint.PLAIN,
                  puff=0.35,
                  folds=0.15)  # fmt: skip
    tint = Tint.THREAD if thread else None
    stitches = [Seam(line=between((-0.285, y), (0.285, y)), depth=0.25, dashed=True, tint=tint)
                for y in (_WAIST_Y - 0.033, _WAIST_Y + 0.033)]  # fmt: skip
    loops = [Piece(outline=box(x - 0.013, _WAIST_Y - 0.055, x + 0.013, _WAIST_Y + 0.06, radius=0.005), tint=Tint.PLAIN,
                   puff=0.35, folds=0) for x in (-0.19, 0.19, *((0.0,) if closed else ()))]  # fmt: skip
    edge = Seam(line=between((0.035, _WAIST_Y - 0.045), (0.035, _WAIST_Y + 0.045)), depth=0.5)
    front: Garment = [] if closed else [edge, _button(0.0, _WAIST_Y, metal=thread)]
    return [band_, *stitches, *loops, *front]


def _fly(tint: Tint) -> Garment:
    line = curve([(0.065, _WAIST_Y + 0.05), (0.064, -0.52), (0.045, -0.44), (0.003, -0.40)], closed=False)
    seams: Garment = [Seam(line=line, depth=0.35, dashed=True, tint=Tint.THREAD if tint is Tint.THREAD else None)]
    if tint is Tint.THREAD:
        seams.append(Seam(line=beside(line, 0.012), depth=0.3, dashed=True, tint=Tint.THREAD))
    return seams


def _slant_pockets() -> Garment:
    line = between((0.215, _WAIST_Y + 0.05), (0.325, -0.53))
    return [part for side in both_sides(line) for part in (
        Seam(line=side, width=0.010, depth=0.6), Seam(line=side * 0.985, depth=0.2, dashed=True))]  # fmt: skip


def _round_pockets() -> Garment:
    line = curve([(0.13, _WAIST_Y + 0.04), (0.155, -0.66), (0.23, -0.61), (0.325, -0.605)], closed=False)
    parts: Garment = []
    for side, edge in zip((1, -1), both_sides(line), strict=True):
        parts += [Seam(line=edge, width=0.009, depth=0.7)]
        parts += [Seam(line=edge + np.array((-0.012 * side, 0.012)), depth=0.3, dashed=True, tint=Tint.THREAD)]
        parts += [Piece(outline=disc(side * x, y, 0.009), tint=Tint.METAL, puff=0.3, folds=0)
                  for x, y in ((0.14, -0.725), (0.315, -0.612))]  # fmt: skip
    return parts


def _back_pockets() -> Garment:
    """Two patch pockets with a curved line of stitches, and the yoke above them."""
    pocket = sharp((0.075, -0.58), (0.265, -0.595), (0.262, -0.40), (0.17, -0.355), (0.078, -0.39))
    arc = curve([(0.08, -0.50), (0.125, -0.48), (0.17, -0.455), (0.21, -0.485), (0.262, -0.51)], closed=False)
    yoke = between((0.0, -0.62), (0.32, -0.70))
    parts: Garment = []
    for outline, stitches, line in zip(both_sides(pocket), both_sides(arc), both_sides(yoke), strict=True):
        parts += [Seam(line=line, width=0.009, depth=0.5), Piece(outline=outline, puff=0.2, folds=0.3)]
        closed: Points = np.vstack([outline, outline[:1]])
        parts += [Seam(line=seam, depth=0.3, dashed=True, tint=Tint.THREAD) for seam in (stitches, closed * 0.985)]
    return parts


def _whiskers() -> Garment:
    """Where jeans crease when their wearer sits, they fade."""
    lines = [between((0.10, -0.44 + 0.07 * n), (0.31, -0.50 + 0.09 * n), bow=0.01) for n in range(3)]
    return [Piece(outline=np.vstack([beside(side, 0.008), beside(side, -0.008)[::-1]]), tint=Tint.WASH, flat=True,
                  soft=0.01)
            for line in lines for side in both_sides(line)]  # fmt: skip


def _button(x: float, y: float, *, metal: bool = False) -> Piece:
    return Piece(outline=disc(x, y, 0.019), tint=Tint.METAL if metal else Tint.BUTTON, puff=0.5, folds=0)
