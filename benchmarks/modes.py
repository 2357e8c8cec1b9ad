"""Modes, folding, diversity and batches where the truth is known: on the drawn sample, and on a shop's product groups.

    python -m benchmarks.modes [--products 600] [--seed 7] [--crop 0.05] [--json]
    python -m benchmarks.modes --home FOLDER --catalogue NAME [--group style_group] [--json]

First the sample: of every tenth product a second seller shows some of the same photos, here as such sellers do:
smaller and recompressed. same_item and fold are to find these and no others.

With `--home` (a MODISTE_HOME that holds an imported catalogue) other_colour is asked instead: the metadata key
`--group` names products that come in several colours, and the seller's colour is the truth.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import Connection, text

from cli.opening import open_stack
from cli.sample.catalogue import draw_catalogue
from cli.sample.listings import Listing, listings_of
from cli.sample.products import choose_products
from cli.settings import Settings
from db.similarity import SimilarListing, similar_batch, similar_listings

K = 12


def main() -> None:
    options = parse()
    if options.home:
        with open_stack(settings(options.home)) as stack, stack.engine.connect() as connection:
            found = other_colours(connection, options.catalogue, options.group)
    else:
        with tempfile.TemporaryDirectory(prefix="modiste-bench-") as scratch:
            listings = listings_of(choose_products(options.seed, options.products), options.seed)
            feed = draw_catalogue(Path(scratch) / "sample", seed=options.seed, products=options.products)
            resell(feed, listings, options.crop)
            found = on_sample(Path(scratch), feed, listings)
    for name, value in found.items():
        print(f"{name:42} {value}")
    if options.json:
        print(json.dumps(found, indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--crop", type=float, default=0.0, help="how much of their photos those sellers cut off")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--catalogue", default="default")
    parser.add_argument("--group", default="style_group")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def settings(home: Path) -> Settings:
    return Settings(modiste_home=home, database_url=None, broker_url=None)


def resell(feed: Path, listings: Sequence[Listing], crop: float) -> None:
    """Gives every second seller copies of the photos that he shares: smaller, recompressed."""
    sold_before: set[str] = set()
    copies: dict[str, dict[str, str]] = {}
    for listing in listings:
        for shot in listing.shots:
            if shot.photo in sold_before:
                copies.setdefault(listing.external_id, {})[shot.photo] = copy_of(feed.parent / shot.photo, crop)
        sold_before |= {shot.photo for shot in listing.shots}
    with feed.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        given = copies.get(row["external_id"], {})
        row |= {column: given.get(photo, photo) for column, photo in row.items() if column.startswith("image")}
    with feed.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def copy_of(photo: Path, crop: float) -> str:
    """The name of a copy beside the photo; `crop` of its width and height are cut off, half on each side."""
    with Image.open(photo) as image:
        width, height = image.size
        edge_x, edge_y = crop * width / 2, crop * height / 2
        size = round(width * 0.8 * (1 - crop)), round(height * 0.8 * (1 - crop))
        small = image.resize(size, Image.Resampling.BICUBIC, (edge_x, edge_y, width - edge_x, height - edge_y))
    copy = photo.with_name(f"copy-{photo.name}")
    small.save(copy, quality=70)
    return f"photos/{copy.name}"


def on_sample(scratch: Path, feed: Path, listings: Sequence[Listing]) -> dict[str, Any]:
    home = scratch / "home"
    subprocess.run(
        [sys.executable, "-m", "cli", "import", feed, "--photos", feed.parent, "--catalogue", "sample"],
        env=os.environ | {"MODISTE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    with open_stack(settings(home)) as stack, stack.engine.connect() as connection:
        rows = connection.execute(text("SELECT external_id, id FROM modiste.listing ORDER BY id"))
        ids = {row.external_id: row.id for row in rows}
        pairs = reselling_pairs(listings, ids)
        asked = list(ids.values())
        return (
            same_items(connection, asked, pairs)
            | folding(connection, asked, pairs)
            | diversity(connection, asked)
            | batches(connection, asked)
        )


def reselling_pairs(listings: Sequence[Listing], ids: Mapping[str, int]) -> set[frozenset[int]]:
    """Listings of one product that share a photo."""
    of_product = defaultdict(list)
    for listing in listings:
        of_product[listing.product.number].append(ids[listing.external_id])
    return {frozenset(pair) for pair in of_product.values() if len(pair) == 2}


def same_items(connection: Connection, listings: Sequence[int], pairs: set[frozenset[int]]) -> dict[str, Any]:
    said = {
        frozenset((asked, row.listing_id))
        for asked in listings
        for row in similar_listings(connection, asked, k=K, options={"mode": "same_item"})
    }
    return {
        "same_item: pairs there are": len(pairs),
        "same_item: precision": ratio(len(said & pairs), len(said)),
        "same_item: recall": ratio(len(said & pairs), len(pairs)),
    }


def folding(connection: Connection, listings: Sequence[int], pairs: set[frozenset[int]]) -> dict[str, Any]:
    """Of pairs that both stand in a plain answer, those folded into one; and listings that were folded into no twin."""
    twins = {listing for pair in pairs for listing in pair}
    together = folded = counted = wrong = 0
    for asked in listings:
        plain = {row.listing_id for row in similar_listings(connection, asked, k=K)}
        rows = similar_listings(connection, asked, k=K, options={"fold": True})
        shown = {row.listing_id for row in rows}
        met = [pair for pair in pairs if pair <= plain]
        together += len(met)
        folded += sum(not pair <= shown for pair in met)
        counted += sum(row.folded for row in rows)
        wrong += sum(max(0, row.folded - (row.listing_id in twins)) for row in rows)
    return {
        "fold: pairs together in plain answers": together,
        "fold: of these folded": ratio(folded, together),
        "fold: listings folded": counted,
        "fold: of these into no twin": ratio(wrong, counted),
    }


def diversity(connection: Connection, listings: Sequence[int]) -> dict[str, Any]:
    """How alike the answers are to each other, and to what was asked."""
    found: dict[str, Any] = {}
    for share in (0.0, 0.3, 0.6):
        answers = [similar_listings(connection, one, k=K, options={"diversity": share}) for one in listings[:200]]
        found[f"diversity {share}: mean score"] = round(
            statistics.fmean(row.score for rows in answers for row in rows), 3
        )
        found[f"diversity {share}: likeness of answers"] = round(
            statistics.fmean(likeness(connection, rows) for rows in answers), 3
        )
    return found


def likeness(connection: Connection, rows: Sequence[SimilarListing]) -> float:
    """The mean cosine between any two of the matched photos."""
    version = connection.scalar(text("SELECT id FROM modiste.model_version WHERE state = 'active'"))
    value = connection.scalar(
        text(f"""
            WITH v AS (SELECT p.id, e.vec FROM modiste.photo p JOIN modiste.embedding_{version} e USING (content_id)
                       WHERE p.id = ANY (:photos))
            SELECT avg(1 - (a.vec <=> b.vec)) FROM v a JOIN v b ON a.id < b.id
        """),
        {"photos": [row.matched_photo_id for row in rows]},
    )
    return float(value)


def batches(connection: Connection, listings: Sequence[int]) -> dict[str, Any]:
    hundred = listings[:100]
    times: dict[str, list[float]] = {"batch": [], "single": []}
    for _ in range(5):
        began = time.perf_counter()
        batch = similar_batch(connection, hundred, k=K)
        times["batch"].append(time.perf_counter() - began)
        began = time.perf_counter()
        single = {one: similar_listings(connection, one, k=K) for one in hundred}
        times["single"].append(time.perf_counter() - began)
    return {
        "batch of 100: as single questions": batch == single,
        "batch of 100: time ÷ single questions": round(
            statistics.median(times["batch"]) / statistics.median(times["single"]), 2
        ),
    }


def other_colours(connection: Connection, catalogue: str, group: str) -> dict[str, Any]:
    """Asked of listings whose group comes in more than one colour."""
    rows = connection.execute(
        text("""
            SELECT l.id, l.colour, l.metadata ->> :group AS product FROM modiste.listing l
            JOIN modiste.listing_enrichment e ON e.listing_id = l.id
            WHERE l.catalogue = :catalogue AND l.colour IS NOT NULL AND l.metadata ->> :group IS NOT NULL
        """),
        {"catalogue": catalogue, "group": group},
    ).all()
    known = {row.id: row for row in rows}
    groups = defaultdict(set)
    for row in rows:
        groups[row.product].add(row.id)
    right = {row.id: {other for other in groups[row.product] if known[other].colour != row.colour} for row in rows}
    asked = [one for one, others in right.items() if others]
    found: dict[str, Any] = {"listings asked about": len(asked)}
    for mode in ("same_style", "other_colour"):
        differ = answers = hits = wanted = 0
        for one in asked:
            answer = [
                row.listing_id
                for row in similar_listings(connection, one, k=10, options={"mode": mode})
                if row.listing_id in known
            ]
            answers += len(answer)
            differ += sum(known[other].colour != known[one].colour for other in answer)
            hits += len(set(answer) & right[one])
            wanted += min(10, len(right[one]))
        found[f"{mode}: answers of another colour"] = ratio(differ, answers)
        found[f"{mode}: recall@10 of the group's other colours"] = ratio(hits, wanted)
    return found


def ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


if __name__ == "__main__":
    main()
