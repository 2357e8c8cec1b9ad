"""What a worker's memory does over tens of thousands of different photos.

    python -m benchmarks.memory FOLDER_OR_ZIP [--photos 50000] [--plot memory.svg] [--json]

A server beside it makes the photos: those given, cropped otherwise and encoded anew, so that no content comes twice. An
embedded stack of its own imports a feed of their URLs by one worker, whose resident memory is read as it goes. The
first fifth is warm-up; after it the curve should stay within five per cent of its median.
"""

import argparse
import io
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

from cli.opening import Stack, open_stack
from cli.settings import Settings
from db.engine import transaction
from db.imports import import_status
from vision.preprocess import open_photo
from worker.feed import open_feed
from worker.photos import open_photos
from worker.planning import Order, plan_import

SOURCES = 400
WARM_UP = 0.2
EVERY_S = 2.0
Point = tuple[int, float]


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as home, photo_server(options.source) as address:
        settings = Settings(
            modiste_home=Path(home), database_url=None, broker_url=None, modiste_allow_hosts=("127.0.0.1",)
        )
        with open_stack(settings) as stack, worker(stack) as pid:
            feed = write_feed(Path(home, "feed.csv"), address, options.photos)
            curve = list(follow(stack, feed, pid))
    report(curve, as_json=options.json)
    if options.plot:
        plot(curve, options.plot)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder or zip of photographs to make others from")
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--plot", type=Path, help="draw the curve into this file (needs matplotlib)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def photo_server(source: Path) -> Iterator[str]:
    """The address of a server, in a process of its own, that answers /N.jpg with the N-th different photo."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(source, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()


def serve(source: Path, tell: Connection) -> None:
    photos = open_photos(source)
    made_from = [open_photo(photos.read(file)) for file, _ in zip(photos.images(), range(SOURCES), strict=False)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = another(made_from, int(Path(self.path).stem))
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tell.send(server.server_address[1])
    server.serve_forever()


def another(made_from: list[Image.Image], number: int) -> bytes:
    """Of many sizes, as photos of sellers are: what grows with the largest one seen shows."""
    draw = random.Random(number)
    photo = made_from[number % len(made_from)]
    left, top = draw.random() * 0.1 * photo.width, draw.random() * 0.1 * photo.height
    side = draw.choice((224, 320, 480, 800))
    cropped = photo.resize((side, side), box=(left, top, left + 0.85 * photo.width, top + 0.85 * photo.height))
    out = io.BytesIO()
    cropped.save(out, "JPEG", quality=80)
    return out.getvalue()


def write_feed(path: Path, address: str, photos: int) -> Path:
    with path.open("w") as feed:
        feed.write("id,image\n")
        feed.writelines(f"{number},{address}/{number}.jpg\n" for number in range(photos))
    return path


@contextmanager
def worker(stack: Stack) -> Iterator[int]:
    """One worker on the stack; its process id."""
    environment = os.environ | stack.environment() | {"MODISTE_ALLOW_HOSTS": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "cli", "worker"], env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def follow(stack: Stack, feed: Path, pid: int) -> Iterator[Point]:
    """Photos done and the worker's resident MiB, every two seconds until the last photo."""
    with open_feed(feed) as rows:
        import_id = plan_import(stack.engine, stack.store, Order(catalogue="memory", feed_name="made", feed=rows))
    while True:
        with transaction(stack.engine) as connection:
            status = import_status(connection, import_id)
        done = status.photos_total - status.photos_pending
        yield done, resident_mib(pid)
        print(f"\r{done:,} of {status.photos_total:,}", end="", file=sys.stderr, flush=True)
        if status.finished:
            if status.photos_enriched != status.photos_total:
                raise SystemExit(f"{status.photos_quarantined} photos went into quarantine: nothing is measured")
            return
        time.sleep(EVERY_S)


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the worker is gone")


def report(curve: list[Point], *, as_json: bool) -> None:
    total = curve[-1][0]
    warm = [mib for done, mib in curve if done >= WARM_UP * total]
    middle = statistics.median(warm)
    found = {
        "photos": total,
        "median_mib": round(middle),
        "low_mib": round(min(warm)),
        "high_mib": round(max(warm)),
        "spread": round(max(max(warm) - middle, middle - min(warm)) / middle, 3),
    }
    if as_json:
        print(json.dumps({**found, "curve": [(done, round(mib, 1)) for done, mib in curve]}))
        return
    print(f"\n{'photos':>10}{'MiB':>8}")
    for tenth in range(11):
        done, mib = min(curve, key=lambda point: abs(point[0] - tenth * total / 10))
        print(f"{done:>10,}{mib:>8.0f}")
    print(
        f"after warm-up: median {middle:.0f} MiB, {found['low_mib']} to {found['high_mib']} (± {found['spread']:.1%})"
    )


def plot(curve: list[Point], target: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([done for done, _ in curve], [mib for _, mib in curve], linewidth=1.2)
    axes.set(xlabel="different photos", ylabel="resident memory of the worker, MiB", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target)


if __name__ == "__main__":
    main()
