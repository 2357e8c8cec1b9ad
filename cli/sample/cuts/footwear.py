"""Cutting shoes, seen from the outer side: trainers, boots and pumps, one in front of the other; and socks."""

import numpy as np

from cli.sample.outlines import Points, band, beside, between, corner, curve, disc, moved, sharp
from cli.sample.parts import Crease, Garment, Piece, Seam, Style, Tint, placed


def cut_trainers(rng: np.random.Generator, _style: Style) -> Garment:
    """A pair of trainers: rubber sole, toe cap, laces, heel patch, and a stripe or a patch at the side."""
    return _pair(_trainer(rng.uniform(-0.34, -0.26), striped=rng.random() < 0.6), lift=0.30, aside=0.20)


def cut_boots(rng: np.random.Generator, _style: Style) -> Garment:
    """A pair of ankle boots, elastic at the ankle or laced."""
    top = rng.uniform(-0.62, -0.48)
    return _pair(_boot(top, laced=rng.random() < 0.5), lift=0.24, aside=0.30)


def cut_pumps(rng: np.random.Generator, _style: Style) -> Garment:
    """A pair of pumps with a high heel."""
    return _pair(_stretched(_pump(rng.uniform(0.95, 1.15)), 0.86, 1.35), lift=0.34, aside=0.20)


def cut_socks(_rng: np.random.Generator, _style: Style) -> Garment:
    """A pair of socks laid flat: ribbed top, heel and toe in the second colour."""
    sock = curve([*corner(-0.20, -0.70), *corner(0.10, -0.70), (0.11, -0.2), (0.14, 0.12), (0.36, 0.30), (0.56, 0.42),
                  (0.58, 0.56), (0.42, 0.64), (0.12, 0.58), (-0.12, 0.46), (-0.22, 0.24), (-0.19, -0.1)])  # fmt: skip
    heel = curve([*corner(-0.03, 0.30), (-0.16, 0.12), *corner(-0.225, 0.14), (-0.22, 0.34), (-0.12, 0.46),
                  *corner(0.01, 0.52)])  # fmt: skip
    toe = curve([*corner(0.44, 0.345), (0.57, 0.43), (0.585, 0.55), (0.46, 0.635), *corner(0.34, 0.63)])
    rib = sharp((-0.205, -0.71), (0.105, -0.71), (0.108, -0.52), (-0.198, -0.52))
    one: Garment = [
        Piece(outline=sock, puff=0.7, folds=0.7),
        Piece(outline=rib, tint=Tint.PLAIN, puff=0.4, ribbed=True),
    ]
    one += [Piece(outline=part, tint=Tint.ACCENT, puff=0.3, folds=0.2) for part in (heel, toe)]
    return _shifted(one, -0.28, -0.08) + _shifted(one, 0.14, 0.10)


def _pair(shoe: Garment, *, lift: float, aside: float = 0.12) -> Garment:
    """The same shoe twice: one further back, up and aside."""
    return _shifted(shoe, aside, -lift) + _shifted(shoe, -aside, 0.0)


def _shifted(garment: Garment, x: float, y: float) -> Garment:
    return placed(garment, lambda points: moved(points, x, y))


def _stretched(garment: Garment, x: float, y: float) -> Garment:
    return placed(garment, lambda points: points * (x, y))


