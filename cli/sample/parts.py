"""The pieces a garment is made of, in drawing order. The words between cutting (garments) and painting (canvas)."""

from dataclasses import dataclass
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
    PALE = "pale"
    """Rubber soles, laces, labels."""
    METAL = "metal"
    """Zips, buckles, eyelets."""
    BUTTON = "button"
    """Buttons: pale on dark cloth, dark on pale."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A filled outline. `puff` is how far it swells (0 flat, 1 a full jumper); `turn` turns its pattern, radians."""

    outline: Points
    tint: Tint = Tint.CLOTH
    puff: float = 0.6
    turn: float = 0.0
    folds: float = 1.0
    ribbed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seam:
    """A line on what was drawn before it. `width` in unit space; `depth` 0 to 1; `dashed` for stitches."""

    line: Points
    width: float = 0.008
    depth: float = 0.35
    dashed: bool = False


Garment = list[Piece | Seam]
