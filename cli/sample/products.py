"""What the sample catalogue sells: products chosen from a seed. Knows words and numbers, draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cli.sample.colours import COLOURS, partner_of
from cli.sample.kinds import KINDS, Cloth, Kind

_BRANDS = {
    "Alder & Rye": 1.1, "Nordlys": 1.2, "Casa Lino": 1.0, "Kepler": 0.9, "Marlowe": 1.35, "Tide Yard": 0.8,
    "Oona": 1.05, "Field Notes": 0.85, "Fjell": 1.15, "Petit Quai": 1.25,
}  # fmt: skip
"""Brands, and what each asks of the usual price."""

_Choice = TypeVar("_Choice")


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product: everything that a customer could tell from its photos, and what it usually costs in EUR."""

    number: int
    kind: Kind
    colour: str
    second_colour: str
    pattern: str
    cloth: Cloth
    sleeve: str
    neckline: str
    length: str
    brand: str
    gender: str
    size: str
    season: str
    material: str
    price: float

    @property
    def style_group(self) -> str:
        """What listings of one product have in common, whoever sells it."""
        return f"P{self.number:04d}"


def choose_products(seed: int, count: int) -> list[Product]:
    """The first `count` products of a seed; more of them leave the first ones as they are."""
    return [_product(seed, number) for number in range(count)]


def rng_of(seed: int, *key: int) -> np.random.Generator:
    """Random numbers that depend on the seed and the key alone, whichever process asks."""
    return np.random.default_rng((seed, *key))


def pick(rng: np.random.Generator, choices: Sequence[_Choice]) -> _Choice:
    """One of the choices, each as likely as another."""
    return choices[int(rng.integers(len(choices)))]


def _product(seed: int, number: int) -> Product:
    rng = rng_of(seed, 1, number)
    kind = KINDS[number % len(KINDS)]
    # Patterns go round within a kind, so that a catalogue of a few dozen products already has all of them.
    pattern = kind.patterns[sum(divmod(number, len(KINDS))) % len(kind.patterns)]
    colour = pick(rng, kind.colours or tuple(COLOURS))
    brand = pick(rng, tuple(_BRANDS))
    cloth = pick(rng, kind.cloths)
    return Product(
        number=number,
        kind=kind,
        colour=colour,
        second_colour=partner_of(rng, colour),
        pattern=pattern,
        cloth=cloth,
        sleeve=pick(rng, kind.sleeves),
        neckline=pick(rng, kind.necklines),
        length=pick(rng, kind.lengths),
        brand=brand,
        gender=pick(rng, kind.genders),
        size=pick(rng, kind.sizes),
        season=pick(rng, kind.seasons),
        material=pick(rng, kind.materials or (cloth.value,)),
        price=float(rng.uniform(*kind.prices)) * _BRANDS[brand],
    )
