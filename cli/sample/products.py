"""What the sample catalogue sells: products chosen from a seed. Knows words and numbers, draws nothing."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

COLOURS: dict[str, tuple[int, int, int]] = {
    "Black": (38, 38, 42), "White": (236, 234, 229), "Grey": (142, 144, 148), "Navy": (38, 50, 86),
    "Blue": (70, 112, 178), "Sky Blue": (150, 186, 218), "Teal": (36, 116, 118), "Green": (66, 122, 80),
    "Olive": (108, 110, 66), "Mustard": (204, 158, 60), "Orange": (214, 112, 58), "Red": (178, 46, 50),
    "Maroon": (104, 36, 50), "Pink": (220, 150, 166), "Purple": (108, 76, 138), "Beige": (206, 188, 160),
    "Brown": (112, 76, 54), "Cream": (234, 222, 196),
}  # fmt: skip

_UPPER = ("Solid", "Solid", "Striped", "Checked", "Dotted", "Floral")
_PLAIN = ("Solid",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of garment: what varies from one cut to the next, and its price range in EUR."""

    name: str
    patterns: tuple[str, ...] = _PLAIN
    sleeves: tuple[str, ...] = ("",)
    necklines: tuple[str, ...] = ("",)
    lengths: tuple[str, ...] = ("",)
    prices: tuple[int, int] = (15, 60)
    sizes: tuple[str, ...] = ("XS", "S", "M", "L", "XL")


_SHOE_SIZES = ("37", "38", "39", "40", "41", "42", "43")
KINDS: tuple[Kind, ...] = (
    Kind(name="T-Shirt", patterns=_UPPER, sleeves=("Short",), necklines=("Round", "V-Neck"), prices=(9, 29)),
    Kind(name="Dress", patterns=_UPPER, sleeves=("Sleeveless", "Short"), necklines=("Round", "V-Neck"),
         lengths=("Short", "Long"), prices=(29, 99)),
    Kind(name="Trousers", patterns=("Solid", "Solid", "Checked", "Striped"), prices=(29, 79)),
    Kind(name="Shirt", patterns=("Solid", "Striped", "Checked", "Dotted"), sleeves=("Long", "Short"),
         necklines=("Collar",), prices=(25, 69)),
    Kind(name="Shoe", prices=(45, 119), sizes=_SHOE_SIZES),
    Kind(name="Skirt", patterns=_UPPER, lengths=("Short", "Long"), prices=(19, 59)),
    Kind(name="Jumper", patterns=("Solid", "Striped"), sleeves=("Long",), necklines=("Round", "V-Neck", "Turtleneck"),
         prices=(29, 89)),
    Kind(name="Bag", prices=(39, 149), sizes=("One Size",)),
    Kind(name="Jacket", sleeves=("Long",), necklines=("Collar",), prices=(59, 189)),
    Kind(name="Shorts", patterns=("Solid", "Checked", "Striped"), prices=(15, 45)),
    Kind(name="Hoodie", sleeves=("Long",), necklines=("Hood",), prices=(35, 79)),
    Kind(name="Hat", patterns=("Solid", "Checked"), prices=(12, 35), sizes=("One Size",)),
    Kind(name="Jeans", prices=(39, 99), sizes=("28", "30", "32", "34", "36")),
    Kind(name="Coat", patterns=("Solid", "Checked"), sleeves=("Long",), necklines=("Lapel",), prices=(89, 259)),
    Kind(name="Boot", prices=(69, 189), sizes=_SHOE_SIZES),
    Kind(name="Top", patterns=_UPPER, sleeves=("Sleeveless",), necklines=("Round", "V-Neck"), prices=(12, 35)),
    Kind(name="Scarf", patterns=("Solid", "Checked", "Striped"), prices=(15, 49), sizes=("One Size",)),
)  # fmt: skip

_DENIM = ("Navy", "Blue", "Sky Blue", "Black", "Grey")
_LEATHER = ("Black", "Brown", "Beige", "Maroon", "Navy", "Olive", "Red", "Mustard")
_COLOURS_OF_KIND = {"Jeans": _DENIM, "Boot": _LEATHER, "Bag": _LEATHER}
_BRANDS = ("Alder & Rye", "Nordlys", "Casa Lino", "Kepler", "Marlowe", "Tide Yard", "Oona", "Field Notes")
_SELLERS = ("Atelier Nord", "Second Bloom")
_CURRENCY = "EUR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One product of the sample. Products of one `style_group` are the same cut in other colours."""

    number: int
    style_group: int
    kind: Kind
    colour: str
    second_colour: str
    pattern: str
    sleeve: str
    neckline: str
    length: str
    brand: str
    gender: str
    size: str
    seller: str
    price: Decimal

    @property
    def external_id(self) -> str:
        """The seller's id."""
        return f"S{self.number:05d}"

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return _CURRENCY

    @property
    def title(self) -> str:
        """What a shop would write over it."""
        pattern = "" if self.pattern == "Solid" else f"{self.pattern} "
        return f"{self.brand} {self.colour} {pattern}{self.kind.name}"


def choose_products(seed: int, count: int) -> list[Product]:
    """The first `count` products of a seed; more of them leave the first ones as they are."""
    return [_product(seed, number) for number in range(count)]


def _product(seed: int, number: int) -> Product:
    style = number // 2
    cut = np.random.default_rng((seed, 1, style))
    own = np.random.default_rng((seed, 2, number))
    kind = KINDS[style % len(KINDS)]
    pattern = _pick(cut, kind.patterns)
    colours = _COLOURS_OF_KIND.get(kind.name, tuple(COLOURS))
    # Two colours of one cut are never the same: the second takes the palette half way round.
    colour = colours[(int(cut.integers(len(colours))) + (number % 2) * (len(colours) // 2)) % len(colours)]
    return Product(
        number=number,
        style_group=style,
        kind=kind,
        colour=colour,
        second_colour=_contrast(own, colour),
        pattern=pattern,
        sleeve=_pick(cut, kind.sleeves),
        neckline=_pick(cut, kind.necklines),
        length=_pick(cut, kind.lengths),
        brand=_pick(cut, _BRANDS),
        gender="Women" if kind.name in ("Dress", "Skirt") else _pick(cut, ("Women", "Men", "Unisex")),
        size=_pick(own, kind.sizes),
        seller=_SELLERS[int(own.integers(2))],
        price=Decimal(int(own.integers(*kind.prices))) + Decimal("0.90"),
    )


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _contrast(rng: np.random.Generator, colour: str) -> str:
    """A colour whose lightness is far enough from the first one's to be seen as a pattern on it."""
    light = sum(COLOURS[colour])
    far = tuple(name for name, rgb in COLOURS.items() if abs(sum(rgb) - light) > 190)
    return _pick(rng, far)
