"""Cutting what is worn with the rest: hats, scarves, belts, ties and sunglasses."""

import numpy as np

from cli.sample.outlines import Points, band, beside, between, box, corner, curve, disc, mirrored, moved, sharp
from cli.sample.parts import Crease, Garment, Piece, Seam, Style, Tint


def cut_cap(_rng: np.random.Generator, _style: Style) -> Garment:
    """A cap seen from the front and a little aside: panels, button, eyelets, a curved peak."""
    dome = curve([*corner(-0.52, 0.16), (-0.54, -0.10), (-0.40, -0.38), (-0.08, -0.52), (0.28, -0.42), (0.48, -0.14),
                  *corner(0.50, 0.14), (0.10, 0.07), (-0.26, 0.09)])  # fmt: skip
    peak = curve([*corner(-0.50, 0.14), (-0.24, 0.07), (0.10, 0.05), *corner(0.50, 0.12), (0.56, 0.30), (0.46, 0.40),
                  (0.14, 0.33), (-0.18, 0.35), (-0.44, 0.42), (-0.57, 0.32)])  # fmt: skip
    seams = [curve([(-0.08, -0.52), (-0.34, -0.24), (-0.40, 0.11)], closed=False),
             curve([(-0.08, -0.52), (0.22, -0.26), (0.32, 0.08)], closed=False)]  # fmt: skip
    parts: Garment = [Piece(outline=dome, puff=1.2, folds=0.4)]
    for seam in seams:
        parts += [Seam(line=seam, width=0.009, depth=0.5)]
        parts += [Seam(line=beside(seam, d), depth=0.2, dashed=True) for d in (0.02, -0.02)]
    parts += [Piece(outline=disc(x, -0.22, 0.015), tint=Tint.DARK, puff=0.1, folds=0) for x in (-0.42, 0.36)]
    parts += [Piece(outline=disc(-0.08, -0.515, 0.036, flatness=0.6), tint=Tint.PLAIN, puff=0.6, folds=0)]
    parts += [Piece(outline=disc(-0.05, -0.14, 0.105), tint=Tint.ACCENT, flat=True),
              Piece(outline=disc(-0.05, -0.14, 0.07), tint=Tint.CLOTH, flat=True)]  # fmt: skip
    parts += [Piece(outline=peak, tint=Tint.PLAIN, puff=0.8, folds=0.1)]
    rows = (curve([(-0.49, 0.18 + y), (-0.2, 0.12 + y), (0.12, 0.10 + y), (0.49, 0.16 + y)], closed=False)
            for y in (0.05, 0.11, 0.17))  # fmt: skip
    return [*parts, *(Seam(line=row, depth=0.25, dashed=True) for row in rows)]


def cut_beanie(rng: np.random.Generator, style: Style) -> Garment:
    """A knitted hat with a turned-up edge, sometimes with a pompon."""
    height = rng.uniform(-0.60, -0.50)
    crown = curve(mirrored([(0.0, height), (0.20, height + 0.05), (0.38, height + 0.24), (0.45, -0.02),
                            *corner(0.46, 0.25),
                            (0.0, 0.28)]))  # fmt: skip
    edge = curve(mirrored([(0.0, 0.10), (0.3, 0.085), *corner(0.475, 0.06), (0.485, 0.2), *corner(0.465, 0.35),
                           (0.3, 0.375),
                           (0.0, 0.385)]))  # fmt: skip
    parts: Garment = [
        Piece(outline=crown, puff=1.0, folds=0.4, ribbed=style.pattern == "Solid", creases=_gathers(height))
    ]
    parts.append(Piece(outline=edge, tint=Tint.PLAIN, puff=0.8, folds=0.1, ribbed=True))
    parts.append(Piece(outline=box(0.20, 0.20, 0.32, 0.29, radius=0.008), tint=Tint.TAN, puff=0.2, folds=0))
    if rng.random() < 0.5:
        parts += _pompon(rng, height - 0.07)
    return parts


