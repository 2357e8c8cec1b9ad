"""Cutting what is not a top: skirts, trousers, shoes, bags, hats and scarves."""

import numpy as np

from cli.sample.outlines import band, box, corner, curve, disc, mirrored
from cli.sample.parts import Garment, Piece, Seam, Tint


def cut_skirt(rng: np.random.Generator, *, length: str) -> Garment:
    """A flared skirt with a waistband; `length` Short or Long."""
    hem = 0.28 if length == "Short" else 0.80
    flare = rng.uniform(0.46, 0.62)
    half = [
        (0.0, -0.52),
        *corner(0.28, -0.53),
        (0.38, -0.3),
        *corner(flare, hem),
        (flare / 2, hem + 0.05),
        (0.0, hem + 0.06),
    ]
    garment: Garment = [Piece(outline=curve(mirrored(half)), puff=0.9, folds=2.8)]
    garment.append(Piece(outline=box(-0.285, -0.60, 0.285, -0.50), tint=Tint.PLAIN, puff=0.4, folds=0.2))
    return [*garment, _button(0.0, -0.55, 0.018)]


def cut_trousers(rng: np.random.Generator, *, hem_y: float, denim: bool) -> Garment:
    """Trousers, jeans or shorts; `hem_y` is where the legs end."""
    width = rng.uniform(0.15, 0.20) if hem_y > 0.5 else rng.uniform(0.16, 0.18)
    spread = rng.uniform(0.05, 0.10)
    left, right = spread, spread + 2 * width
    half = [
        *corner(0.0, -0.76), *corner(0.29, -0.78), (0.355, -0.45), (0.36, -0.15),
        *corner(right, hem_y), *corner(left, hem_y + 0.01),
        *([(0.06, 0.0)] if hem_y > 0.5 else []), *corner(0.0, -0.24),
    ]  # fmt: skip
    leg = curve(half)
    parts: Garment = []
    for side in (1, -1):
        parts.append(Piece(outline=leg * (side, 1), puff=0.8, folds=1.1))
        hem = np.array([(left, hem_y - 0.045), (right, hem_y - 0.055)]) * (side, 1)
        parts.append(Seam(line=hem, depth=0.25, dashed=denim))
        pocket = curve([(0.14, -0.70), (0.20, -0.58), (0.325, -0.54)], closed=False) * (side, 1)
        parts.append(Seam(line=pocket, width=0.011, depth=0.45))
        if not denim and hem_y > 0.5:
            crease = np.array([(0.20, -0.5), ((left + right) / 2, hem_y - 0.02)]) * (side, 1)
            parts.append(Seam(line=crease, depth=0.16))
    parts.append(Seam(line=curve([(0.0, -0.7), (0.0, -0.24)], closed=False), width=0.011, depth=0.45))
    fly = curve([(0.07, -0.70), (0.068, -0.5), (0.0, -0.40)], closed=False)
    parts.append(Seam(line=fly, depth=0.3, dashed=denim))
    parts.append(Piece(outline=box(-0.295, -0.83, 0.295, -0.735), tint=Tint.PLAIN, puff=0.4, folds=0.1))
    loops = [Piece(outline=box(x - 0.014, -0.845, x + 0.014, -0.72, radius=0.006), tint=Tint.PLAIN, puff=0.4, folds=0)
             for x in (-0.2, 0.2)]  # fmt: skip
    return [*parts, *loops, _button(0.0, -0.782, 0.02)]


def cut_shoe(rng: np.random.Generator) -> Garment:
    """A trainer from its side: sole, upper, toe cap, stripe, laces."""
    high = rng.uniform(-0.36, -0.26)
    upper = curve([*corner(-0.78, 0.24), (-0.80, -0.05), *corner(-0.74, high), (-0.50, high + 0.10),
                   *corner(-0.26, high - 0.02),
                   (0.05, -0.10), (0.42, 0.02), (0.70, 0.09), *corner(0.80, 0.24)])  # fmt: skip
    sole = curve(
        [
            *corner(-0.84, 0.20),
            (0.0, 0.19),
            (0.76, 0.19),
            (0.87, 0.26),
            (0.80, 0.36),
            (0.0, 0.375),
            *corner(-0.80, 0.37),
        ]
    )
    toe = curve([*corner(0.50, 0.22), (0.50, 0.10), (0.60, 0.055), (0.74, 0.12), *corner(0.81, 0.22)])
    tongue = curve(
        [*corner(-0.30, high + 0.02), *corner(-0.20, high - 0.14), (-0.08, high - 0.08), *corner(0.0, -0.06)]
    )
    heel = curve([*corner(-0.79, 0.22), (-0.81, 0.0), *corner(-0.77, -0.12), (-0.64, 0.0), *corner(-0.60, 0.22)])
    stripe = band(curve([(-0.32, 0.20), (-0.10, 0.06), (0.10, -0.02)], closed=False), 0.075)
    parts: Garment = [Piece(outline=tongue, tint=Tint.PLAIN, puff=0.5), Piece(outline=upper, puff=1.2, folds=0.5)]
    parts += [
        Piece(outline=heel, tint=Tint.ACCENT, puff=0.6, folds=0),
        Piece(outline=stripe, tint=Tint.ACCENT, puff=0.3, folds=0),
    ]
    parts += [Piece(outline=toe, tint=Tint.PLAIN, puff=0.6, folds=0)]
    for step in range(5):
        x, y = -0.20 + step * 0.095, high + 0.04 + step * (0.02 - high) / 6
        lace = curve([(x - 0.05, y + 0.075), (x + 0.05, y - 0.02)], closed=False)
        parts.append(Piece(outline=band(lace, 0.03), tint=Tint.PALE, puff=0.6, folds=0))
    parts.append(Piece(outline=sole, tint=Tint.PALE, puff=0.6, folds=0))
    return [*parts, Seam(line=curve([(-0.82, 0.30), (0.84, 0.30)], closed=False), width=0.01, depth=0.2)]


