"""What HTTP costs on top of SQL: the same similar listings over both; how the API starts; its memory under uploads.

    python -m benchmarks.http [--catalogue sample] [--queries 50] [--rounds 20] [--json]

Asks for listings similar to drawn ones of an imported catalogue (the environment says which database, as for
`modiste`): in SQL on one open connection, and over HTTP on one kept-alive connection to an API in a process of its own,
in turn, so that a machine whose speed drifts treats them alike. Both must give the same rows in the same order.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection, text

from cli.opening import Stack, open_stack
from cli.ports import first_free_port
from cli.settings import Settings
from db.engine import transaction
from db.similarity import similar_listings
from vision.artifact import GOLDEN_PHOTO

HOST = "127.0.0.1"
MIB = 2**20
UPLOADERS = 32


@dataclass(frozen=True, kw_only=True)
class Served:
    """An API that runs: its process, its port, and how long it took to answer."""

    pid: int
    port: int
    alive_s: float
    ready_s: float


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Milliseconds of one question, round by round."""

    sql: list[float]
    http: list[float]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Milliseconds: medians over all questions, of each question's median round and of its quickest.

    The quickest tells what HTTP costs; the median adds what else the machine was doing. Memory is resident, its peaks
    are those of the process's whole life.
    """

    queries: int
    rounds: int
    sql_ms: float
    http_ms: float
    more_ms: float
    quickest_sql_ms: float
    quickest_http_ms: float
    quickest_more_ms: float
    same_rows: bool
    alive_s: float
    ready_s: float
    rss_mib: float
    rss_peak_after_refused_200_mib: float
    rss_peak_after_32_photos: float
    photos_per_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", default="sample")
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--k", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="the results as JSON")
    options = parser.parse_args()
    with open_stack(Settings()) as stack, serving(stack) as api:
        result = measure(stack, api, options)
    report(result, as_json=options.json)


@contextmanager
def serving(stack: Stack) -> Iterator[Served]:
    """`modiste api` on a free port, once it answers that it is ready."""
    port = first_free_port(HOST, 8300)
    environment = {**os.environ, **stack.environment(), "MODISTE_PORT": str(port), "MODISTE_HOST": HOST}
    environment.pop("MODISTE_API_KEY", None)
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "cli", "api"], env=environment)
    try:
        alive_s = answers_after(port, "/healthz", begun)
        yield Served(pid=process.pid, port=port, alive_s=alive_s, ready_s=answers_after(port, "/readyz", begun))
    finally:
        process.terminate()
        process.wait()


def answers_after(port: int, path: str, begun: float) -> float:
    while time.monotonic() - begun < 60:
        with suppress(OSError):
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return time.monotonic() - begun
        time.sleep(0.01)
    raise SystemExit(f"the API did not answer {path} within a minute")


def measure(stack: Stack, api: Served, options: argparse.Namespace) -> Result:
    with transaction(stack.engine) as connection:
        asked = drawn(connection, options.catalogue, options.queries)
        client = http.client.HTTPConnection(HOST, api.port)
        same = all(over_sql(connection, i, options.k) == over_http(client, i, options.k) for i in asked)
        rounds = timed(connection, client, asked, options)
    rss = resident_mib(api.pid, "VmRSS")
    refused = refused_upload(api)
    photos_per_s = photos_at_once(api, stack.settings.first_model / GOLDEN_PHOTO)
    return Result(
        queries=len(asked),
        rounds=options.rounds,
        **compared(rounds, statistics.median, "{}_ms"),
        **compared(rounds, min, "quickest_{}_ms"),
        same_rows=same,
        alive_s=api.alive_s,
        ready_s=api.ready_s,
        rss_mib=rss,
        rss_peak_after_refused_200_mib=refused,
        rss_peak_after_32_photos=resident_mib(api.pid, "VmHWM"),
        photos_per_s=photos_per_s,
    )


def drawn(connection: Connection, catalogue: str, queries: int) -> list[int]:
    rows = connection.scalars(
        text("""
            SELECT listing_id FROM modiste.listing_enrichment WHERE catalogue = :catalogue
            ORDER BY md5(listing_id || 'seven') LIMIT :queries
        """),
        {"catalogue": catalogue, "queries": queries},
    )
    found = list(rows)
    if not found:
        raise SystemExit(f"no listing of catalogue {catalogue} is enriched; import one first, as `modiste demo` does")
    return found


def over_sql(connection: Connection, listing_id: int, k: int) -> Any:
    return json.loads(to_json(similar_listings(connection, listing_id, k=k)))


def over_http(client: http.client.HTTPConnection, listing_id: int, k: int) -> Any:
    return json.loads(fetch(client, listing_id, k))


def fetch(client: http.client.HTTPConnection, listing_id: int, k: int) -> bytes:
    client.request("GET", f"/v1/listings/{listing_id}/similar?k={k}")
    answer = client.getresponse()
    if answer.status != 200:
        raise SystemExit(f"listing {listing_id}: HTTP {answer.status} {answer.read().decode()}")
    return answer.read()


def timed(
    connection: Connection, client: http.client.HTTPConnection, asked: list[int], options: argparse.Namespace
) -> list[Rounds]:
    """Milliseconds in SQL and over HTTP, of each question in each round."""
    rounds = {listing_id: Rounds(sql=[], http=[]) for listing_id in asked}
    for _ in range(options.rounds):
        for listing_id in asked:
            begun = time.perf_counter()
            similar_listings(connection, listing_id, k=options.k)
            between = time.perf_counter()
            fetch(client, listing_id, options.k)
            rounds[listing_id].sql.append((between - begun) * 1000)
            rounds[listing_id].http.append((time.perf_counter() - between) * 1000)
    return list(rounds.values())


def compared(rounds: list[Rounds], of_rounds: Callable[[list[float]], float], name: str) -> dict[str, float]:
    sql, over = [of_rounds(r.sql) for r in rounds], [of_rounds(r.http) for r in rounds]
    more = [h - s for h, s in zip(over, sql, strict=True)]
    return {
        name.format(what): statistics.median(values) for what, values in (("sql", sql), ("http", over), ("more", more))
    }


def refused_upload(api: Served) -> float:
    """Sends 200 MiB without saying so first; the peak of the API's memory afterwards."""
    client = http.client.HTTPConnection(HOST, api.port)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n\r\n'
    chunks = (head if n == 0 else bytes(MIB) for n in range(201))
    # The API hangs up on whoever goes on sending; its answer may then be lost with the connection.
    with suppress(ConnectionError):
        client.request("POST", "/v1/search/photo", body=chunks, headers=kind)
    with suppress(OSError, http.client.HTTPException):
        status = client.getresponse().status
        if status != 413:
            raise SystemExit(f"200 MiB were answered with {status}")
    return resident_mib(api.pid, "VmHWM")


def photos_at_once(api: Served, photo: Path) -> float:
    """Searches with a photo from many clients at once; answers a second."""
    body = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n\r\n' + photo.read_bytes()
    body += b"\r\n--b--\r\n"

    def ask(_: int) -> None:
        client = http.client.HTTPConnection(HOST, api.port)
        client.request("POST", "/v1/search/photo", body, {"Content-Type": "multipart/form-data; boundary=b"})
        answer = client.getresponse()
        if answer.status != 200:
            raise SystemExit(f"a photo was answered with {answer.status}: {answer.read().decode()}")

    begun = time.perf_counter()
    with ThreadPoolExecutor(UPLOADERS) as clients:
        list(clients.map(ask, range(2 * UPLOADERS)))
    return 2 * UPLOADERS / (time.perf_counter() - begun)


def resident_mib(pid: int, field: str) -> float:
    """VmRSS: resident now; VmHWM: the most it ever was. Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def report(result: Result, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(result), indent=2))
        return
    for name, value in asdict(result).items():
        print(f"{name:<32} {value if isinstance(value, bool | int) else f'{value:.2f}'}")


if __name__ == "__main__":
    main()
