"""The measures that all cuts above the waist share: shoulders, armholes, necklines, sleeves,
and where cloth creases."""

from dataclasses import dataclass

import numpy as np

from cli.sample.outlines import Place, Points, beside, between, corner, curve, mirrored, sharp
from cli.sample.parts import Crease, Style

TOP_Y = -0.66  # the side of the neck
SHOULDER_Y = -0.575
ARMPIT_Y = -0.20


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """Half widths of one garment, its length, and its neckline."""

    neck: float
    shoulder: float
    chest: float
    waist: float
    hem: float
    length: float
    neckline: str = "Round"
    neck_depth: float = 0.12
    sleeveless: bool = False

    def outline(self) -> Points:
        """The front without its sleeves."""
        return curve(mirrored([
            *self.neck_half(), *self._armhole(),
            (self.waist, 0.5 * (self.length + ARMPIT_Y)), *corner(self.hem, self.length - 0.012),
            (self.hem * 0.5, self.length + 0.004), (0.0, self.length + 0.008),
        ]))  # fmt: skip

    def _armhole(self) -> list[Place]:
        if self.sleeveless:
            strap = self.neck + 0.105
            return [*corner(strap, TOP_Y + 0.015), (strap - 0.012, -0.46), (strap + 0.03, -0.31),
                    *corner(self.chest, ARMPIT_Y + 0.02)]  # fmt: skip
        return [*corner(self.shoulder, SHOULDER_Y), (self.shoulder - 0.025, -0.42), *corner(self.chest, ARMPIT_Y)]

    def neck_half(self) -> list[Place]:
        """The front neckline from its middle to the side of the neck."""
        bottom = TOP_Y + self.neck_depth
        if self.neckline == "V-Neck":
            return [*corner(0.0, bottom), (self.neck * 0.56, TOP_Y + 0.40 * self.neck_depth),
                    *corner(self.neck, TOP_Y)]  # fmt: skip
        turns = np.radians((0, 25, 50, 72))
        round_ = [(self.neck * float(np.sin(t)), TOP_Y + self.neck_depth * float(np.cos(t)) ** 0.9) for t in turns]
        return [*round_, *corner(self.neck, TOP_Y)]

    def neck_line(self) -> Points:
        """The front neckline as an open line, from the wearer's right to left."""
        half = [place for place in self.neck_half() if place[0]][:-1]  # the corner at its end once, not twice
        middle = corner(0.0, TOP_Y + self.neck_depth) if self.neckline == "V-Neck" else [(0.0, TOP_Y + self.neck_depth)]
        return curve([*((-x, y) for x, y in reversed(half)), *middle, *half], closed=False)

    def back_line(self) -> Points:
        """The neckline of the back, seen through the front one."""
        return curve([(-self.neck, TOP_Y), (-self.neck * 0.5, TOP_Y + 0.028), (0.0, TOP_Y + 0.036),
                      (self.neck * 0.5, TOP_Y + 0.028), (self.neck, TOP_Y)], closed=False)  # fmt: skip

    def inside(self) -> Points:
        """The inner side of the back, down to behind the front neckline."""
        front = beside(self.neck_line(), 0.02)
        return np.vstack([self.back_line(), front[::-1]])

    def sleeve(self, sleeve: str, arms: float, *, cuff: float) -> tuple[Points, tuple[Place, Place]]:
        """The sleeve at the right and the two ends of its hem, the outer first; `cuff` is the hem's width."""
        reach = {"Short": 0.34, "Three-Quarter": 0.72}.get(sleeve, 1.0)
        hanging, spread = {"Short": (56, 38), "Three-Quarter": (73, 60)}.get(sleeve, (80, 64))
        angle = np.radians(hanging + (spread - hanging) * arms)
        along, across = np.array((np.cos(angle), np.sin(angle))), np.array((-np.sin(angle), np.cos(angle)))
        start, armpit = np.array((self.shoulder, SHOULDER_Y)), np.array((self.chest - 0.005, ARMPIT_Y + 0.005))
        outer = start + along * reach
        inner = outer + across * cuff
        crown = start + along * min(0.3 * reach, 0.14) - across * 0.004
        elbow = start + along * 0.62 * reach - across * (0.012 if reach > 0.5 else 0.004)
        inner_elbow = armpit + (inner - armpit) * 0.5 - across * 0.012
        outline = curve([
            *corner(self.shoulder - 0.06, SHOULDER_Y - 0.02), _place(start), _place(crown), _place(elbow),
            *corner(*_place(outer)), *corner(*_place(inner)), _place(inner_elbow),
            *corner(*_place(armpit)), *corner(self.chest - 0.08, ARMPIT_Y - 0.04),
        ])  # fmt: skip
        return outline, (_place(outer), _place(inner))


