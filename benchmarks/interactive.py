"""How long one new listing waits while a bulk import runs: from PUT to its first similar listings.

    python -m benchmarks.interactive FEED --photos FOLDER_OR_ZIP [--puts 40] [--json]

On an embedded stack of its own it runs `modiste up` and imports the feed. Meanwhile it uploads photos that nobody has
seen (those of the feed, a little brighter), puts a listing with each, and asks for similar ones until they are there.
Before the import it does the same with nothing else to do.
"""

import argparse
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2
from PIL import Image, ImageEnhance

from cli.ports import first_free_port
from vision.preprocess import open_photo
from worker.photos import open_photos

HOST = "127.0.0.1"
PATIENCE_S = 60.0
PAUSE_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Seconds from PUT to similar listings, of each listing in turn."""

    alone: list[float]
    beside_an_import: list[float]
    photos_left: int


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as home, served(Path(home)) as client:
        photos = unseen_photos(options.photos, 2 * options.puts + 1)
        put_and_wait(client, "first", next(photos))  # the first one finds threads and connections that are not open yet
        alone = waits(client, "alone", photos, options.puts)
        begin_import(client, options.feed, options.photos)
        beside = waits(client, "beside", photos, options.puts)
        left = sum(one["photos"]["pending"] for one in client.get("/v1/imports?lane=bulk").json()["imports"])
    report(Waits(alone=alone, beside_an_import=beside, photos_left=left), as_json=options.json)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("feed", type=Path, help="a feed large enough that its import outlasts the puts")
    parser.add_argument("--photos", type=Path, required=True, help="zip of its photos")
    parser.add_argument("--puts", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def served(home: Path) -> Iterator[httpx2.Client]:
    """`modiste up` on a stack of its own, and a client of its API, once a worker has started."""
    port = first_free_port(HOST, 8300)
    environment = {**os.environ, "MODISTE_HOME": str(home), "MODISTE_HOST": HOST, "MODISTE_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "cli", "up"], env=environment, stdout=sys.stderr)
    try:
        with httpx2.Client(base_url=f"http://{HOST}:{port}", timeout=300) as client:
            wait_until_ready(client)
            yield client
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(client: httpx2.Client) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the API did not become ready; see its log")


def unseen_photos(source: Path, count: int) -> Iterator[bytes]:
    """Photos whose bytes nobody has, made from those of the feed."""
    photos = open_photos(source)
    for file in itertools.islice(photos.images(), count):
        brighter = ImageEnhance.Brightness(open_photo(photos.read(file))).enhance(1.06)
        yield as_jpeg(brighter)


def as_jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def begin_import(client: httpx2.Client, feed: Path, photos: Path) -> None:
    """Hands the feed in and returns when its first photos are done."""
    with feed.open("rb") as rows, photos.open("rb") as archive:
        answer = client.post(
            "/v1/imports",
            files={"feed": (feed.name, rows), "photos": (photos.name, archive)},
            data={"catalogue": "bulk"},
        )
    where = answer.raise_for_status().headers["Location"]
    while not client.get(where).json()["photos"]["enriched"]:
        time.sleep(0.2)


def waits(client: httpx2.Client, name: str, photos: Iterator[bytes], count: int) -> list[float]:
    return [put_and_wait(client, f"{name}-{number}", next(photos)) for number in range(count)]


def put_and_wait(client: httpx2.Client, external_id: str, photo: bytes) -> float:
    """Seconds until the listing can be asked for similar ones."""
    source = client.post("/v1/photos", files={"photo": ("photo.jpg", photo, "image/jpeg")}).raise_for_status().json()
    began_s = time.monotonic()
    listing = f"/v1/catalogues/puts/listings/{external_id}"
    client.put(listing, json={"title": external_id, "photos": [source["source"]]}).raise_for_status()
    while not client.get(f"{listing}/similar?k=5").is_success:
        if time.monotonic() - began_s > PATIENCE_S:
            raise SystemExit(f"{external_id} is not there after {PATIENCE_S:.0f} s")
        time.sleep(0.02)
    took_s = time.monotonic() - began_s
    time.sleep(PAUSE_S)
    return took_s


def report(result: Waits, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(result)))
        return
    print(f"{'':20}{'median':>8}{'p95':>8}{'longest':>9}   seconds")
    for name, waited in (("alone", result.alone), ("beside an import", result.beside_an_import)):
        p95 = statistics.quantiles(waited, n=20)[-1]
        print(f"{name:20}{statistics.median(waited):8.2f}{p95:8.2f}{max(waited):9.2f}")
    if not result.photos_left:
        print("The import ended before the puts did: give a larger feed, or fewer puts.")


if __name__ == "__main__":
    main()
