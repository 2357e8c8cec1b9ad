"""A listing put over HTTP while a feed that was handed in is worked on: searchable soon, and erased without a trace."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image, ImageOps

from cli.stack.embedded import EmbeddedPair
from db.engine import open_engine, transaction

Modiste = Any  # tests/e2e/conftest.py
MARK = "okapi-4711"


@pytest.fixture(scope="module")
def client(modiste: Modiste, served: Callable[[Modiste], Any]) -> Iterator[httpx2.Client]:
    with served(modiste) as address, httpx2.Client(base_url=address, timeout=60) as opened:
        yield opened


def wait_for(true: Callable[[], Any], within_s: float = 60.0) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def hand_in(client: httpx2.Client, sample: Path, photos: Path) -> str:
    with (sample / "feed.csv").open("rb") as feed, photos.open("rb") as archive:
        files = {"feed": ("feed.csv", feed), "photos": ("photos.zip", archive)}
        begun = client.post("/v1/imports", files=files, data={"catalogue": "bulk"}).raise_for_status()
    return str(begun.headers["Location"])


def unseen_photo(sample: Path) -> bytes:
    out = io.BytesIO()
    ImageOps.mirror(Image.open(next((sample / "photos").glob("*.jpg")))).save(out, "JPEG")
    return out.getvalue()


def traces(modiste: Modiste, *words: str) -> list[str]:
    """Tables with a row that says one of the words, and files of the store named after one."""
    with EmbeddedPair.start(modiste.home) as pair:
        engine = open_engine(pair.database_url)
        with transaction(engine) as connection:
            names = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'modiste'").scalars()
            likes = " OR ".join(f"t::text LIKE '%%{word}%%'" for word in words)
            found = f"SELECT EXISTS (SELECT FROM modiste.{{}} t WHERE {likes})"
            said = [name for name in names.all() if connection.exec_driver_sql(found.format(name)).scalar()]
        engine.dispose()
    files = [path.name for path in (modiste.home / "store").rglob("*") if any(word in path.name for word in words)]
    return [*said, *files]


def test_a_listing_goes_ahead_of_a_bulk_import_and_goes_without_a_trace(
    client: httpx2.Client, modiste: Modiste, sample: Path, zipped: Path
) -> None:
    bulk = hand_in(client, sample, zipped)
    photo = unseen_photo(sample)
    source = client.post("/v1/photos", files={"photo": ("p.jpg", photo)}).raise_for_status().json()["source"]
    listing = f"/v1/catalogues/hand/listings/{MARK}"
    said = {"title": f"A dress {MARK}", "metadata": {"note": MARK}, "photos": [source]}
    client.put(listing, json=said).raise_for_status()
    wait_for(lambda: client.get(f"{listing}/similar").is_success)
    photo_id = client.get(listing).json()["photo"]["id"]
    assert client.get(f"/v1/photos/{photo_id}/thumbnail").is_success
    digest = hashlib.sha256(photo).hexdigest()
    assert {"listing", "content", "import_row", digest} <= set(traces(modiste, MARK, digest))

    client.delete(listing).raise_for_status()
    assert wait_for(lambda: not traces(modiste, MARK, digest))
    assert client.get(listing).status_code == 404

    done = wait_for(lambda: (got := client.get(bulk).json())["state"] == "done" and got, within_s=120)
    assert done["photos"]["enriched"] == done["photos"]["total"] == 120
    assert not list((modiste.home / "store" / "feeds").rglob("*-*")), "what was handed in is dropped once it is planned"
