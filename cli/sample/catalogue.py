"""Writing the sample catalogue to a folder: photos and the feed that names them."""

import csv
from collections.abc import Iterable
from pathlib import Path

from cli.sample.photo import draw_photo
from cli.sample.products import Product, choose_products

_VIEWS = 2
_COLUMNS = (
    "external_id", "title", "brand", "price", "currency", "gender", "colour", "size", "seller", "category",
    "style_group", "pattern", "sleeve", "neckline", "length", "image", "image2",
)  # fmt: skip


def draw_catalogue(folder: Path, *, seed: int = 7, products: int = 60) -> Path:
    """Draw `products` products, two photos each, into `folder` and return the path of its feed.csv.

    The same seed gives the same bytes (under one version of Pillow and numpy), and every photo differs from every
    other. Photos stand in `folder/photos` as JPEG of 352 × 352 px, named by the feed relative to `folder`.
    """
    chosen = choose_products(seed, products)
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    for product in chosen:
        for view in range(_VIEWS):
            (folder / _photo_name(product, view)).write_bytes(draw_photo(product, view, seed))
    feed = folder / "feed.csv"
    with feed.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([_COLUMNS, *(_row(product) for product in chosen)])
    return feed


def _photo_name(product: Product, view: int) -> str:
    return f"photos/{product.external_id}-{view + 1}.jpg"


def _row(product: Product) -> Iterable[object]:
    p = product
    return (
        p.external_id, p.title, p.brand, p.price, p.currency, p.gender, p.colour, p.size, p.seller, p.kind.name,
        f"G{p.style_group:04d}", p.pattern, p.sleeve, p.neckline, p.length, _photo_name(p, 0), _photo_name(p, 1),
    )  # fmt: skip
