"""Cutting what is worn above the waist, dresses and coats included."""

import numpy as np

from cli.sample.outlines import Points, band, box, corner, curve, disc, flipped, mirrored
from cli.sample.parts import Garment, Piece, Seam, Tint

_NECK_Y = -0.66


class _Cut:
    """Measures of one top, from its style's numbers; unit space."""

    def __init__(self, rng: np.random.Generator, *, length: float, ease: float, flare: float = 0.0) -> None:
        self.neck = rng.uniform(0.15, 0.19)
        self.shoulder = 0.40 + ease + rng.uniform(-0.02, 0.03)
        self.chest = 0.40 + ease + rng.uniform(-0.02, 0.03)
        self.waist = self.chest - rng.uniform(0.005, 0.03)
        self.hem = self.chest + flare
        self.length = length
        self.neck_depth = 0.12

    def body(self, *, sleeveless: bool) -> Points:
        shoulder = self.neck + 0.11 if sleeveless else self.shoulder
        half = [
            (0.0, _NECK_Y + self.neck_depth),
            (self.neck * 0.62, _NECK_Y + self.neck_depth * 0.72),
            *corner(self.neck, _NECK_Y - 0.02),
            *corner(shoulder, _NECK_Y + 0.08),
            (shoulder - 0.03 if sleeveless else self.shoulder - 0.015, _NECK_Y + 0.24),
            *corner(self.chest, -0.24),
            (self.waist, min(0.12, self.length - 0.3)),
            *corner(self.hem, self.length - 0.02),
            (self.hem * 0.5, self.length + 0.012),
            (0.0, self.length + 0.016),
        ]
        return curve(mirrored(half))

    def sleeve(self, *, reach: float, cuff: float, drop: float) -> tuple[Points, tuple[float, float]]:
        """The right sleeve and the middle of its cuff; `reach` along the arm, `drop` how far the arm hangs."""
        angle = np.pi / 2 - drop
        end_x, end_y = self.shoulder + reach * np.cos(angle), _NECK_Y + 0.10 + reach * np.sin(angle)
        across = np.array([np.sin(angle), -np.cos(angle)]) * cuff
        outline = [
            *corner(self.shoulder - 0.05, _NECK_Y + 0.065),
            (self.shoulder + 0.03, _NECK_Y + 0.11),
            ((self.shoulder + end_x) / 2 + 0.045, (_NECK_Y + end_y) / 2 + 0.03),
            *corner(end_x + across[0], end_y + across[1]),
            *corner(end_x - across[0], end_y - across[1]),
            ((self.chest + end_x - across[0]) / 2 - 0.01, (-0.2 + end_y - across[1]) / 2 + 0.01),
            *corner(self.chest - 0.05, -0.20),
            (self.shoulder - 0.04, _NECK_Y + 0.22),
        ]
        return curve(outline), (end_x, end_y)

    def neck_line(self) -> Points:
        half = [(self.neck, _NECK_Y - 0.02), (self.neck * 0.62, _NECK_Y + self.neck_depth * 0.72)]
        return curve([(-x, y) for x, y in half] + [(0.0, _NECK_Y + self.neck_depth)] + half[::-1], closed=False)

    def back_of_neck(self) -> Piece:
        half = [
            (0.0, _NECK_Y - 0.045),
            *corner(self.neck, _NECK_Y - 0.02),
            (self.neck * 0.8, _NECK_Y + self.neck_depth * 0.6),
        ]
        half.append((0.0, _NECK_Y + self.neck_depth + 0.06))
        return Piece(outline=curve([*mirrored(half)]), tint=Tint.INSIDE, puff=0.0, folds=0.2)


def cut_top(rng: np.random.Generator, *, sleeve: str, neckline: str, length: float, ease: float, knit: bool) -> Garment:
    """A t-shirt, a top, a jumper: `sleeve` Sleeveless, Short or Long; `neckline` Round, V-Neck or Turtleneck."""
    cut = _Cut(rng, length=length, ease=ease, flare=0.0 if knit else 0.02)
    cut.neck_depth = {"V-Neck": 0.34, "Round": rng.uniform(0.10, 0.17)}.get(neckline, 0.06)
    garment: Garment = [cut.back_of_neck(), *_sleeves(rng, cut, sleeve, ribbed=knit)]
    garment.append(Piece(outline=cut.body(sleeveless=sleeve == "Sleeveless"), puff=0.8 if knit else 0.6))
    garment += _hem(cut, ribbed=knit)
    return [*garment, *_neck_finish(cut, neckline, wide=knit)]


