"""The kinds of garment in the sample: what varies between two of a kind, what they cost, and what a close-up shows."""

from dataclasses import dataclass, field
from enum import StrEnum


class Cloth(StrEnum):
    """What a garment is made of; the value is what a shop writes as its material."""

    JERSEY = "Cotton jersey"
    POPLIN = "Cotton poplin"
    TWILL = "Cotton twill"
    DENIM = "Denim"
    KNIT = "Merino knit"
    FLEECE = "Cotton fleece"
    WOOL = "Wool blend"
    SATIN = "Satin"
    LEATHER = "Leather"
    CANVAS = "Canvas"


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """What a close-up looks at: a place in unit space, and which labels can be told there besides the colour."""

    x: float
    y: float
    tells: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of garment: what varies from one to the next, its price range in EUR, and what a close-up shows."""

    name: str
    cloths: tuple[Cloth, ...]
    prices: tuple[int, int]
    patterns: tuple[str, ...] = ("Solid",)
    colours: tuple[str, ...] = ()
    sleeves: tuple[str, ...] = ("",)
    necklines: tuple[str, ...] = ("",)
    lengths: tuple[str, ...] = ("",)
    sizes: tuple[str, ...] = ("XS", "S", "M", "L", "XL")
    genders: tuple[str, ...] = ("Women", "Men", "Unisex")
    seasons: tuple[str, ...] = ("All year",)
    detail: Detail = field(default_factory=lambda: Detail(x=0.0, y=0.0, tells=frozenset({"category"})))
    hangs: bool = False


_NECK = Detail(x=0.0, y=-0.48, tells=frozenset({"neckline"}))
_COLLAR = Detail(x=0.0, y=-0.46, tells=frozenset({"category", "neckline"}))
_WAIST = Detail(x=0.0, y=-0.58)
_SHOE_SIZES = ("36", "37", "38", "39", "40", "41", "42", "43", "44")
_WOMEN, _ONE = ("Women",), ("One Size",)
_SUMMER, _WINTER = ("Spring/Summer",), ("Autumn/Winter",)
_PRINTS = ("Solid", "Striped", "Floral", "Dotted")
_LEATHERS = ("Black", "Brown", "Beige", "Maroon", "Navy", "Olive", "Red", "Mustard", "Cream")
_SUITINGS = ("Black", "Navy", "Grey", "Beige", "Brown", "Olive", "Blue", "Maroon")
_DENIMS = ("Navy", "Blue", "Sky Blue", "Black", "Grey")

KINDS: tuple[Kind, ...] = (
    Kind(name="T-Shirt", cloths=(Cloth.JERSEY,), prices=(9, 29), hangs=True, detail=_NECK,
         patterns=("Solid", "Striped", "Graphic", "Melange", "Dotted", "Colour-Block"), sleeves=("Short",),
         necklines=("Round", "V-Neck", "Scoop")),
    Kind(name="Dress", cloths=(Cloth.POPLIN, Cloth.SATIN, Cloth.JERSEY), prices=(29, 99), hangs=True, detail=_NECK,
         patterns=(*_PRINTS, "Checked"), sleeves=("Sleeveless", "Short", "Three-Quarter"),
         necklines=("Round", "V-Neck", "Scoop"), lengths=("Short", "Long"), genders=_WOMEN, seasons=_SUMMER),
    Kind(name="Jeans", cloths=(Cloth.DENIM,), prices=(39, 99), colours=_DENIMS, lengths=("Long",), detail=_WAIST,
         sizes=("28", "30", "32", "34", "36")),
    Kind(name="Trainers", cloths=(Cloth.CANVAS, Cloth.LEATHER), prices=(45, 119), sizes=_SHOE_SIZES,
         detail=Detail(x=0.1, y=0.1, tells=frozenset({"category"}))),
    Kind(name="Jumper", cloths=(Cloth.KNIT,), prices=(29, 89), hangs=True, detail=_COLLAR,
         patterns=("Solid", "Striped", "Cable Knit", "Melange", "Colour-Block"), sleeves=("Long",),
         necklines=("Round", "V-Neck", "Turtleneck"), seasons=_WINTER),
    Kind(name="Handbag", cloths=(Cloth.LEATHER,), prices=(39, 149), colours=_LEATHERS, sizes=_ONE, genders=_WOMEN,
         detail=Detail(x=0.0, y=0.05, tells=frozenset({"category"}))),
    Kind(name="Shirt", cloths=(Cloth.POPLIN, Cloth.TWILL), prices=(25, 69), hangs=True, detail=_COLLAR,
         patterns=("Solid", "Striped", "Checked", "Dotted"), sleeves=("Long", "Short"), necklines=("Collar",)),
    Kind(name="Skirt", cloths=(Cloth.POPLIN, Cloth.SATIN, Cloth.TWILL), prices=(19, 59), detail=_WAIST,
         patterns=(*_PRINTS, "Checked"), lengths=("Short", "Long"), genders=_WOMEN),
    Kind(name="Hoodie", cloths=(Cloth.FLEECE,), prices=(35, 79), hangs=True, detail=_COLLAR,
         patterns=("Solid", "Melange", "Graphic", "Colour-Block"), sleeves=("Long",), necklines=("Hood",)),
    Kind(name="Boots", cloths=(Cloth.LEATHER,), prices=(69, 189), colours=_LEATHERS, sizes=_SHOE_SIZES,
         seasons=_WINTER, detail=Detail(x=0.1, y=0.3, tells=frozenset({"category"}))),
    Kind(name="Coat", cloths=(Cloth.WOOL,), prices=(89, 259), colours=(*_SUITINGS, "Cream", "Red"), hangs=True,
         detail=_COLLAR, patterns=("Solid", "Checked", "Melange"), sleeves=("Long",), necklines=("Lapel",),
         lengths=("Long",), seasons=_WINTER),
    Kind(name="Shorts", cloths=(Cloth.TWILL,), prices=(15, 45), detail=_WAIST, lengths=("Short",),
         patterns=("Solid", "Checked", "Striped", "Floral"), seasons=_SUMMER),
    Kind(name="Hat", cloths=(Cloth.KNIT,), prices=(12, 35), patterns=("Solid", "Striped", "Melange"), sizes=_ONE),
    Kind(name="Top", cloths=(Cloth.JERSEY, Cloth.SATIN), prices=(12, 35), hangs=True, detail=_NECK,
         patterns=_PRINTS, sleeves=("Sleeveless",), necklines=("Round", "V-Neck", "Scoop"), genders=_WOMEN,
         seasons=_SUMMER),
    Kind(name="Jacket", cloths=(Cloth.TWILL, Cloth.LEATHER), prices=(59, 189), hangs=True, detail=_COLLAR,
         sleeves=("Long",), necklines=("Collar",)),
    Kind(name="Trousers", cloths=(Cloth.TWILL, Cloth.WOOL), prices=(29, 79), colours=(*_SUITINGS, "Cream"),
         patterns=("Solid", "Checked", "Striped"), lengths=("Long",), detail=_WAIST),
    Kind(name="Scarf", cloths=(Cloth.KNIT, Cloth.WOOL), prices=(15, 49), sizes=_ONE, seasons=_WINTER,
         patterns=("Solid", "Checked", "Striped"), detail=Detail(x=0.0, y=-0.2, tells=frozenset({"category"}))),
)  # fmt: skip