def cut_boot(rng: np.random.Generator) -> Garment:
    """An ankle or high boot from its side."""
    top = rng.uniform(-0.78, -0.45)
    upper = curve([*corner(-0.52, 0.42), (-0.50, 0.1), *corner(-0.46, top), (-0.25, top + 0.03),
                   *corner(-0.02, top - 0.01),
                   (0.02, -0.05), (0.22, 0.14), (0.52, 0.25), *corner(0.64, 0.44)])  # fmt: skip
    sole = curve([*corner(-0.55, 0.40), (0.1, 0.42), (0.62, 0.41), (0.69, 0.46), *corner(0.62, 0.50),
                  *corner(-0.14, 0.50),
                  *corner(-0.18, 0.62), *corner(-0.52, 0.62)])  # fmt: skip
    gusset = curve([*corner(-0.30, top + 0.06), *corner(-0.16, top + 0.06), (-0.17, 0.0), (-0.23, 0.06), (-0.29, 0.0)])
    loop = band(
        curve([(-0.44, top), (-0.46, top - 0.09), (-0.40, top - 0.08), (-0.40, top + 0.02)], closed=False), 0.022
    )
    stitches = curve([(0.06, 0.02), (0.0, 0.22), (0.04, 0.40)], closed=False)
    return [
        Piece(outline=loop, tint=Tint.PLAIN, puff=0.3, folds=0),
        Piece(outline=upper, puff=1.4, folds=0.8),
        Piece(outline=gusset, tint=Tint.INSIDE, puff=0.1, folds=0, ribbed=True),
        Seam(line=stitches, depth=0.4, dashed=True),
        Piece(outline=sole, tint=Tint.INSIDE, puff=0.4, folds=0),
    ]


def cut_bag(rng: np.random.Generator) -> Garment:
    """A handbag with flap, or an open tote with two handles."""
    if rng.random() < 0.5:
        return _tote(rng)
    low, wide = 0.52, rng.uniform(0.52, 0.66)
    strap = band(
        curve([(-wide + 0.08, -0.16), (-0.34, -0.70), (0.0, -0.86), (0.34, -0.70), (wide - 0.08, -0.16)], closed=False),
        0.055,
    )
    body = curve(
        mirrored(
            [
                (0.0, -0.20),
                (wide - 0.1, -0.20),
                (wide - 0.02, -0.1),
                (wide, low - 0.1),
                (wide - 0.1, low),
                (0.0, low + 0.01),
            ]
        )
    )
    flap = curve(
        mirrored([(0.0, -0.23), (wide - 0.08, -0.23), *corner(wide - 0.015, -0.14), (wide - 0.06, 0.10), (0.0, 0.22)])
    )
    return [
        Piece(outline=strap, tint=Tint.PLAIN, puff=0.5, folds=0.2),
        Piece(outline=body, puff=1.0, folds=0.3),
        Piece(outline=flap, puff=0.8, folds=0.2),
        Seam(line=flap * 0.95 + (0, -0.008), depth=0.25, dashed=True),
        Piece(outline=box(-0.06, 0.13, 0.06, 0.25), tint=Tint.METAL, puff=0.6, folds=0),
        *(
            Piece(outline=disc(side * (wide - 0.09), -0.17, 0.035), tint=Tint.METAL, puff=0.6, folds=0)
            for side in (1, -1)
        ),
    ]