def cut_dress(rng: np.random.Generator, *, sleeve: str, neckline: str, length: str) -> Garment:
    """A dress with a fitted bodice and a flared skirt; `length` Short or Long."""
    cut = _Cut(rng, length=0.06, ease=-0.12, flare=-0.07)
    cut.neck_depth = 0.32 if neckline == "V-Neck" else 0.16
    hem = 0.62 if length == "Short" else 0.96
    flare = rng.uniform(0.40, 0.56)
    waist = cut.hem
    half = [
        (0.0, 0.03),
        *corner(waist - 0.01, 0.02),
        (waist + 0.08, 0.2),
        *corner(flare, hem),
        (flare / 2, hem + 0.035),
    ]
    skirt = Piece(outline=curve([*mirrored(half), (0.0, 0.03)]), puff=0.9, folds=2.4)
    bodice = Piece(outline=cut.body(sleeveless=sleeve == "Sleeveless"), puff=0.6)
    belt = Piece(outline=box(-waist - 0.005, 0.02, waist + 0.005, 0.085), tint=Tint.PLAIN, puff=0.4, folds=0.2)
    sleeves = _sleeves(rng, cut, sleeve, ribbed=False)
    return [cut.back_of_neck(), skirt, *sleeves, bodice, belt, *_neck_finish(cut, neckline, wide=False)]


def cut_shirt(rng: np.random.Generator, *, sleeve: str) -> Garment:
    """A shirt with collar, placket and buttons."""
    cut = _Cut(rng, length=0.66, ease=0.0)
    cut.neck_depth = 0.10
    garment: Garment = [cut.back_of_neck(), *_sleeves(rng, cut, sleeve, ribbed=False)]
    garment += [Piece(outline=cut.body(sleeveless=False)), *_hem(cut, ribbed=False)]
    garment += _placket(0.66, buttons=6)
    pocket = box(0.12, -0.28, 0.30, -0.06)
    garment += [Piece(outline=pocket, puff=0.1, folds=0.2), *_collar(cut, point=0.20)]
    return garment


def cut_jacket(rng: np.random.Generator) -> Garment:
    """A short jacket with zip, ribbed hem and cuffs, and pockets."""
    cut = _Cut(rng, length=0.52, ease=0.06)
    cut.neck_depth = 0.08
    garment: Garment = [cut.back_of_neck(), *_sleeves(rng, cut, "Long", ribbed=True)]
    garment += [Piece(outline=cut.body(sleeveless=False), puff=1.0), *_hem(cut, ribbed=True)]
    garment += [Piece(outline=box(-0.016, -0.56, 0.016, 0.50), tint=Tint.METAL, puff=0.1, folds=0)]
    for side in (1, -1):
        slit = curve([(side * 0.16, 0.32), (side * 0.30, 0.10)], closed=False)
        garment += [Piece(outline=band(slit, 0.035), tint=Tint.PLAIN, puff=0.2, folds=0)]
    return [*garment, *_collar(cut, point=0.12)]


def cut_coat(rng: np.random.Generator) -> Garment:
    """A long coat with lapels, two rows of buttons and flap pockets."""
    cut = _Cut(rng, length=0.95, ease=0.03, flare=0.08)
    cut.neck_depth = 0.36
    garment: Garment = [cut.back_of_neck(), *_sleeves(rng, cut, "Long", ribbed=False)]
    garment += [Piece(outline=cut.body(sleeveless=False), puff=0.9, folds=1.3)]
    garment += [Seam(line=curve([(0.1, -0.30), (0.1, 0.94)], closed=False), width=0.014, depth=0.5)]
    for side in (1, -1):
        lapel = curve(
            [
                *corner(0.15, -0.69),
                *corner(0.27, -0.46),
                *corner(0.21, -0.42),
                *corner(0.25, -0.38),
                *corner(0.02, -0.16),
            ]
        ) * (side, 1)
        garment += [Piece(outline=lapel, puff=0.4, folds=0.3, turn=0.5 * side)]
        flap = box(0.17, 0.26, 0.40, 0.33) * (side, 1)
        garment += [Piece(outline=flap, puff=0.3, folds=0.1)]
        garment += [_button(side * 0.09, y, 0.022) for y in (-0.08, 0.12, 0.32)]
    return garment


def cut_hoodie(rng: np.random.Generator) -> Garment:
    """A hoodie with a hood laid back, a pouch, cords and ribs."""
    cut = _Cut(rng, length=0.56, ease=0.07)
    cut.neck_depth = 0.17
    half = [(0.0, -0.93), (0.17, -0.90), (0.26, -0.76), *corner(0.20, -0.60), (0.0, -0.52)]
    hood = Piece(outline=curve(mirrored(half)), puff=0.9)
    inner_half = [(0.0, -0.86), (0.12, -0.82), (0.165, -0.70), (0.10, -0.56), (0.0, -0.50)]
    inner = Piece(outline=curve(mirrored(inner_half)), tint=Tint.INSIDE, puff=-0.4, folds=0.4)
    garment: Garment = [hood, inner, *_sleeves(rng, cut, "Long", ribbed=True)]
    garment += [Piece(outline=cut.body(sleeveless=False), puff=0.9), *_hem(cut, ribbed=True)]
    pouch = curve(mirrored([*corner(0.15, 0.12), *corner(0.27, 0.36), *corner(0.27, 0.45)]))
    garment += [Piece(outline=pouch, puff=0.5, folds=0.4), Seam(line=cut.neck_line(), width=0.03, depth=0.25)]
    for side in (1, -1):
        cord = curve([(side * 0.07, -0.50), (side * 0.085, -0.36), (side * 0.07, -0.24)], closed=False)
        garment.append(Piece(outline=band(cord, 0.018), tint=Tint.PALE, puff=0.5, folds=0))
    return garment