def cut_scarf(rng: np.random.Generator, _style: Style) -> Garment:
    """A scarf laid once round, two ends with fringes."""
    parts: Garment = []
    for side, end in ((1, rng.uniform(0.68, 0.78)), (-1, rng.uniform(0.54, 0.66))):
        x = 0.155 * side
        tail = curve([*corner(x - 0.12, -0.40), *corner(x + 0.12, -0.40), (x + 0.145, 0.1), *corner(x + 0.15, end),
                      *corner(x - 0.14, end), (x - 0.135, 0.1)])  # fmt: skip
        fringes = [band(between((at, end - 0.01), (at + rng.uniform(-0.012, 0.012), end + 0.09)), 0.013)
                   for at in np.linspace(x - 0.13, x + 0.14, 13)]  # fmt: skip
        parts += [Piece(outline=line, tint=Tint.PLAIN, puff=0.3, folds=0) for line in fringes]
        creases = tuple(Crease(line=between((x + dx, -0.35), (x + 1.1 * dx, end + 0.2)), width=0.06, height=h)
                        for dx, h in ((-0.06, -0.8), (0.03, 0.7), (0.09, -0.7)))  # fmt: skip
        parts.append(Piece(outline=tail, puff=0.6, folds=0.9, turn=0.04 * side, creases=creases))
    inner = curve(mirrored([(0.0, -0.62), (0.20, -0.60), (0.27, -0.48), (0.16, -0.36), (0.0, -0.33)]))
    wrap = curve(mirrored([(0.0, -0.42), (0.16, -0.46), (0.25, -0.58), (0.32, -0.63), (0.40, -0.52), (0.37, -0.34),
                           (0.22, -0.18), (0.0, -0.12)]))  # fmt: skip
    folds = tuple(Crease(line=curve([(-0.36, -0.50 + y), (-0.18, -0.28 + y), (0.0, -0.22 + y), (0.18, -0.28 + y),
                                     (0.36, -0.50 + y)], closed=False), width=0.06, height=h)
                  for y, h in ((-0.06, -0.9), (0.0, 0.9), (0.05, -0.9)))  # fmt: skip
    return [
        *parts,
        Piece(outline=inner, tint=Tint.INSIDE, puff=0.2),
        Piece(outline=wrap, puff=0.9, folds=1.0, turn=0.4, creases=folds),
    ]


def cut_belt(rng: np.random.Generator, _style: Style) -> Garment:
    """A belt closed to a loop and seen from a little above: buckle, holes, keeper, and stitched edges."""
    wide, high = rng.uniform(0.60, 0.66), rng.uniform(0.15, 0.185)
    turns = np.linspace(np.pi, 0, 25)
    arc = np.stack([wide * np.cos(turns), 0.30 * np.sin(turns) ** 0.9], axis=1)
    back, front = arc * (1, -1), arc
    parts: Garment = [Piece(outline=_standing(back, high), tint=Tint.TAN, puff=0.25, folds=0.2)]
    parts += [Seam(line=moved(back, 0, y * high), depth=0.35, dashed=True) for y in (0.1, 0.9)]
    parts += [Piece(outline=_standing(front, high), puff=0.5, folds=0.2)]
    parts += [Seam(line=moved(front, 0, y * high), depth=0.4, dashed=True) for y in (0.1, 0.9)]
    for x in (0.20, 0.27, 0.34, 0.41):
        y = 0.30 * (1 - (x / wide) ** 2) ** 0.45 + 0.5 * high
        parts += [Piece(outline=disc(x, y, 0.013), tint=Tint.DARK, puff=0.1, folds=0)]
    middle = 0.30 + 0.5 * high
    keeper = box(0.125, middle - 0.56 * high, 0.165, middle + 0.56 * high, radius=0.01)
    return [*parts, Piece(outline=keeper, tint=Tint.PLAIN, puff=0.5, folds=0), *_buckle(middle, high)]


def cut_tie(_rng: np.random.Generator, _style: Style) -> Garment:
    """A tie with its knot tied, the narrow end behind the broad one; stripes run aslant."""
    blade = curve([*corner(-0.062, -0.60), *corner(0.062, -0.60), (0.10, -0.1), *corner(0.155, 0.72), *corner(0.0,
        0.92),
                   *corner(-0.155, 0.72), (-0.10, -0.1)])  # fmt: skip
    tail = curve(
        [*corner(-0.03, -0.55), *corner(0.05, -0.55), *corner(0.115, 0.58), *corner(0.065, 0.68), *corner(0.0, 0.60)]
    )
    knot = curve([*corner(-0.115, -0.77), (0.0, -0.785), *corner(0.115, -0.77), (0.085, -0.66), *corner(0.058, -0.585),
                  (0.0, -0.575), *corner(-0.058, -0.585), (-0.085, -0.66)])  # fmt: skip
    loop = curve([*corner(-0.10, -0.76), (-0.19, -0.86), (-0.14, -0.95), (0.0, -0.98), (0.14, -0.95), (0.19, -0.86),
                  *corner(0.10, -0.76), (0.10, -0.85), (0.0, -0.90), (-0.10, -0.85)])  # fmt: skip
    dimple = (Crease(line=between((0.0, -0.62), (0.01, -0.30)), width=0.035, height=-0.9),)
    return [Piece(outline=loop, puff=0.5, folds=0.3, turn=0.75), Piece(outline=tail, puff=0.4, folds=0.3,
                                                                             turn=0.75),
            Piece(outline=blade, puff=0.55, folds=0.3, turn=-0.75, creases=dimple),
            Piece(outline=knot, puff=0.8, folds=0.2, turn=0.75)]  # fmt: skip


