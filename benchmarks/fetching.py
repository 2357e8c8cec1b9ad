"""Photos by URL, from servers that behave and from the same servers with others among them that do not.

    python -m benchmarks.fetching [--photos-good 1500] [--rounds 3] [--engine-rate 150]

Each round imports the good photos alone, then as many new ones among photos that are missing, cut short, huge or moved
inward and servers that hang, refuse, break and limit. The worker's own pipeline fetches, decodes and writes them, in
this process; its engine is pretended, and takes its time without taking a core. What counts is how soon the good photos
are enriched; the import itself ends when the last server is given up.
"""

import argparse
import csv
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from benchmarks.misbehaving import Host, serving
from cli.opening import Stack, open_stack
from cli.settings import Settings
from db.engine import transaction
from db.imports import import_status
from db.shards import take_unsent
from vision.manifest import Manifest
from vision.prediction import Prediction
from worker.enrich import Workshop, enrich_shard
from worker.feed import open_feed
from worker.inference import Inference
from worker.planning import Order, plan_import
from worker.process import open_process
from worker.settings import WorkerSettings

AMONG_GOOD = {"404": 40, "cut": 10, "page": 10, "500": 6, "huge": 4, "inward": 5, "metadata": 5, "file": 5, "stall": 3}
EACH_BAD_HOST = 60


@dataclass(frozen=True, kw_only=True)
class Round:
    """Seconds from planning on until all good photos were enriched, without and with bad ones, and until the end."""

    alone_s: float
    among_s: float
    ended_s: float
    reasons: dict[str, int]


class Shops:
    """Two servers that mean well, and four that do not."""

    def __init__(self) -> None:
        self.good = [Host(address=f"127.0.0.{number}", size_px=500) for number in (1, 2)]
        self.bad = [
            Host(address=f"127.0.0.{number}", always=how) for number, how in ((3, "stall"), (4, "429"), (5, "500"))
        ]
        with socket.create_server(("127.0.0.6", 0)) as server:
            self.closed = f"127.0.0.6:{server.getsockname()[1]}"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.closed, *(host.name for host in (*self.good, *self.bad)))

    def good_urls(self, count: int, series: str) -> list[str]:
        return [self.good[n % len(self.good)].url("good", f"{series}-{n}") for n in range(count)]

    def bad_urls(self, series: str) -> list[str]:
        urls = [self.good[n % 2].url(how, f"{series}-{n}") for how, count in AMONG_GOOD.items() for n in range(count)]
        urls += [host.url("good", f"{series}-{n}") for host in self.bad for n in range(EACH_BAD_HOST)]
        return urls + [f"http://{self.closed}/{series}-{n}.jpg" for n in range(EACH_BAD_HOST)]


class PretendedNetwork:
    """Says the same of every photo, `rate` photos a second, and is every model version's network."""

    batch_size = 32

    def __init__(self, manifest: Manifest, rate: float) -> None:
        self.inference = Inference(self)
        self._manifest = manifest
        self._rate = rate

    def predict(self, pixels: NDArray[np.uint8]) -> Sequence[Prediction]:
        time.sleep(len(pixels) / self._rate)
        vector = np.zeros(self._manifest.embedding_dim, np.float32)
        vector[0] = 1
        says = Prediction(
            categories=("Dress",), category_scores=(1.0,), abstained=False, attributes=(), attribute_scores=(),
            embedding=vector,
        )  # fmt: skip
        return [says] * len(pixels)

    def network_of(self, _: int) -> tuple[Inference, Manifest]:
        return self.inference, self._manifest

    def close(self) -> None:
        """There is nothing to give back."""


def main() -> None:
    options = parse()
    shops = Shops()
    rounds = []
    with serving(*shops.good, *shops.bad), tempfile.TemporaryDirectory(prefix="modiste-bench-") as work:
        settings = Settings(modiste_home=Path(work) / "home", database_url=None, broker_url=None)
        with open_stack(settings) as stack:
            for number in range(options.rounds):
                rounds.append(play(stack, shops, options, number))
                print(f"round {number + 1}: {rounds[-1]}", file=sys.stderr)
    report(options.photos_good, len(shops.bad_urls("")), rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos-good", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine-rate", type=float, default=150.0, help="photos a second")
    return parser.parse_args()