def _trainer(high: float, *, striped: bool) -> Garment:
    upper = curve([*corner(-0.76, 0.22), (-0.785, 0.0), *corner(-0.73, high), (-0.60, high + 0.10), (-0.44,
        high + 0.10),
                   *corner(-0.27, high - 0.01), (-0.02, -0.13), (0.30, -0.015), (0.58, 0.03), (0.76, 0.11),
                   *corner(0.80, 0.23)])  # fmt: skip
    tongue = curve(
        [*corner(-0.33, high + 0.05), *corner(-0.27, high - 0.10), (-0.15, high - 0.09), *corner(0.02, -0.13)]
    )
    toe = curve([*corner(0.42, 0.23), (0.44, 0.10), (0.52, 0.03), (0.70, 0.075), *corner(0.81, 0.23)])
    heel = curve(
        [*corner(-0.77, 0.23), (-0.787, 0.0), *corner(-0.745, high + 0.05), (-0.66, -0.02), *corner(-0.56, 0.23)]
    )
    collar = curve([(-0.73, high), (-0.60, high + 0.10), (-0.44, high + 0.10), (-0.27, high - 0.01)], closed=False)
    eyelets = curve([(-0.25, high + 0.03), (-0.02, -0.09), (0.20, -0.005)], closed=False)
    parts: Garment = [Piece(outline=tongue, tint=Tint.PLAIN, puff=0.6, folds=0.2)]
    parts += [Piece(outline=_opening(high), tint=Tint.DARK, puff=0.0, folds=0)]
    parts += [Piece(outline=upper, puff=0.9, folds=0.4, creases=_flex(0.28, 0.06))]
    parts += [Piece(outline=band(collar, 0.055), tint=Tint.PLAIN, puff=0.5, folds=0)]
    parts += [Piece(outline=heel, tint=Tint.ACCENT, puff=0.4, folds=0), Seam(line=heel, depth=0.3, dashed=True)]
    parts += [Piece(outline=toe, tint=Tint.PLAIN, puff=0.5, folds=0), Seam(line=toe, depth=0.3, dashed=True)]
    side = band(curve([(-0.40, 0.20), (-0.20, 0.08), (0.06, -0.02)], closed=False), 0.07)
    parts += [Piece(outline=side if striped else disc(-0.34, 0.04, 0.085), tint=Tint.ACCENT, puff=0.25, folds=0)]
    parts += [Seam(line=beside(eyelets, 0.075), depth=0.35, dashed=True)]
    return [*parts, *_laces(eyelets), *_rubber_sole()]


def _opening(high: float) -> Points:
    """The dark inside, behind the collar's dip."""
    return curve([*corner(-0.73, high + 0.005), (-0.5, high - 0.03), *corner(-0.28, high - 0.005), (-0.44, high + 0.13),
                  (-0.6, high + 0.13)])  # fmt: skip


def _laces(eyelets: Points) -> Garment:
    parts: Garment = []
    for x, y in eyelets[1:-1:3]:
        lace = between((x - 0.035, y + 0.055), (x + 0.075, y - 0.055), bow=0.012)
        parts += [Piece(outline=disc(x - 0.035, y + 0.055, 0.016), tint=Tint.METAL, puff=0.2, folds=0)]
        parts += [Piece(outline=band(lace, 0.032), tint=Tint.PALE, puff=0.6, folds=0)]
    return parts


def _rubber_sole() -> Garment:
    sole = curve([*corner(-0.80, 0.20), (-0.3, 0.215), (0.40, 0.21), (0.74, 0.185), (0.865, 0.215), (0.84, 0.285),
                  (0.66, 0.345), (0.30, 0.36), (-0.70, 0.36), (-0.80, 0.33)])  # fmt: skip
    line = curve([(-0.795, 0.320), (0.30, 0.322), (0.62, 0.31), (0.83, 0.26)], closed=False)
    foxing = curve([(-0.80, 0.235), (0.0, 0.245), (0.70, 0.225), (0.84, 0.215)], closed=False)
    return [Piece(outline=sole, tint=Tint.PALE, puff=0.5, folds=0), Seam(line=foxing, depth=0.25),
            Seam(line=line, width=0.012, depth=0.1, tint=Tint.ACCENT)]  # fmt: skip


def _boot(top: float, *, laced: bool) -> Garment:
    upper = curve([*corner(-0.50, 0.42), (-0.525, 0.22), (-0.49, 0.0), *corner(-0.50, top), (-0.28, top + 0.025),
                   *corner(-0.04, top - 0.015), (-0.03, -0.10), (0.10, 0.06), (0.40, 0.14), (0.60, 0.24),
                   *corner(0.665, 0.42)])  # fmt: skip
    welt = curve([*corner(-0.53, 0.405), (0.1, 0.41), (0.64, 0.40), (0.685, 0.43), (0.66, 0.455), (0.1, 0.455),
                  *corner(-0.53, 0.455)])  # fmt: skip
    sole = curve([*corner(-0.52, 0.45), (0.1, 0.45), *corner(0.66, 0.45), (0.60, 0.50), (0.2, 0.51), *corner(-0.06,
        0.49),
                  *corner(-0.12, 0.60), *corner(-0.50, 0.60)])  # fmt: skip
    loop = band(curve([(-0.47, top + 0.05), (-0.48, top - 0.08), (-0.43, top - 0.08), (-0.42, top + 0.05)],
                      closed=False),
                0.024)  # fmt: skip
    mouth = disc(-0.27, top + 0.005, 0.215, flatness=0.12)
    parts: Garment = [Piece(outline=loop, tint=Tint.PLAIN, puff=0.3, folds=0)]
    parts += [Piece(outline=mouth, tint=Tint.DARK, puff=0.0, folds=0)]
    parts += [Piece(outline=upper, puff=1.0, folds=0.5, creases=(*_flex(0.12, 0.10), *_ankle()))]
    parts += [Seam(line=curve([(0.10, 0.06), (0.04, 0.22), (0.09, 0.40)], closed=False), depth=0.4, dashed=True)]
    parts += [Seam(line=curve([(-0.50, 0.12), (-0.36, 0.20), (-0.33, 0.41)], closed=False), depth=0.4, dashed=True)]
    parts += _boot_laces(top) if laced else _gusset(top)
    return [*parts, Piece(outline=sole, tint=Tint.DARK, puff=0.3, folds=0),
            Piece(outline=welt, tint=Tint.TAN, puff=0.4, folds=0),
            Seam(line=between((-0.51, 0.425), (0.66, 0.42)), depth=0.3, dashed=True)]  # fmt: skip


