"""Which cut makes which kind of garment."""

from collections.abc import Callable

import numpy as np

from cli.sample.cuts.accessories import cut_beanie, cut_belt, cut_cap, cut_scarf, cut_sunglasses, cut_tie
from cli.sample.cuts.bags import cut_backpack, cut_handbag
from cli.sample.cuts.bottoms import cut_jeans, cut_shorts, cut_skirt, cut_track_pants, cut_trousers
from cli.sample.cuts.footwear import cut_boots, cut_pumps, cut_socks, cut_trainers
from cli.sample.cuts.tailored import cut_blazer, cut_coat, cut_jacket, cut_polo, cut_shirt
from cli.sample.cuts.tops import cut_dress, cut_hoodie, cut_jumper, cut_tee
from cli.sample.parts import Garment, Style
from cli.sample.products import Product

Cut = Callable[[np.random.Generator, Style], Garment]

_CUTS: dict[str, Cut] = {
    "T-Shirt": cut_tee, "Long-Sleeved T-Shirt": cut_tee, "Top": cut_tee, "Polo Shirt": cut_polo, "Shirt": cut_shirt,
    "Jumper": cut_jumper, "Sweatshirt": cut_jumper, "Hoodie": cut_hoodie, "Dress": cut_dress, "Jacket": cut_jacket,
    "Blazer": cut_blazer, "Coat": cut_coat, "Trousers": cut_trousers, "Jeans": cut_jeans, "Shorts": cut_shorts,
    "Track Pants": cut_track_pants, "Skirt": cut_skirt, "Trainers": cut_trainers, "Boots": cut_boots,
    "Pumps": cut_pumps, "Socks": cut_socks, "Handbag": cut_handbag, "Backpack": cut_backpack, "Cap": cut_cap,
    "Beanie": cut_beanie, "Scarf": cut_scarf, "Belt": cut_belt, "Tie": cut_tie, "Sunglasses": cut_sunglasses,
}  # fmt: skip


def cut_garment(product: Product, style: Style, rng: np.random.Generator) -> Garment:
    """The pieces of a product, laid as its style asks; the same random numbers cut the same garment again."""
    return _CUTS[product.kind.name](rng, style)
