import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from cli.stack.embedded import EmbeddedPair
from cli.stack.paths import StackPaths
from cli.stack.sockets import is_listening

_USE = """
import sys
from pathlib import Path
from cli.stack.embedded import EmbeddedPair
with EmbeddedPair.start(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def runs_in(home: Path) -> tuple[bool, bool]:
    paths = StackPaths.of(home)
    return is_listening(paths.postgres_socket), is_listening(paths.valkey_socket)


@pytest.fixture(scope="package")
def _home() -> Iterator[Path]:
    # Not tmp_path: its folders are long and closed to others, which is what only some of these tests are about.
    folder = Path(tempfile.mkdtemp(prefix="modiste-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(_home: Path) -> Iterator[Path]:
    """A home in which nothing runs; whatever a test leaves running in it is stopped. Its data is made once."""
    yield _home
    if any(runs_in(_home)):
        EmbeddedPair.start(_home).stop()


@pytest.fixture
def pair(home: Path) -> Iterator[EmbeddedPair]:
    with EmbeddedPair.start(home) as started:
        yield started


@pytest.fixture
def running() -> Callable[[Path], tuple[bool, bool]]:
    """Whether (PostgreSQL, Valkey) run in a home."""
    return runs_in


@pytest.fixture
def server_pids() -> Callable[[EmbeddedPair], tuple[int, int]]:
    """The process ids of (PostgreSQL, Valkey), as the servers themselves say."""

    def ask(pair: EmbeddedPair) -> tuple[int, int]:
        connection = psycopg2.connect(pair.psql_url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_read_file('postmaster.pid')")
            postgres = int(cursor.fetchone()[0].split()[0])
        connection.close()
        with redis.Redis(unix_socket_path=pair.broker_url.removeprefix("redis+socket://")) as client:
            return postgres, int(client.info("server")["process_id"])

    return ask


@pytest.fixture
def user() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Starts another process that uses a home until a line reaches its stdin; killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(home: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _USE, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