def body_of(rng: np.random.Generator, style: Style, *, length: float, ease: float = 0.0, flare: float = 0.0) -> Body:
    """A body for a style: broad and straight for men, narrower with a waist for women."""
    broad = {"Men": 1.0, "Women": 0.0}.get(style.gender, 0.6)
    chest = 0.385 + 0.045 * broad + ease + rng.uniform(-0.01, 0.015)
    neckline = "Round" if style.back else style.neckline
    depth = {"V-Neck": rng.uniform(0.27, 0.34), "Scoop": rng.uniform(0.22, 0.26)}.get(neckline, rng.uniform(0.10, 0.13))
    wide = 0.045 if neckline == "Scoop" else 0.0
    return Body(
        neck=float(rng.uniform(0.145, 0.165)) + wide,
        shoulder=0.375 + 0.04 * broad + 0.8 * ease,
        chest=float(chest),
        waist=float(chest - 0.04 * (1 - broad) - 0.008),
        hem=float(chest + flare - 0.005),
        length=length,
        neckline=neckline,
        neck_depth=0.03 if style.back else float(depth),
        sleeveless=style.sleeve == "Sleeveless",
    )


def cuff_strip(ends: tuple[Place, Place], depth: float) -> Points:
    """The strip along a sleeve's hem, `depth` wide, a little narrower than the sleeve."""
    outer, inner = (np.asarray(end) for end in ends)
    across = inner - outer
    up = np.array((across[1], -across[0])) / np.hypot(*across) * depth
    outer, inner = outer + 0.03 * across, inner - 0.03 * across
    return sharp(_place(outer - up * 0.15), _place(inner - up * 0.15), _place(inner + up), _place(outer + up))


def hem_line(ends: tuple[Place, Place], distance: float) -> Points:
    """The stitches that run beside a sleeve's hem."""
    return beside(between(*ends), -distance)


def body_creases(rng: np.random.Generator, body: Body) -> tuple[Crease, ...]:
    """Cloth is drawn from the armpits to the chest, and gathers at the waist."""
    creases = []
    for side in (1, -1):
        for drop in rng.uniform(0.02, 0.30, 3):
            start = (side * (body.chest - 0.02), ARMPIT_Y + 0.3 * drop)
            end = (side * body.chest * rng.uniform(0.25, 0.55), ARMPIT_Y - 0.16 + 1.3 * drop)
            creases.append(Crease(line=between(start, end, bow=0.02 * side), width=0.035, height=-0.8))
        for _ in range(3):
            y = rng.uniform(0.0, max(body.length - 0.1, 0.1))
            start = (side * body.waist, y)
            end = (side * body.waist * rng.uniform(0.2, 0.5), y + rng.uniform(0.04, 0.16))
            height = float(rng.choice((-0.7, 0.6)))
            creases.append(Crease(line=between(start, end, bow=0.03 * side), width=0.045, height=height))
    return tuple(creases)


def sleeve_creases(rng: np.random.Generator, ends: tuple[Place, Place], body: Body) -> tuple[Crease, ...]:
    """A sleeve folds across at the elbow and along below the shoulder."""
    outer, inner = (np.asarray(end) for end in ends)
    top, armpit = np.array((body.shoulder, SHOULDER_Y)), np.array((body.chest, ARMPIT_Y))
    creases = []
    for at in rng.uniform(0.25, 0.85, 5):
        left, right = armpit + (inner - armpit) * at, top + (outer - top) * (at - rng.uniform(0.04, 0.14))
        end = left + (right - left) * rng.uniform(0.5, 0.9)
        creases.append(Crease(line=between(_place(left), _place(end), bow=0.015), width=0.035, height=-0.8))
    return tuple(creases)


def _place(point: Points) -> Place:
    return float(point[0]), float(point[1])


def ribbed_hem(half: float, y: float) -> Points:
    """The ribs at the bottom of a body `half` as wide: they draw the cloth in."""
    return curve(mirrored([(0.0, y - 0.055), *corner(half + 0.004, y - 0.065), (half - 0.004, y - 0.01),
                           *corner(half - 0.022, y + 0.032), (0.5 * half, y + 0.042), (0.0, y + 0.045)]))  # fmt: skip