def _sleeves(rng: np.random.Generator, cut: _Cut, sleeve: str, *, ribbed: bool) -> Garment:
    if sleeve == "Sleeveless":
        return []
    short = sleeve == "Short"
    reach = rng.uniform(0.28, 0.36) if short else rng.uniform(0.98, 1.06)
    drop = rng.uniform(0.55, 0.75) if short else rng.uniform(0.26, 0.36)
    cuff = 0.105 if short else 0.075
    outline, (x, y) = cut.sleeve(reach=reach, cuff=cuff, drop=drop)
    angle = np.pi / 2 - drop
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([np.sin(angle), -np.cos(angle)]) * cuff
    middle = np.array([x, y])
    depth = 0.035 if short else 0.075
    edge = [middle + across - along * depth, middle - across - along * depth]
    cuff_piece = curve([*(tuple(p) for p in (middle + across, middle + across)), *([tuple(middle - across)] * 2),
                        *([tuple(edge[1])] * 2), *([tuple(edge[0])] * 2)])  # fmt: skip
    parts: Garment = []
    for turn, side in ((-drop, np.array([1, 1])), (drop, np.array([-1, 1]))):
        parts.append(Piece(outline=outline * side, puff=0.7, turn=turn, folds=1.4))
        if short:
            parts.append(Seam(line=np.array(edge) * side, depth=0.2, dashed=True))
        else:
            tint = Tint.PLAIN if ribbed else Tint.CLOTH
            parts.append(Piece(outline=cuff_piece * side, tint=tint, puff=0.4, turn=turn, folds=0.2, ribbed=ribbed))
    return parts


def _hem(cut: _Cut, *, ribbed: bool) -> Garment:
    if ribbed:
        hem = box(-cut.hem + 0.012, cut.length - 0.06, cut.hem - 0.012, cut.length + 0.035, radius=0.03)
        return [Piece(outline=hem, tint=Tint.PLAIN, puff=0.4, folds=0.2, ribbed=True)]
    y = cut.length - 0.035
    line = curve([(-cut.hem + 0.01, y - 0.015), (0.0, y + 0.015), (cut.hem - 0.01, y - 0.015)], closed=False)
    return [Seam(line=line, depth=0.22, dashed=True)]


def _neck_finish(cut: _Cut, neckline: str, *, wide: bool) -> Garment:
    if neckline == "Turtleneck":
        half = [(0.0, -0.84), *corner(cut.neck - 0.01, -0.83), (cut.neck + 0.02, _NECK_Y), (0.0, _NECK_Y + 0.1)]
        return [Piece(outline=curve(mirrored(half)), tint=Tint.PLAIN, puff=0.7, folds=0.6, ribbed=True)]
    return [Piece(outline=band(cut.neck_line(), 0.055 if wide else 0.035), tint=Tint.PLAIN, puff=0.3, folds=0)]


def _collar(cut: _Cut, *, point: float) -> Garment:
    stand = curve(
        mirrored([(0.0, -0.70), *corner(cut.neck + 0.01, -0.71), *corner(cut.neck - 0.02, -0.60), (0.0, -0.56)])
    )
    leaf = curve([*corner(cut.neck + 0.02, -0.72), *corner(cut.neck + 0.07, -0.72 + point * 1.2),
                  *corner(0.06, -0.68 + point), *corner(0.005, -0.575)])  # fmt: skip
    inside = Piece(outline=stand, tint=Tint.INSIDE, puff=0.1, folds=0)
    return [inside, *(Piece(outline=o, puff=0.35, folds=0.2, turn=0.4) for o in (leaf, flipped(leaf)))]


def _placket(length: float, *, buttons: int) -> Garment:
    strip = Piece(outline=box(-0.03, -0.56, 0.03, length + 0.01, radius=0.004), puff=0.15, folds=0.3)
    return [strip, *(_button(0.0, float(y), 0.014) for y in np.linspace(-0.46, length - 0.12, buttons))]


def _button(x: float, y: float, radius: float) -> Piece:
    return Piece(outline=disc(x, y, radius), tint=Tint.BUTTON, puff=0.5, folds=0)
