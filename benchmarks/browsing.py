"""What the pages ask of a large catalogue: counts beside the filters, a page of listings, the next one to review.

    python -m benchmarks.browsing [--listings 200000] [--home FOLDER] [--rounds 15]

Draws the catalogue (benchmarks/many_listings.py) on an embedded stack, in FOLDER if that is given and left there for
the next run. Each question is asked once unmeasured; median and slowest of the rounds, in milliseconds, in this
process beside the database.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from api.review_ahead import AHEAD, ReviewAhead
from benchmarks.many_listings import CATALOGUE, World, category_name, fill
from cli.opening import open_stack
from cli.settings import Settings
from db.browsing import browse_listings
from db.engine import transaction
from db.facets import count_listings, facet_counts
from db.review import Position, review_queue

DIM = 64  # nothing here looks at vectors
A_PAGE = 48
# Sellers' own words, so that there is something to contradict: one listing in fifty has the word of another category.
SELLERS_WORDS = """
    UPDATE modiste.listing l
    SET seller_category = CASE WHEN l.id % 50 = 0 THEN 'Word 7' ELSE 'Word ' || right(s.category, 2) END
    FROM modiste.listing_summary s WHERE s.listing_id = l.id
"""
FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "category": {"category": category_name(3)},
    "category and attribute": {"category": category_name(3), "attributes": ["material:m3"]},
    "price": {"price_min": 200, "price_max": 300},
    "seller": {"seller": "Seller 12"},
}


def main() -> None:
    options = parse()
    with ExitStack() as exits:
        home = options.home or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="modiste-bench-")))
        stack = exits.enter_context(open_stack(Settings(modiste_home=home, database_url=None, broker_url=None)))
        drawn(stack.engine, options.listings)
        for name, ask in questions(options.listings).items():
            times_ms = sorted(timed(stack.engine, ask, options.rounds))
            print(f"{name:44} {statistics.median(times_ms):7.1f} {times_ms[-1]:7.1f}", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listings", type=int, default=200_000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def drawn(engine: Engine, listings: int) -> None:
    """Unless an earlier run left it."""
    with transaction(engine) as connection:
        there = connection.scalar(text("SELECT count(*) FROM modiste.listing"))
    if there == listings:
        return
    assert there == 0, f"there are {there} listings already, and not {listings}; give another --home"
    fill(engine, listings, World(dim=DIM))
    with transaction(engine) as connection:
        connection.execute(text(SELLERS_WORDS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def questions(listings: int) -> dict[str, Callable[[Connection], object]]:
    """By name. What the page of a catalogue asks is the sum of three."""
    found: dict[str, Callable[[Connection], object]] = {}
    for name, filters in FILTERS.items():
        found[f"counts beside the filters: {name}"] = lambda c, f=filters: facet_counts(c, f, listings=listings)  # type: ignore[misc]
        found[f"a page of {A_PAGE}: {name}"] = lambda c, f=filters: browse_listings(c, filters=f, limit=A_PAGE)  # type: ignore[misc]
        found[f"how many: {name}"] = lambda c, f=filters: count_listings(c, f, at_most=10_000)  # type: ignore[misc]
    found["counts beside the filters: words"] = lambda c: facet_counts(c, {}, "listing 4711", listings=listings)
    found["a page: words"] = lambda c: browse_listings(c, filters={}, words="listing 4711", limit=A_PAGE)
    found["a review begun"] = lambda c: review_queue(c, catalogue=CATALOGUE, limit=AHEAD)
    found["the next to review"] = NextToReview()
    return found


class NextToReview:
    """One item after the other, as a person works through them."""

    def __init__(self) -> None:
        self._ahead = ReviewAhead()
        self._after: Position | None = None

    def __call__(self, connection: Connection) -> None:
        queue = self._ahead.queue(connection, catalogue=CATALOGUE, kind=None, after=self._after)
        self._after = queue.items[0].position


def timed(engine: Engine, ask: Callable[[Connection], object], rounds: int) -> list[float]:
    times_ms = []
    for _ in range(rounds + 1):
        started_s = time.perf_counter()
        with transaction(engine) as connection:
            ask(connection)
        times_ms.append(1000 * (time.perf_counter() - started_s))
    return times_ms[1:]


if __name__ == "__main__":
    main()