def cut_sunglasses(rng: np.random.Generator, _style: Style) -> Garment:
    """Sunglasses from the front, round or square, with the temples folded behind."""
    square = rng.random() < 0.5
    parts: Garment = []
    for side, end_y in ((1, -0.31), (-1, -0.37)):
        temple = curve([(side * 0.60, -0.13), (side * 0.52, -0.25), (side * -0.10, end_y), (side * -0.46,
            end_y + 0.09)],
                       closed=False)  # fmt: skip
        parts.append(Piece(outline=band(temple, 0.042), tint=Tint.PLAIN, puff=0.6, folds=0))
    for side in (1, -1):
        frame = box(0.09, -0.21, 0.63, 0.23, radius=0.15) if square else disc(0.35, 0.0, 0.27)
        lens = box(0.135, -0.165, 0.585, 0.185, radius=0.12) if square else disc(0.35, 0.0, 0.225)
        glint = sharp((0.25, -0.16), (0.34, -0.16), (0.26, 0.15), (0.17, 0.15)) * (side, 1)
        parts += [
            Piece(outline=frame * (side, 1), puff=0.6, folds=0),
            Piece(outline=lens * (side, 1), tint=Tint.DARK, puff=0.15, folds=0),
        ]
        parts += [Piece(outline=glint, tint=Tint.WASH, flat=True, soft=0.03)]
    bridge = band(curve([(-0.13, -0.06), (0.0, -0.115), (0.13, -0.06)], closed=False), 0.05)
    pins = (Piece(outline=disc(side * 0.60, -0.14, 0.012), tint=Tint.METAL, puff=0.2, folds=0) for side in (1, -1))
    return [*parts, Piece(outline=bridge, puff=0.6, folds=0), *pins]


def _gathers(height: float) -> tuple[Crease, ...]:
    """Knitting drawn together at the top of a hat."""
    places = (-0.9, -0.45, 0.0, 0.45, 0.9)
    lines = (between((0.12 * at, height), (0.42 * at, height + 0.40), bow=0.03 * at) for at in places)
    return tuple(Crease(line=line, width=0.05, height=-0.7) for line in lines)


def _pompon(rng: np.random.Generator, y: float) -> Garment:
    """A ball of tufts, the outer ones first."""
    tufts: Garment = []
    for reach, count in ((0.115, 22), (0.07, 13), (0.02, 4)):
        for angle in np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 1):
            out = reach + rng.uniform(-0.012, 0.012)
            tuft = disc(float(out * np.cos(angle)), y + float(out * np.sin(angle)), rng.uniform(0.032, 0.042))
            tufts.append(Piece(outline=tuft, tint=Tint.ACCENT, puff=0.35, folds=1.5))
    return tufts


def _standing(arc: Points, high: float) -> Points:
    """The outline of a strap that stands on an arc."""
    return np.vstack([arc, moved(arc, 0, high)[::-1]])


def _buckle(y: float, width: float) -> Garment:
    """A frame with a bar and a prong."""
    high = 0.5 * width + 0.035
    outer = box(-0.13, y - high, 0.10, y + high, radius=0.04)
    inner = box(-0.09, y - high + 0.04, 0.06, y + high - 0.04, radius=0.02)
    prong = band(between((-0.11, y), (0.10, y)), 0.024)
    return [Piece(outline=outer, tint=Tint.METAL, puff=0.6, folds=0),
            Piece(outline=inner, tint=Tint.PLAIN, puff=0.2, folds=0),
            Piece(outline=prong, tint=Tint.METAL, puff=0.5, folds=0)]  # fmt: skip