def play(stack: Stack, shops: Shops, options: argparse.Namespace, number: int) -> Round:
    count = options.photos_good
    with working(stack, shops, options.engine_rate):  # it knows nothing of these hosts yet
        alone_s, _, _ = run_import(stack, shops.good_urls(count, f"alone-{number}"), count)
        mixed = shops.good_urls(count, f"among-{number}") + shops.bad_urls(f"bad-{number}")
        random.Random(number).shuffle(mixed)
        among_s, ended_s, reasons = run_import(stack, mixed, count)
    return Round(alone_s=alone_s, among_s=among_s, ended_s=ended_s, reasons=reasons)


@contextmanager
def working(stack: Stack, shops: Shops, engine_rate: float) -> Iterator[None]:
    """A worker's inside at work on whatever is due, three shards at once."""
    settings = WorkerSettings(
        database_url=stack.database_url,
        broker_url=stack.broker_url,
        store_url=stack.settings.store_url,
        cache=stack.settings.home / "cache",
        allow_hosts=shops.names,
    )
    process = open_process(settings, stack.app)
    process.sweeper.close()  # it would send shards to a broker that nobody listens to
    network = PretendedNetwork(process.workshop.networks.preload_active(), engine_rate)
    workshop = replace(process.workshop, networks=network)  # type: ignore[arg-type]
    stop = threading.Event()
    serving_shards = threading.Thread(target=serve, args=(workshop, settings.shards, stop))
    serving_shards.start()
    yield
    stop.set()
    serving_shards.join()
    network.inference.close()
    process.close()


def serve(workshop: Workshop, slots: int, stop: threading.Event) -> None:
    free = threading.Semaphore(slots)

    def enrich(shard_id: int) -> None:
        try:
            enrich_shard(workshop, shard_id)
        finally:
            free.release()

    with ThreadPoolExecutor(slots) as pool:
        while not stop.wait(0.05):
            with transaction(workshop.engine) as connection:
                due = [shard_id for shard_id, _ in take_unsent(connection)]
            for shard_id in due:
                free.acquire()
                pool.submit(enrich, shard_id)


def run_import(stack: Stack, urls: list[str], good: int) -> tuple[float, float, dict[str, int]]:
    """Seconds until the good photos were enriched and until the end, and what became of how many."""
    feed = stack.settings.home / "feed.csv"
    with feed.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "image_link"])
        writer.writerows((url, "Dress", url) for url in urls)
    started = time.perf_counter()
    with open_feed(feed) as opened:
        order = Order(catalogue=f"{started}", feed_name="feed.csv", feed=opened)
        import_id = plan_import(stack.engine, stack.store, order)
    good_s = 0.0
    while True:
        with transaction(stack.engine) as connection:
            status = import_status(connection, import_id)
        if not good_s and status.photos_enriched >= good:
            good_s = time.perf_counter() - started
        if status.finished:
            return good_s, time.perf_counter() - started, became_of(stack, import_id)
        time.sleep(0.1)


def became_of(stack: Stack, import_id: int) -> dict[str, int]:
    with transaction(stack.engine) as connection:
        rows = connection.scalars(
            text("SELECT coalesce(reason, state) FROM modiste.photo WHERE import_id = :id"), {"id": import_id}
        )
        return dict(Counter(rows))


def report(good: int, bad: int, rounds: list[Round]) -> None:
    alone = statistics.median(each.alone_s for each in rounds)
    among = statistics.median(each.among_s for each in rounds)
    ratio = statistics.median(each.alone_s / each.among_s for each in rounds)
    print(f"{good} good photos alone: {good / alone:.0f} a second")
    print(f"the same among {bad} bad ones: {good / among:.0f} a second, {ratio:.2f} of the rate")
    print(f"the import with the bad ones ended after {statistics.median(each.ended_s for each in rounds):.0f} s")
    print(f"became of them: {rounds[-1].reasons}")


if __name__ == "__main__":
    main()
