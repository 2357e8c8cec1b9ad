"""How fast a feed is planned, and in how much memory: new, again as it is, with new prices, and as all there is.

    python -m benchmarks.planning [--rows 1000000] [--steps read new unchanged prices full] [--json]

read: its rows alone. prices: one row in twenty has another price. full: without the last tenth, which is withdrawn.

Draws a feed of ten columns with a photo URL a row and plans it on an embedded stack of its own, messages to the broker
included, without a worker. Beside the wall clock stands the time that the planner and PostgreSQL computed: on a machine
with other work that is the figure to compare, and the larger of the two bounds what two idle cores need.
"""

import argparse
import csv
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from broker import dispatch, make_app
from cli.opening import open_stack
from cli.settings import Settings
from db.engine import open_engine
from store import Store
from worker.feed import open_feed
from worker.planning import Order, Tally, plan_import

COLUMNS = (
    "id", "title", "brand", "price", "currency", "gender", "colour", "category", "season", "image_link",
)  # fmt: skip
COLOURS = ("Black", "White", "Blue", "Red", "Green", "Grey", "Navy Blue", "Pink", "Beige", "Brown")
KINDS = ("Shirt", "Dress", "Jeans", "Jacket", "Skirt", "Trousers", "Sandals", "Handbag", "Watch", "Scarf")
STEPS = ("read", "new", "unchanged", "prices", "full")
PRICES_CHANGED = 20  # one listing in so many
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Servers:
    """What a step needs to open the stack in a process of its own."""

    database_url: str
    broker_url: str
    store_url: str
    postmaster: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One pass over the feed."""

    name: str
    rows: int
    wall_s: float
    planner_s: float
    postgres_s: float
    peak_mib: int
    photos: int


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as home:
        settings = Settings(modiste_home=Path(home), database_url=None, broker_url=None)
        with open_stack(settings) as stack:
            servers = Servers(
                database_url=stack.database_url,
                broker_url=stack.broker_url,
                store_url=settings.store_url,
                postmaster=int(next(Path(home).glob("postgres/**/postmaster.pid")).read_text().split()[0]),
            )
            steps = [run(name, servers, Path(home), options.rows) for name in options.steps]
    if options.json:
        print(json.dumps([asdict(step) for step in steps], indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--steps", nargs="+", default=STEPS, choices=STEPS)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def run(name: str, servers: Servers, home: Path, rows: int) -> Step:
    """A step in a new process, so that its memory is its own."""
    feed = home / f"{name if name in ('prices', 'full') else 'feed'}.csv"
    if not feed.exists():
        wanted = rows * 9 // 10 if name == "full" else rows
        draw_feed(feed, wanted, cheaper=0 if name in ("read", "new", "unchanged") else PRICES_CHANGED)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        step = pool.apply(measured, (name, servers, feed))
    says = f"{step.name:10}{step.rows:>10,} rows {step.wall_s:7.1f} s, planner {step.planner_s:6.1f} s, PostgreSQL "
    print(f"{says}{step.postgres_s:6.1f} s, at most {step.peak_mib} MiB, {step.photos:,} photos", file=sys.stderr)
    return step


def draw_feed(path: Path, rows: int, *, cheaper: int) -> None:
    """`cheaper`: one row in so many has another price than without it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(rows):
            colour, kind = COLOURS[n % 10], KINDS[n // 10 % 10]
            cents = 99 - (cheaper > 0 and n % cheaper == 0)
            writer.writerow(
                (f"SKU-{n:08}", f"{colour} {kind} No. {n}", f"Brand {n % 500}", f"{n % 200 + 5}.{cents}", "EUR",
                 ("Women", "Men")[n % 2], colour, kind, ("Summer", "Winter")[n // 2 % 2],
                 f"https://img{n % 4}.shop.example/photos/{n:08}.jpg")
            )  # fmt: skip


def measured(name: str, servers: Servers, feed: Path) -> Step:
    before = (time.monotonic(), time.process_time(), computed_s(servers.postmaster))
    rows, photos = read(feed) if name == "read" else plan(servers, feed, whole=name == "full")
    after = (time.monotonic(), time.process_time(), computed_s(servers.postmaster))
    wall_s, planner_s, postgres_s = (round(end - begin, 2) for begin, end in zip(before, after, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // MIB
    return Step(
        name=name, rows=rows, wall_s=wall_s, planner_s=planner_s, postgres_s=postgres_s, peak_mib=peak, photos=photos
    )


def read(path: Path) -> tuple[int, int]:
    """What reading and checking the rows alone takes."""
    with open_feed(path) as feed:
        return sum(1 for _ in feed.rows()), 0


def plan(servers: Servers, path: Path, *, whole: bool) -> tuple[int, int]:
    """As `modiste import` does it; rows and photos that were put to work."""
    engine, app = open_engine(servers.database_url), make_app(servers.broker_url)
    found = (0, 0)

    def on_batch(_: int, tally: Tally) -> None:
        nonlocal found
        dispatch(engine, app)
        found = (sum(tally.rows.values()), tally.photos)

    with open_feed(path) as feed:
        order = Order(catalogue="default", feed_name="feed.csv", feed=feed, whole=whole)
        plan_import(engine, Store.open(servers.store_url), order, on_batch=on_batch)
    engine.dispose()
    return found


def computed_s(postmaster: int) -> float:
    """Seconds that PostgreSQL's processes computed: those that live, and those that the postmaster has seen end."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
        elif path.parent.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