def _tote(rng: np.random.Generator) -> Garment:
    wide, low = rng.uniform(0.46, 0.56), 0.66
    body = curve(mirrored([*corner(wide - 0.05, -0.22), *corner(wide, low - 0.03), (wide - 0.06, low)]))
    loop = curve([(-0.24, 0.12), (-0.22, -0.32), (0.0, -0.52), (0.22, -0.32), (0.24, 0.12)], closed=False)
    handles = [band(loop + np.array((0, y)), 0.055) for y in (-0.26, -0.22)]
    return [
        Piece(outline=handles[0], tint=Tint.INSIDE, puff=0.3, folds=0),
        Piece(outline=body, puff=0.7, folds=1.0),
        Seam(line=curve([(-wide + 0.05, -0.15), (wide - 0.05, -0.15)], closed=False), depth=0.3, dashed=True),
        Piece(outline=handles[1], tint=Tint.PLAIN, puff=0.4, folds=0),
        Piece(outline=box(-0.1, 0.06, 0.1, 0.16), tint=Tint.PALE, puff=0.1, folds=0),
    ]


def cut_hat(rng: np.random.Generator) -> Garment:
    """A cap with a brim, or a knitted beanie with a turned-up edge."""
    if rng.random() < 0.5:
        return _beanie(rng)
    dome = curve(
        [
            *corner(-0.62, 0.22),
            (-0.60, -0.16),
            (-0.30, -0.46),
            (0.06, -0.48),
            (0.36, -0.28),
            *corner(0.46, 0.18),
            (0.0, 0.28),
        ]
    )
    brim = curve([*corner(0.10, 0.24), *corner(0.44, 0.12), (0.72, 0.20), (0.94, 0.34), (0.70, 0.37), (0.36, 0.36)])
    seams = [
        curve([(-0.08, -0.48), (-0.30, -0.16), (-0.36, 0.24)], closed=False),
        curve([(-0.06, -0.48), (0.16, -0.14), (0.16, 0.24)], closed=False),
    ]
    return [
        Piece(outline=dome, puff=1.5, folds=0.4),
        *(Seam(line=line, width=0.01, depth=0.35) for line in seams),
        Piece(outline=brim, tint=Tint.PLAIN, puff=0.7, folds=0.1),
        Piece(outline=disc(-0.08, -0.49, 0.035), tint=Tint.PLAIN, puff=0.6, folds=0),
        Piece(outline=box(-0.14, -0.14, 0.06, 0.04), tint=Tint.ACCENT, puff=0.2, folds=0),
    ]


def _beanie(rng: np.random.Generator) -> Garment:
    height = rng.uniform(-0.66, -0.5)
    half = [(0.0, height), (0.30, height + 0.12), (0.50, -0.1), *corner(0.52, 0.3), (0.0, 0.34)]
    edge = curve(mirrored([(0.0, 0.14), *corner(0.54, 0.10), *corner(0.53, 0.42), (0.0, 0.47)]))
    parts: Garment = [Piece(outline=curve(mirrored(half)), puff=1.3, folds=0.3, ribbed=True)]
    parts.append(Piece(outline=edge, tint=Tint.PLAIN, puff=0.9, folds=0.1, ribbed=True))
    if rng.random() < 0.5:
        parts.append(Piece(outline=disc(0.0, height - 0.06, 0.15), tint=Tint.ACCENT, puff=1.2, folds=3.0))
    return parts


def cut_scarf(rng: np.random.Generator) -> Garment:
    """A scarf laid once round, two ends with fringes."""
    parts: Garment = []
    for side, end in ((1, rng.uniform(0.70, 0.82)), (-1, rng.uniform(0.50, 0.66))):
        x = 0.17 * side
        tail = curve(
            [
                *corner(x - 0.15, -0.40),
                *corner(x + 0.15, -0.40),
                (x + 0.17, 0.2),
                *corner(x + 0.16, end),
                *corner(x - 0.15, end),
            ]
        )
        fringes = [
            band(np.array([(at, end - 0.01), (at + 0.012 * side, end + 0.10)]), 0.016)
            for at in np.linspace(x - 0.14, x + 0.15, 11)
        ]
        parts += [Piece(outline=line, tint=Tint.PLAIN, puff=0.3, folds=0) for line in fringes]
        parts.append(Piece(outline=tail, puff=0.8, folds=1.6, turn=0.06 * side))
    inner = curve(mirrored([(0.0, -0.62), (0.22, -0.58), (0.28, -0.40), (0.0, -0.30)]))
    front = curve(mirrored([(0.0, -0.44), (0.22, -0.56), (0.38, -0.60), (0.44, -0.40), (0.28, -0.18), (0.0, -0.08)]))
    return [
        *parts,
        Piece(outline=inner, tint=Tint.INSIDE, puff=0.2),
        Piece(outline=front, puff=1.2, folds=2.0, turn=0.5),
    ]


def _button(x: float, y: float, radius: float) -> Piece:
    return Piece(outline=disc(x, y, radius), tint=Tint.BUTTON, puff=0.5, folds=0)
