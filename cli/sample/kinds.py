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
    """A kind of garment: what varies from one to the next, its price range in EUR, and what a close-up shows.

    It may be photographed on a hanger, standing by itself, and from the back; what is `stiff` never sags. Without
    `materials` of its own, its cloth says what it is made of.
    """

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
    materials: tuple[str, ...] = ()
    hangs: bool = False
    stands: bool = False
    stiff: bool = False
    has_back: bool = False


_NECK = Detail(x=0.0, y=-0.44, tells=frozenset({"neckline"}))
_COLLAR = Detail(x=0.0, y=-0.44, tells=frozenset({"category", "neckline"}))
_WAIST = Detail(x=0.0, y=-0.58)
_SHOE = Detail(x=0.0, y=0.05)
_SHOE_SIZES = ("36", "37", "38", "39", "40", "41", "42", "43", "44")
_WAIST_SIZES = ("28", "30", "32", "34", "36")
_WOMEN, _MEN, _ONE = ("Women",), ("Men",), ("One Size",)
_SUMMER, _WINTER = ("Spring/Summer",), ("Autumn/Winter",)
_PRINTS = ("Solid", "Striped", "Floral", "Dotted")
_LEATHERS = ("Black", "Brown", "Beige", "Maroon", "Navy", "Olive", "Red", "Mustard", "Cream")
_SUITINGS = ("Black", "Navy", "Grey", "Beige", "Brown", "Olive", "Blue", "Maroon")
_DENIMS = ("Navy", "Blue", "Sky Blue", "Black", "Grey")
_SOFT = ("Solid", "Melange", "Graphic", "Colour-Block")

