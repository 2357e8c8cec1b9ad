"""Writing the sample catalogue to a folder: photos, their labels, and the feed that names them."""

import csv
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from cli.sample.listings import CURRENCY, Listing, every_shot, listings_of
from cli.sample.photo import draw_photo
from cli.sample.products import Product, choose_products
from cli.sample.shots import Shot, labels_of

_PHOTO_COLUMNS = ("image", "image2", "image3", "image4")
_FEED_COLUMNS = (
    "external_id", "title", "brand", "price", "currency", "gender", "colour", "size", "seller", "category",
    "style_group", "pattern", "sleeve", "neckline", "length", "material", "season", *_PHOTO_COLUMNS,
)  # fmt: skip
_LABELS = ("category", "colour", "pattern", "sleeve", "neckline", "length")
_MANIFEST_COLUMNS = ("photo", *_LABELS, "style_group")
_PHOTOS_WORTH_PROCESSES = 48
_MOST_PROCESSES = 8

Taken = tuple[Shot, Product]


def draw_catalogue(
    folder: Path, *, seed: int = 7, products: int = 240, on_photo: Callable[[int, int], None] | None = None
) -> Path:
    """Draw the listings of `products` products into `folder` and return the path of its feed.csv.

    Two to four photos each stand in `folder/photos`. Every tenth product is sold by two sellers who share photos: 240
    products are 264 listings. `manifest.csv` says of every photo what can be seen on it. The feed is written last, so
    that a folder with a feed is complete. The same seed gives the same bytes under one version of Pillow and numpy.
    `on_photo` is told, after each photo, how many are drawn and how many there will be.
    """
    feed = folder / "feed.csv"
    feed.unlink(missing_ok=True)
    listings = listings_of(choose_products(seed, products), seed)
    taken = list(every_shot(listings).items())
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    for drawn, _ in enumerate(_drawn(taken, folder, seed), start=1):
        if on_photo is not None:
            on_photo(drawn, len(taken))
    _write_table(folder / "manifest.csv", _MANIFEST_COLUMNS, map(_manifest_row, taken))
    _write_table(feed, _FEED_COLUMNS, map(_feed_row, listings))
    return feed


def _drawn(taken: Sequence[Taken], folder: Path, seed: int) -> Iterator[None]:
    """Draw the photos in as many processes as there are processors; in this one where they are few."""
    draw = partial(_draw_into, folder, seed)
    if len(taken) < _PHOTOS_WORTH_PROCESSES:
        yield from map(draw, taken)
        return
    with ProcessPoolExecutor(
        min(os.cpu_count() or 1, _MOST_PROCESSES),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_leave_with_parent,
    ) as pool:
        yield from pool.map(draw, taken, chunksize=8)


def _draw_into(folder: Path, seed: int, taken: Taken) -> None:
    shot, product = taken
    (folder / shot.photo).write_bytes(draw_photo(product, shot, seed))


def _leave_with_parent() -> None:
    """End this process when its parent is gone: a pool's processes would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Under another name first: a table with the right name has all its rows."""
    unfinished = path.with_suffix(".csv.unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
    unfinished.replace(path)


def _manifest_row(taken: Taken) -> list[str]:
    shot, product = taken
    labels = labels_of(product, shot)
    return [shot.photo, *(labels[name] for name in _LABELS), product.style_group]


def _feed_row(listing: Listing) -> list[object]:
    p = listing.product
    photos = [shot.photo for shot in listing.shots]
    return [
        listing.external_id, listing.seller.title(p), p.brand, listing.price, CURRENCY, p.gender, p.colour, p.size,
        listing.seller.name, listing.seller.category_of(p), p.style_group, p.pattern, p.sleeve, p.neckline, p.length,
        p.material, p.season, *photos, *[""] * (len(_PHOTO_COLUMNS) - len(photos)),
    ]  # fmt: skip
