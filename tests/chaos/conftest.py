"""A site to break things on: an embedded pair, a server of photos, a feed of them, and workers that are replaced.

`make chaos` runs all of it and prints a table of faults and outcomes. MODISTE_CHAOS_PHOTOS names a folder or zip of
photographs to do it with (the drawn sample otherwise), MODISTE_CHAOS_COUNT how many; MODISTE_CHAOS_TABLE a file for
the table.
"""

import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from PIL import Image

from cli.sample import draw_catalogue
from cli.stack.embedded import EmbeddedPair

ROOT = Path(__file__).resolve().parents[2]
SABOTAGE = Path(__file__).with_name("sabotage.py")
LEASE_S = 2.0
OURS = "import, import_row, listing, photo, shard, plan, content, enrichment, listing_summary, erasure, catalogue"
rows: list[dict[str, Any]] = []


class Server(ThreadingHTTPServer):
    """Photos of a folder over HTTP, on a free port; `delay_s` a photo, so that there is a middle to break."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, delay_s: float) -> None:
        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                time.sleep(delay_s)
                super().do_GET()

            def log_message(self, *_: object) -> None: ...

        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: object) -> None: ...  # a client that was killed in the middle is what this is about


class Crew:
    """Workers that are replaced when they die, by healthy ones or (`again`) by ones with the same fault."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._members: list[tuple[subprocess.Popen[bytes], str, bool]] = []
        self.deaths = 0

    def add(
        self, fault: str = "none", *, again: bool = False, told: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """`told`: of the environment, what this one is told otherwise. Whoever replaces it is not."""
        with open(self._site.home / "worker.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(SABOTAGE), fault, str(self._site.state)],
                cwd=ROOT,
                env=self._site.environment | {"PYTHONPATH": str(ROOT)} | dict(told or {}),
                stdout=log,
                stderr=log,
            )
        self._members.append((process, fault, again))
        return process

    def poll(self) -> None:
        for member in [m for m in self._members if m[0].poll() is not None]:
            self._members.remove(member)
            self.deaths += 1
            self.add(member[1] if member[2] else "none", again=member[2])

    def dismiss(self) -> None:
        for process, _, _ in self._members:
            process.kill()
            process.wait()
        self._members.clear()


@dataclass(kw_only=True)
class Site:
    """Where an import runs while something is broken."""

    home: Path
    state: Path
    photos: Path
    feed: Path
    pair: EmbeddedPair
    environment: dict[str, str]
    count: int
    crew: Crew = field(init=False)

    def __post_init__(self) -> None:
        self.crew = Crew(self)

    def modiste(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def begin(self, catalogue: str = "shop") -> None:
        """Plans the feed and returns: the crew works. It has to be there, or the command would do the work itself."""
        self.wait_for(self.has_worker)
        process = self.modiste("import", self.feed, "--catalogue", catalogue)
        says, _ = process.communicate(timeout=120)
        assert process.returncode == 0, says

    def has_worker(self) -> bool:
        return bool(self.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'modiste worker'"))

    def begin_with_all_at_rest(self) -> "subprocess.Popen[bytes]":
        """Plans the feed with one worker that is stopped: every message waits. `kill -CONT` sets it going."""
        worker = self.crew.add()
        self.wait_for(self.has_worker)
        os.kill(worker.pid, signal.SIGSTOP)
        self.begin()
        return worker

    def ask(self, statement: str) -> Any:
        """The first value of the answer; None while the server cannot be asked."""
        try:
            connection = psycopg2.connect(self.pair.psql_url)
        except psycopg2.OperationalError:
            return None
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0]  # type: ignore[index]
        except psycopg2.OperationalError:
            return None
        finally:
            connection.close()

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 150.0) -> None:
        """Looks after servers and crew meanwhile, as `modiste up` does."""
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, f"it did not happen in time\n{self.log()}"
            self.pair.ensure_running()
            self.crew.poll()
            time.sleep(0.05)

    def wait_for_photos(self, share: float) -> None:
        """Until this share of the photos is done: the middle of an import."""
        self.wait_for(
            lambda: (
                (self.ask("SELECT coalesce(sum(photos_enriched), 0) FROM modiste.import") or 0) >= share * self.count
            )
        )

    def finish(self, fault: str, *, since: float, quarantined: int = 0, imports: int = 1) -> None:
        """Waits for the end, and holds the outcome to what was promised: nothing lost, nothing twice, nothing stuck."""
        self.wait_for(lambda: self.ask("SELECT count(*) FROM modiste.import WHERE finished_at IS NOT NULL") == imports)
        took_s = time.monotonic() - since
        found = self.counts()
        rows.append({"fault": fault, **found, "killed": self.crew.deaths, "seconds": round(took_s, 1)})
        assert found == {
            "photos": self.count * imports,
            "enriched": (self.count - quarantined) * imports,
            "quarantined": quarantined * imports,
            "contents": self.count - quarantined,
            "vectors": self.count - quarantined,
            "astray": 0,
            "open_shards": 0,
            "messages": 0,
        }, self.log()

    def counts(self) -> dict[str, int]:
        """`astray`: photos whose state is not what the counters say, and imports that did not end well."""
        version = self.ask("SELECT id FROM modiste.model_version WHERE state = 'active'")
        numbers = {
            "photos": "SELECT sum(photos_total) FROM modiste.import",
            "enriched": "SELECT sum(photos_enriched) FROM modiste.import",
            "quarantined": "SELECT sum(photos_quarantined) FROM modiste.import",
            "contents": "SELECT count(*) FROM modiste.enrichment",
            "vectors": f"SELECT count(*) FROM modiste.embedding_{version}",
            "astray": """
                SELECT (SELECT count(*) FROM modiste.import WHERE state <> 'done')
                     + abs((SELECT sum(photos_enriched) FROM modiste.import)
                           - (SELECT count(*) FROM modiste.photo WHERE state = 'enriched'))
                     + (SELECT count(*) FROM modiste.photo p WHERE state = 'enriched'
                        AND NOT EXISTS (SELECT FROM modiste.enrichment e WHERE e.content_id = p.content_id))
                     + (SELECT count(*) FROM modiste.listing l WHERE EXISTS (
                            SELECT FROM modiste.photo p WHERE p.listing_id = l.id AND p.state = 'enriched')
                        AND NOT EXISTS (SELECT FROM modiste.listing_summary s WHERE s.listing_id = l.id))""",
            "open_shards": "SELECT count(*) FROM modiste.shard WHERE state IN ('queued', 'leased', 'paused')",
        }
        return {name: int(self.ask(statement) or 0) for name, statement in numbers.items()} | {
            "messages": self.messages()
        }

    def messages(self) -> int:
        """What is left in Redis once the workers had time to take late hints."""
        import redis

        with redis.Redis(unix_socket_path=self.pair.broker_url.removeprefix("redis+socket://")) as broker:
            until = time.monotonic() + 20

            def left() -> int:
                queues = ("interactive", "bulk", "backfill", "planning")
                return sum(int(broker.llen(queue)) for queue in queues) + int(broker.hlen("unacked"))  # type: ignore[arg-type]

            while left() and time.monotonic() < until:
                self.crew.poll()
                time.sleep(0.1)
            return left()

    def log(self) -> str:
        log = self.home / "worker.log"
        return log.read_text()[-6000:] if log.exists() else ""

    def digests(self) -> list[str]:
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(self.photos.iterdir())]


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photos, each with a content of its own."""
    count = int(os.environ.get("MODISTE_CHAOS_COUNT", "600"))
    folder = tmp_path_factory.mktemp("photographs")
    given = os.environ.get("MODISTE_CHAOS_PHOTOS")
    if given:
        take_given(Path(given), folder, count)
        return folder
    drawn = tmp_path_factory.mktemp("sample")
    draw_catalogue(drawn, products=30)
    sources = sorted((drawn / "photos").iterdir())
    for number in range(count):
        with Image.open(sources[number % len(sources)]) as photo:
            inset = 2 + 3 * (number // len(sources))
            photo.crop((inset, inset, photo.width - inset, photo.height - inset)).save(folder / f"{number:05}.jpg")
    return folder


def take_given(source: Path, folder: Path, count: int) -> None:
    """The first `count` photographs of a folder or zip, each content once."""
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as photos:
            found = [photos.read(name) for name in sorted(photos.namelist()) if not name.endswith("/")]
    else:
        found = [path.read_bytes() for path in sorted(source.rglob("*")) if path.is_file()]
    for number, data in enumerate(list(dict.fromkeys(found))[:count]):
        (folder / f"{number:05}.jpg").write_bytes(data)


@pytest.fixture(scope="session")
def pair() -> Iterator[tuple[Path, EmbeddedPair]]:
    home = Path(tempfile.mkdtemp(prefix="modiste-chaos-"))
    with EmbeddedPair.start(home) as pair:
        yield home, pair
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def settings() -> dict[str, str]:
    """What all processes of a site are told besides. A module may say otherwise."""
    return {}


@pytest.fixture
def site(
    pair: tuple[Path, EmbeddedPair], photographs: Path, settings: dict[str, str], tmp_path: Path
) -> Iterator[Site]:
    home, servers = pair
    server = Server(photographs, delay_s=0.05)
    feed, state = tmp_path / "feed.csv", tmp_path / "state"
    state.mkdir()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    names = sorted(path.name for path in photographs.iterdir())
    feed.write_text("id,title,image\n" + "".join(f"{name[:-4]},Photo {name},{address}/{name}\n" for name in names))
    clean = {name: value for name, value in os.environ.items() if not name.endswith(("DATABASE_URL", "BROKER_URL"))}
    environment = clean | {
        "MODISTE_HOME": str(home),
        "MODISTE_LEASE_S": str(LEASE_S),
        "MODISTE_ALLOW_HOSTS": "127.0.0.1",
        "COLUMNS": "200",
        **settings,
    }
    made = Site(
        home=home, state=state, photos=photographs, feed=feed, pair=servers, environment=environment, count=len(names)
    )
    scheduler = made.modiste("scheduler")
    try:
        yield made
    finally:
        made.crew.dismiss()
        scheduler.kill()
        scheduler.wait()
        server.shutdown()
        empty(made)


def empty(site: Site) -> None:
    """As it was before the fault: no catalogue, no message, no copy in the store."""
    site.pair.ensure_running()
    version = site.ask("SELECT id FROM modiste.model_version WHERE state = 'active'")
    tables = ", ".join(f"modiste.{name}" for name in [*OURS.split(", "), f"embedding_{version}"])
    site.ask(f"WITH none AS (SELECT) SELECT 1; TRUNCATE {tables} CASCADE; SELECT 1")
    shutil.rmtree(site.home / "store" / "copies", ignore_errors=True)
    (site.home / "worker.log").unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not rows:
        return
    columns = ("fault", "photos", "enriched", "quarantined", "killed", "seconds")
    heads = ("fault", "photos", "enriched", "in quarantine", "workers that died", "seconds to the end")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in rows]
    terminalreporter.section("faults and outcomes")
    terminalreporter.write_line("\n".join(lines))
    if table := os.environ.get("MODISTE_CHAOS_TABLE"):
        Path(table).write_text("\n".join(lines) + "\n")
