"""Cutting bags: a handbag with a flap, an open tote, and a backpack."""

import numpy as np

from cli.sample.outlines import Points, band, between, both_sides, box, corner, curve, disc, mirrored
from cli.sample.parts import Crease, Garment, Piece, Seam, Style, Tint


def cut_handbag(rng: np.random.Generator, _style: Style) -> Garment:
    """A handbag with flap and shoulder strap, or a tote with two handles."""
    return _flap_bag(rng) if rng.random() < 0.5 else _tote(rng)


def cut_backpack(rng: np.random.Generator, _style: Style) -> Garment:
    """A backpack: a domed body, a front pocket, zips, a grip and the edges of two straps."""
    body = curve(mirrored([(0.0, -0.56), (0.22, -0.55), (0.38, -0.44), (0.43, -0.20), (0.45, 0.30), (0.42, 0.50),
                           (0.34, 0.57), (0.0, 0.58)]))  # fmt: skip
    pocket = curve(mirrored([(0.0, 0.06), (0.26, 0.06), (0.335, 0.12), (0.345, 0.40), (0.29, 0.485), (0.0, 0.49)]))
    grip = band(
        curve([(-0.10, -0.52), (-0.095, -0.66), (0.0, -0.70), (0.095, -0.66), (0.10, -0.52)], closed=False), 0.05
    )
    strap = curve([(0.38, -0.40), (0.50, -0.10), (0.52, 0.25), (0.40, 0.50)], closed=False)
    zip_line = curve([(-0.40, -0.02), (-0.385, -0.26), (-0.30, -0.42), (0.0, -0.475), (0.30, -0.42), (0.385, -0.26),
                      (0.40, -0.02)], closed=False)  # fmt: skip
    parts: Garment = [
        Piece(outline=band(line, 0.09), tint=Tint.PLAIN, puff=0.5, folds=0.2) for line in both_sides(strap)
    ]
    parts += [Piece(outline=grip, tint=Tint.PLAIN, puff=0.5, folds=0)]
    parts += [Piece(outline=body, puff=1.0, folds=0.7, creases=_slump(rng, 0.40))]
    parts += [*_zipped(zip_line), Piece(outline=pocket, puff=0.7, folds=0.5), Seam(line=pocket * 0.97, depth=0.2)]
    parts += _zipped(between((-0.25, 0.135), (0.25, 0.135), bow=0.0))
    patch = box(-0.075, -0.22, 0.075, -0.12, radius=0.01)
    return [*parts, Piece(outline=patch, tint=Tint.TAN, puff=0.25, folds=0), Seam(line=_loop(patch * 0.96), depth=0.3)]


def _flap_bag(rng: np.random.Generator) -> Garment:
    low, wide = 0.50, rng.uniform(0.50, 0.60)
    strap = band(curve([(-wide + 0.07, -0.14), (-0.36, -0.62), (-0.14, -0.84), (0.14, -0.84), (0.36, -0.62),
                        (wide - 0.07, -0.14)], closed=False), 0.05)  # fmt: skip
    body = curve(mirrored([(0.0, -0.18), (wide - 0.1, -0.18), (wide - 0.01, -0.10), (wide + 0.015, 0.15),
                           (wide - 0.005, low - 0.1),
                           (wide - 0.09, low), (0.0, low + 0.01)]))  # fmt: skip
    flap = curve(mirrored([(0.0, -0.21), (wide - 0.10, -0.21), *corner(wide - 0.01, -0.13), (wide - 0.02, 0.06),
                           (wide - 0.14, 0.18), (0.0, 0.23)]))  # fmt: skip
    parts: Garment = [Piece(outline=strap, tint=Tint.PLAIN, puff=0.5, folds=0.2)]
    parts += [
        Piece(outline=body, puff=0.9, folds=0.4),
        Seam(line=_loop(body * 0.965 + np.array((0, 0.006))), depth=0.25, dashed=True),
    ]
    parts += [
        Piece(outline=flap, puff=0.7, folds=0.3),
        Seam(line=_loop(flap * 0.955 + np.array((0, -0.004))), depth=0.3, dashed=True),
    ]
    for side in (1, -1):
        parts += _ring(side * (wide - 0.08), -0.15)
    clasp = [Piece(outline=box(-0.055, 0.15, 0.055, 0.27, radius=0.02), tint=Tint.METAL, puff=0.5, folds=0),
             Piece(outline=box(-0.03, 0.185, 0.03, 0.235, radius=0.012), tint=Tint.DARK, puff=0.2,
                   folds=0)]  # fmt: skip
    return [*parts, *clasp]


