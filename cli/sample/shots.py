"""Which photos are taken of a product: from which side, how near, in which setting; and what each of them shows."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cli.sample.products import Product, pick, rng_of

_COUNTS = (2, 2, 3, 4)


class Setting(StrEnum):
    """What stands behind the product."""

    WHITE = "white studio"
    GREY = "grey studio"
    WALL = "on a hanger against a wall"
    WOOD = "flat on a wooden floor"
    LINEN = "flat on linen"
    STONE = "flat on stone"
    SHELF = "on a shelf against a wall"


class Crop(StrEnum):
    """How near the camera is."""

    WHOLE = "whole"
    DETAIL = "detail"


STUDIOS = (Setting.WHITE, Setting.GREY)
FLOORS = (Setting.WOOD, Setting.LINEN, Setting.STONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """How a product is seen; what stands by itself may be `turned` round."""

    setting: Setting
    crop: Crop = Crop.WHOLE
    back: bool = False
    turned: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """One photo to take; `number` counts the photos of a product from 0."""

    product_number: int
    number: int
    view: View

    @property
    def photo(self) -> str:
        """The photo's name beside the feed."""
        return f"photos/P{self.product_number:04d}-{self.number + 1}.jpg"


def shots_of(product: Product, seed: int) -> tuple[Shot, ...]:
    """Two to four photos: the whole product in the studio first, then elsewhere, nearer, or from the back."""
    rng = rng_of(seed, 4, product.number)
    studio = pick(rng, STUDIOS)
    elsewhere = _elsewhere(product, rng)
    back = product.kind.has_back and rng.random() < 0.5
    later = [
        View(setting=elsewhere[0], turned=product.kind.stands and rng.random() < 0.5),
        View(setting=pick(rng, (studio, elsewhere[0])), crop=Crop.DETAIL),
        View(setting=studio if back else elsewhere[1], back=back, turned=product.kind.stands),
    ]
    views = [View(setting=studio), *(later[i] for i in rng.permutation(len(later)))]
    count = pick(rng, _COUNTS)
    return tuple(Shot(product_number=product.number, number=n, view=view) for n, view in enumerate(views[:count]))


def resellers_shot(product: Product, seed: int, *, number: int) -> Shot:
    """A photo that a second seller took at home."""
    setting = _elsewhere(product, rng_of(seed, 5, product.number))[0]
    return Shot(product_number=product.number, number=number, view=View(setting=setting))


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
    return {name: "" if name in _hidden(product, shot.view) else word for name, word in labels.items()}


def _hidden(product: Product, view: View) -> set[str]:
    """The labels that a view does not show."""
    hidden: set[str] = set()
    if view.crop is Crop.DETAIL:
        hidden = {"category", "sleeve", "neckline", "length"} - product.kind.detail.tells
        hidden |= {"pattern"} if product.pattern in ("Graphic", "Colour-Block") else set()
    if view.back:
        hidden |= {"neckline"} | ({"pattern"} if product.pattern == "Graphic" else set())
    return hidden


def _elsewhere(product: Product, rng: np.random.Generator) -> list[Setting]:
    """Settings outside the studio, the likeliest first."""
    if product.kind.stands:
        return [Setting.SHELF, pick(rng, STUDIOS)]
    floors = [FLOORS[i] for i in rng.permutation(len(FLOORS))]
    return [Setting.WALL, *floors] if product.kind.hangs and rng.random() < 0.5 else floors
