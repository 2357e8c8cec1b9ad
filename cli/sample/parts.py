"""The pieces a garment is made of, in drawing order. The words between cutting (garments) and painting (canvas)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from cli.sample.outlines import Points


class Tint(StrEnum):
    """Which of a product's colours a piece takes."""

    CLOTH = "cloth"
    """The cloth itself, pattern included."""
    PLAIN = "plain"
    """The first colour without pattern, a little darker: ribs, bands, collars."""
    INSIDE = "inside"
    """The inner side, in shade."""
    ACCENT = "accent"
    """The second colour."""
    WASH = "wash"
    """The first colour faded: worn denim, scuffed leather."""
    PALE = "pale"
    """Rubber soles, laces, labels."""
    DARK = "dark"
    """Dark rubber, lenses, linings."""
    TAN = "tan"
    """Leather patches, cork, stacked heels."""
    METAL = "metal"
    """Zips, buckles, eyelets."""
    BUTTON = "button"
    """Buttons: pale on dark cloth, dark on pale."""
    THREAD = "thread"
    """Stitches that are meant to be seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Crease:
    """A soft ridge on a piece (a groove where `height` is below 0), thickest in its middle."""

    line: Points
    width: float = 0.05
    height: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A filled outline. `puff` is how far it swells (0 flat, 1 a full jumper); `turn` turns its pattern, radians.

    `flat` only colours what lies there already: prints and faded places; `soft` is how far such an edge fades out.
    A `backdrop` belongs to the place: it may reach out of the picture.
    """

    outline: Points
    tint: Tint = Tint.CLOTH
    puff: float = 0.6
    turn: float = 0.0
    folds: float = 1.0
    ribbed: bool = False
    flat: bool = False
    soft: float = 0.0
    creases: tuple[Crease, ...] = ()
    backdrop: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seam:
    """A line on what was drawn before it. `width` in unit space; `depth` 0 to 1; `dashed` for stitches."""

    line: Points
    width: float = 0.007
    depth: float = 0.35
    dashed: bool = False
    tint: Tint | None = None


Garment = list[Piece | Seam]


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """What a cut is asked for: a product's words, and how it lies before the camera.

    `arms` spreads the sleeves, from 0 (hanging) to 1 (laid out); `back` asks for the side without an opening.
    """

    sleeve: str = ""
    neckline: str = ""
    length: str = ""
    pattern: str = "Solid"
    gender: str = "Unisex"
    arms: float = 0.0
    back: bool = False


def placed(garment: Garment, place: Callable[[Points], Points]) -> Garment:
    """The garment with every point of it where `place` says."""
    return [_seam_placed(part, place) if isinstance(part, Seam) else _piece_placed(part, place) for part in garment]


def _seam_placed(seam: Seam, place: Callable[[Points], Points]) -> Seam:
    return replace(seam, line=place(seam.line))


def _piece_placed(piece: Piece, place: Callable[[Points], Points]) -> Piece:
    creases = tuple(replace(crease, line=place(crease.line)) for crease in piece.creases)
    return replace(piece, outline=place(piece.outline), creases=creases)