def _tote(rng: np.random.Generator) -> Garment:
    wide, low = rng.uniform(0.46, 0.54), 0.62
    body = curve(mirrored([(0.0, -0.20), *corner(wide, -0.22), (wide - 0.01, 0.2), (wide - 0.035, low - 0.05),
                           (wide - 0.08, low), (0.0, low + 0.008)]))  # fmt: skip
    mouth = curve(mirrored([(0.0, -0.25), (0.7 * wide, -0.245), *corner(wide, -0.22), (0.0, -0.165)]))
    loop = curve([(-0.22, 0.02), (-0.215, -0.30), (-0.12, -0.56), (0.0, -0.61), (0.12, -0.56), (0.215, -0.30), (0.22,
        0.02)],
                 closed=False)  # fmt: skip
    parts: Garment = [Piece(outline=band(loop + np.array((0.03, -0.06)), 0.05), tint=Tint.INSIDE, puff=0.4, folds=0)]
    parts += [Piece(outline=mouth, tint=Tint.INSIDE, puff=0.0, folds=0)]
    parts += [Piece(outline=body, puff=0.75, folds=0.8, creases=_slump(rng, wide))]
    parts += [
        Seam(
            line=curve([(-wide + 0.01, -0.16), (0.0, -0.145), (wide - 0.01, -0.16)], closed=False),
            depth=0.3,
            dashed=True,
        )
    ]
    parts += [Seam(line=between((-wide + 0.04, low - 0.14), (wide - 0.04, low - 0.14)), width=0.01, depth=0.35)]
    parts += [Piece(outline=band(loop, 0.055), tint=Tint.PLAIN, puff=0.5, folds=0)]
    for side in (1, -1):
        parts += [
            Piece(outline=disc(side * 0.22, y, 0.014), tint=Tint.METAL, puff=0.4, folds=0) for y in (-0.10, -0.01)
        ]
    stamp = box(-0.09, 0.20, 0.09, 0.235, radius=0.004)
    return [*parts, Piece(outline=stamp, tint=Tint.THREAD, flat=True)]


def _ring(x: float, y: float) -> Garment:
    return [Piece(outline=disc(x, y, 0.038), tint=Tint.METAL, puff=0.5, folds=0),
            Piece(outline=disc(x, y, 0.019), tint=Tint.PLAIN, puff=0.2, folds=0)]  # fmt: skip


def _zipped(line: Points) -> Garment:
    end_x, end_y = (float(part) for part in line[-1])
    puller = box(end_x - 0.012, end_y - 0.01, end_x + 0.012, end_y + 0.07, radius=0.01)
    return [Seam(line=line, width=0.034, depth=0.5), Seam(line=line, width=0.012, depth=0.3, tint=Tint.METAL,
                                                          dashed=True),
            Piece(outline=puller, tint=Tint.METAL, puff=0.5, folds=0)]  # fmt: skip


def _slump(rng: np.random.Generator, wide: float) -> tuple[Crease, ...]:
    """Soft dents in a bag's sides."""
    return tuple(
        Crease(line=between((side * wide * 0.95, y), (side * wide * 0.45, y + rng.uniform(-0.12, 0.12)), bow=0.03),
               width=0.07,
               height=-0.6)
        for side in (1, -1) for y in rng.uniform(0.0, 0.5, 2)
    )  # fmt: skip


def _loop(outline: Points) -> Points:
    """An outline as a line that comes back to its start."""
    return np.vstack([outline, outline[:1]])
