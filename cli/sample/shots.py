"""Which photos are taken of a product: from which side, how near, in which setting; and what each of them shows."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cli.sample.products import Product, pick, rng_of

_COUNTS = (2, 3, 3, 4)
_LOCAL_PATTERNS = frozenset(("Graphic", "Colour-Block"))


class Setting(StrEnum):
    """What stands behind the product."""

    WHITE = "white studio"
    GREY = "grey studio"
    WALL = "on a hanger against a wall"
    WOOD = "flat on a wooden floor"
    LINEN = "flat on linen"
    STONE = "flat on stone"


class Crop(StrEnum):
    """How near the camera is."""

    WHOLE = "whole"
    DETAIL = "detail"


STUDIOS = (Setting.WHITE, Setting.GREY)
FLOORS = (Setting.WOOD, Setting.LINEN, Setting.STONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One photo to take; `number` counts the photos of a product from 0."""

    product_number: int
    number: int
    setting: Setting
    crop: Crop = Crop.WHOLE

    @property
    def photo(self) -> str:
        """The photo's name beside the feed."""
        return f"photos/P{self.product_number:04d}-{self.number + 1}.jpg"


def shots_of(product: Product, seed: int) -> tuple[Shot, ...]:
    """Two to four photos: the whole product in the studio first, then elsewhere and nearer."""
    rng = rng_of(seed, 4, product.number)
    studio = pick(rng, STUDIOS)
    elsewhere = _elsewhere(product, rng)
    later = [
        (elsewhere[0], Crop.WHOLE),
        (pick(rng, (studio, elsewhere[0])), Crop.DETAIL),
        (elsewhere[1], Crop.WHOLE),
    ]
    first_two = 2 if rng.random() < 0.5 else 1
    later = later[first_two - 1 :] + later[: first_two - 1]
    taken = [(studio, Crop.WHOLE), *later][: pick(rng, _COUNTS)]
    return tuple(
        Shot(product_number=product.number, number=number, setting=setting, crop=crop)
        for number, (setting, crop) in enumerate(taken)
    )


def resellers_shot(product: Product, seed: int, *, number: int) -> Shot:
    """A photo that a second seller took at home."""
    setting = _elsewhere(product, rng_of(seed, 5, product.number))[0]
    return Shot(product_number=product.number, number=number, setting=setting)


def labels_of(product: Product, shot: Shot) -> dict[str, str]:
    """What can be told from the photo: a close-up says nothing of a hem or a sleeve that it does not show."""
    labels = {
        "category": product.kind.name,
        "colour": product.colour,
        "pattern": product.pattern,
        "sleeve": product.sleeve,
        "neckline": product.neckline,
        "length": product.length,
    }
    if shot.crop is Crop.WHOLE:
        return labels
    told = product.kind.detail.tells | {"colour"} | ({"pattern"} if product.pattern not in _LOCAL_PATTERNS else set())
    return {name: value if name in told else "" for name, value in labels.items()}


def _elsewhere(product: Product, rng: np.random.Generator) -> list[Setting]:
    floors = [FLOORS[i] for i in rng.permutation(len(FLOORS))]
    return [Setting.WALL, *floors] if product.kind.hangs and rng.random() < 0.5 else floors