def _gusset(top: float) -> Garment:
    gusset = curve(
        [*corner(-0.36, top + 0.03), *corner(-0.19, top + 0.03), (-0.20, -0.10), (-0.26, 0.03), (-0.34, -0.10)]
    )
    return [Piece(outline=gusset, tint=Tint.DARK, puff=0.15, folds=0, ribbed=True), Seam(line=gusset * 1.02, depth=0.3)]


def _boot_laces(top: float) -> Garment:
    """Laces from the instep up the shaft, through eyelets, with a bow."""
    edge = curve([(-0.10, top + 0.04), (-0.10, -0.14), (0.06, 0.05)], closed=False)
    parts: Garment = [Seam(line=beside(edge, 0.03), depth=0.5)]
    for x, y in edge[1::2]:
        parts += [Piece(outline=disc(x - 0.01, y, 0.014), tint=Tint.METAL, puff=0.3, folds=0)]
        parts += [
            Piece(outline=band(between((x - 0.01, y), (x + 0.075, y - 0.045)), 0.022), tint=Tint.TAN, puff=0.5, folds=0)
        ]
    return parts


def _pump(heel: float) -> Garment:
    floor = 0.36
    seat = floor - 0.36 * heel
    arch = [(-0.30, seat + 0.13), (0.05, 0.265), (0.40, floor)]
    upper = curve([*corner(-0.60, seat + 0.08), (-0.625, seat - 0.08), *corner(-0.585, seat - 0.20), (-0.44,
        seat - 0.04),
                   (-0.20, 0.08), (0.08, 0.19), *corner(0.27, 0.165), (0.48, 0.205), (0.66, 0.27),
                   *corner(0.755, floor - 0.02), *arch[::-1]])  # fmt: skip
    stiletto = curve([*corner(-0.615, seat + 0.02), *corner(-0.38, seat + 0.12), (-0.53, 0.5 * (seat + floor)),
                      *corner(-0.550, floor + 0.03), *corner(-0.592, floor + 0.03),
                      (-0.605, 0.5 * (seat + floor))])  # fmt: skip
    inside = curve([*corner(-0.585, seat - 0.195), (-0.36, seat - 0.04), (0.0, 0.09), *corner(0.27, 0.165), (0.10,
        0.21),
                    (-0.2, 0.13), (-0.44, seat + 0.02)])  # fmt: skip
    sole = curve([*corner(-0.60, seat + 0.06), *((x, y - 0.02) for x, y in arch), *corner(0.76, floor - 0.03),
                  *corner(0.76, floor + 0.005), (0.42, floor + 0.028), (0.06, 0.295), (-0.32, seat + 0.155),
                  *corner(-0.60, seat + 0.10)])  # fmt: skip
    return [Piece(outline=stiletto, tint=Tint.PLAIN, puff=0.6, folds=0),
            Piece(outline=inside, tint=Tint.TAN, puff=0.0, folds=0),
            Piece(outline=sole, tint=Tint.DARK, puff=0.2, folds=0), Piece(outline=upper, puff=0.8,
                                                                          folds=0.3)]  # fmt: skip


def _flex(x: float, y: float) -> tuple[Crease, ...]:
    """Where the foot bends."""
    return tuple(Crease(line=between((x + 0.05 * n, y - 0.03), (x - 0.05 + 0.05 * n, y + 0.11), bow=0.01), width=0.03,
                        height=-0.7) for n in range(2))  # fmt: skip


def _ankle() -> tuple[Crease, ...]:
    return tuple(Crease(line=between((-0.45, y), (-0.10, y + 0.05), bow=0.03), width=0.04, height=-0.7)
                 for y in (-0.10, -0.02, 0.07))  # fmt: skip