KINDS: tuple[Kind, ...] = (
    Kind(name="T-Shirt", cloths=(Cloth.JERSEY,), prices=(9, 29), hangs=True, detail=_NECK, has_back=True,
         patterns=("Solid", "Striped", "Graphic", "Melange", "Dotted", "Colour-Block"), sleeves=("Short",),
         necklines=("Round", "V-Neck", "Scoop")),
    Kind(name="Dress", cloths=(Cloth.POPLIN, Cloth.SATIN, Cloth.JERSEY), prices=(29, 99), hangs=True, detail=_NECK,
         patterns=(*_PRINTS, "Checked"), sleeves=("Sleeveless", "Short", "Three-Quarter"), has_back=True,
         necklines=("Round", "V-Neck", "Scoop"), lengths=("Short", "Long"), genders=_WOMEN, seasons=_SUMMER),
    Kind(name="Jeans", cloths=(Cloth.DENIM,), prices=(39, 99), colours=_DENIMS, lengths=("Long",), detail=_WAIST,
         sizes=_WAIST_SIZES, has_back=True),
    Kind(name="Trainers", cloths=(Cloth.CANVAS, Cloth.LEATHER), prices=(45, 119), sizes=_SHOE_SIZES, detail=_SHOE,
         stands=True),
    Kind(name="Jumper", cloths=(Cloth.KNIT,), prices=(29, 89), hangs=True, detail=_COLLAR, has_back=True,
         patterns=("Solid", "Striped", "Cable Knit", "Melange", "Colour-Block"), sleeves=("Long",),
         necklines=("Round", "V-Neck", "Turtleneck"), seasons=_WINTER),
    Kind(name="Handbag", cloths=(Cloth.LEATHER,), prices=(39, 149), colours=_LEATHERS, sizes=_ONE, genders=_WOMEN,
         detail=Detail(x=0.0, y=0.05), stands=True),
    Kind(name="Shirt", cloths=(Cloth.POPLIN, Cloth.TWILL), prices=(25, 69), hangs=True, detail=_COLLAR,
         patterns=("Striped", "Solid", "Checked", "Dotted"), sleeves=("Long", "Short"), necklines=("Collar",)),
    Kind(name="Skirt", cloths=(Cloth.POPLIN, Cloth.SATIN, Cloth.TWILL), prices=(19, 59), detail=_WAIST,
         patterns=(*_PRINTS, "Checked"), lengths=("Short", "Long"), genders=_WOMEN),
    Kind(name="Belt", cloths=(Cloth.LEATHER,), prices=(19, 59), colours=_LEATHERS, sizes=("80", "85", "90", "95"),
         detail=Detail(x=0.0, y=0.40), stiff=True),
    Kind(name="Hoodie", cloths=(Cloth.FLEECE,), prices=(35, 79), hangs=True, detail=_COLLAR, patterns=_SOFT,
         sleeves=("Long",), necklines=("Hood",)),
    Kind(name="Cap", cloths=(Cloth.TWILL,), prices=(12, 29), sizes=_ONE, seasons=_SUMMER, stiff=True,
         detail=Detail(x=0.0, y=0.0)),
    Kind(name="Coat", cloths=(Cloth.WOOL,), prices=(89, 259), colours=(*_SUITINGS, "Cream", "Red"), hangs=True,
         detail=_COLLAR, patterns=("Solid", "Checked", "Melange"), sleeves=("Long",), necklines=("Lapel",),
         lengths=("Long",), seasons=_WINTER),
    Kind(name="Boots", cloths=(Cloth.LEATHER,), prices=(69, 189), colours=_LEATHERS, sizes=_SHOE_SIZES,
         seasons=_WINTER, detail=Detail(x=0.0, y=0.10), stands=True),
    Kind(name="Top", cloths=(Cloth.JERSEY, Cloth.SATIN), prices=(12, 35), hangs=True, detail=_NECK, has_back=True,
         patterns=("Floral", "Solid", "Dotted", "Striped"), sleeves=("Sleeveless",),
         necklines=("Round", "V-Neck", "Scoop"), genders=_WOMEN, seasons=_SUMMER),
    Kind(name="Sunglasses", cloths=(Cloth.SATIN,), prices=(15, 89), sizes=_ONE, seasons=_SUMMER, stiff=True,
         colours=("Black", "Brown", "Beige", "Navy", "Red", "Green"), materials=("Acetate",)),
    Kind(name="Trousers", cloths=(Cloth.TWILL, Cloth.WOOL), prices=(29, 79), colours=(*_SUITINGS, "Cream"),
         patterns=("Solid", "Checked", "Striped"), lengths=("Long",), detail=_WAIST, sizes=_WAIST_SIZES),
    Kind(name="Scarf", cloths=(Cloth.KNIT, Cloth.WOOL), prices=(15, 49), sizes=_ONE, seasons=_WINTER,
         patterns=("Checked", "Striped", "Solid"), detail=Detail(x=0.0, y=-0.2)),
    Kind(name="Jacket", cloths=(Cloth.TWILL, Cloth.LEATHER), prices=(59, 189), hangs=True, detail=_COLLAR,
         sleeves=("Long",), necklines=("Collar",)),
    Kind(name="Pumps", cloths=(Cloth.LEATHER, Cloth.SATIN), prices=(49, 139), genders=_WOMEN, detail=_SHOE,
         sizes=_SHOE_SIZES[:6], stands=True),
    Kind(name="Polo Shirt", cloths=(Cloth.JERSEY,), prices=(19, 49), hangs=True, detail=_COLLAR,
         patterns=("Striped", "Solid", "Colour-Block"), sleeves=("Short",), necklines=("Polo Collar",)),
    Kind(name="Backpack", cloths=(Cloth.CANVAS,), prices=(35, 99), sizes=_ONE, detail=Detail(x=0.0, y=-0.1),
         stands=True),
    Kind(name="Shorts", cloths=(Cloth.TWILL,), prices=(15, 45), detail=_WAIST, lengths=("Short",),
         patterns=("Solid", "Checked", "Striped", "Floral"), seasons=_SUMMER),
    Kind(name="Beanie", cloths=(Cloth.KNIT,), prices=(12, 35), patterns=("Solid", "Striped", "Melange"), sizes=_ONE,
         seasons=_WINTER, detail=Detail(x=0.0, y=0.05)),
    Kind(name="Blazer", cloths=(Cloth.WOOL, Cloth.TWILL), prices=(79, 199), colours=_SUITINGS, hangs=True,
         detail=_COLLAR, patterns=("Solid", "Checked", "Striped"), sleeves=("Long",), necklines=("Lapel",)),
    Kind(name="Tie", cloths=(Cloth.SATIN,), prices=(15, 45), patterns=("Striped", "Dotted", "Solid", "Floral"),
         genders=_MEN, sizes=_ONE, detail=Detail(x=0.0, y=-0.5)),
    Kind(name="Sweatshirt", cloths=(Cloth.FLEECE,), prices=(29, 69), hangs=True, detail=_COLLAR, has_back=True,
         patterns=("Graphic", "Solid", "Colour-Block", "Melange"), sleeves=("Long",), necklines=("Round",)),
    Kind(name="Track Pants", cloths=(Cloth.FLEECE,), prices=(25, 59), lengths=("Long",), detail=_WAIST),
    Kind(name="Long-Sleeved T-Shirt", cloths=(Cloth.JERSEY,), prices=(15, 35), hangs=True, detail=_NECK,
         patterns=("Striped", "Solid", "Melange"), sleeves=("Long",), necklines=("Round", "V-Neck"), has_back=True),
    Kind(name="Socks", cloths=(Cloth.KNIT,), prices=(5, 15), patterns=("Striped", "Dotted", "Solid"),
         sizes=("36-38", "39-42", "43-46")),
)  # fmt: skip
