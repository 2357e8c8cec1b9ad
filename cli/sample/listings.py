"""Who sells the products of the sample: three sellers, each with ids, prices and a wording of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cli.sample.products import Product, rng_of
from cli.sample.shots import Shot, resellers_shot, shots_of

_SOLD_TWICE_EVERY = 10
CURRENCY = "EUR"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seller:
    """A seller: prefix of its ids, how it writes a title, and the categories that it calls otherwise."""

    name: str
    prefix: str
    title: Callable[[Product], str]
    words: dict[str, str]

    def category_of(self, product: Product) -> str:
        """The seller's word for the kind of a product."""
        return self.words.get(product.kind.name, product.kind.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One product as one seller offers it, with the photos that this seller shows."""

    external_id: str
    product: Product
    seller: Seller
    price: Decimal
    shots: tuple[Shot, ...]


def listings_of(products: Sequence[Product], seed: int) -> list[Listing]:
    """One listing a product; after these, a second one of every tenth product, by another seller.

    That seller shows one or more of the same photos (the same files, as when both have them from the maker), and one
    that it took itself, unless four are shared already.
    """
    twice = [product for product in products if product.number % _SOLD_TWICE_EVERY == _SOLD_TWICE_EVERY - 1]
    return [_first(product, seed) for product in products] + [_second(product, seed) for product in twice]


def every_shot(listings: Sequence[Listing]) -> dict[Shot, Product]:
    """Every photo that a listing shows, once, with its product."""
    return {shot: listing.product for listing in listings for shot in listing.shots}


def _first(product: Product, seed: int) -> Listing:
    return _listing(product, _seller(product, seed, 0), product.price, shots_of(product, seed))


def _second(product: Product, seed: int) -> Listing:
    rng = rng_of(seed, 3, product.number)
    shots = shots_of(product, seed)
    shared = shots[: int(rng.integers(1, len(shots) + 1))]
    own = () if len(shared) == 4 else (resellers_shot(product, seed, number=len(shots)),)
    return _listing(product, _seller(product, seed, 1), product.price * rng.uniform(0.75, 1.12), (*shared, *own))


def _seller(product: Product, seed: int, turn: int) -> Seller:
    first = int(rng_of(seed, 2, product.number).integers(len(SELLERS)))
    return SELLERS[(first + turn) % len(SELLERS)]


def _listing(product: Product, seller: Seller, price: float, shots: tuple[Shot, ...]) -> Listing:
    return Listing(
        external_id=f"{seller.prefix}{product.number:05d}",
        product=product,
        seller=seller,
        price=Decimal(round(price)) - Decimal("0.10"),
        shots=shots,
    )


def _plain_title(p: Product) -> str:
    return " ".join(filter(None, (p.brand, p.colour, *_adjectives(p), p.kind.name)))


def _chatty_title(p: Product) -> str:
    whose = {"Women": "Women's ", "Men": "Men's "}.get(p.gender, "")
    words = " ".join((*_adjectives(p), p.kind.name)).lower()
    return f"{whose}{words} in {p.colour.lower()}, {p.material.lower()} – {p.brand}"


def _terse_title(p: Product) -> str:
    words = ", ".join(filter(None, (p.colour.lower(), *(word.lower() for word in _adjectives(p)))))
    return f"{p.brand.upper()} {p.kind.name.lower()} {words}, size {p.size}"


def _adjectives(p: Product) -> tuple[str, ...]:
    pattern = () if p.pattern == "Solid" else (p.pattern,)
    sleeve = {"Short": "Short-Sleeve", "Three-Quarter": "Three-Quarter-Sleeve"}.get(p.sleeve, p.sleeve)
    return (*pattern, *((sleeve,) if len(p.kind.sleeves) > 1 else ()))


SELLERS = (
    Seller(name="Atelier Nord", prefix="AN-", title=_plain_title, words={}),
    Seller(name="Second Bloom", prefix="bloom_", title=_chatty_title,
           words={"Jumper": "Sweater", "Trainers": "Sneakers", "Trousers": "Pants", "Handbag": "Bag",
                  "Pumps": "Heels", "Track Pants": "Joggers", "Polo Shirt": "Polo"}),
    Seller(name="Harbour Goods", prefix="HG7", title=_terse_title,
           words={"T-Shirt": "Tees", "Jumper": "Knitwear", "Jacket": "Outerwear", "Coat": "Outerwear",
                  "Boots": "Shoes", "Trainers": "Shoes", "Pumps": "Shoes", "Cap": "Headwear", "Beanie": "Headwear"}),
)  # fmt: skip
