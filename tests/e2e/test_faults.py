"""An import over the faults of one night: its worker killed, its broker killed with all its data gone."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from PIL import Image

from cli.stack.paths import StackPaths

Modiste = Any  # tests/e2e/conftest.py
PHOTOS = 900


@pytest.fixture
def many_photos(sample: Path, tmp_path: Path) -> Path:
    """Crops of the drawn photos, each with a content of its own."""
    folder = tmp_path / "many"
    folder.mkdir()
    drawn = sorted((sample / "photos").iterdir())
    for number in range(PHOTOS):
        with Image.open(drawn[number % len(drawn)]) as photo:
            inset = 2 + 3 * (number // len(drawn))
            photo.crop((inset, inset, photo.width - inset, photo.height - inset)).save(folder / f"{number:04}.jpg")
    return folder


@pytest.fixture
def database(modiste: Modiste) -> Callable[[str], Any]:
    """Asks the running stack's database directly; None while it cannot be asked."""

    def ask(statement: str) -> Any:
        try:
            connection = psycopg2.connect(
                host=str(StackPaths.of(modiste.home).postgres_socket.parent), user="modiste", dbname="modiste"
            )
        except psycopg2.OperationalError:
            return None
        with connection, connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                row = cursor.fetchone()
            except psycopg2.Error:
                return None
        connection.close()
        return row[0] if row else None

    return ask


def wait_for(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def pids_of(pattern: str, home: Path) -> list[int]:
    """Processes whose command line has `pattern` and that work in this home."""
    found = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False).stdout.split()
    return [int(pid) for pid in found if belongs(int(pid), home)]


def belongs(pid: int, home: Path) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        folder = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return False
    return f"MODISTE_HOME={home}".encode() in environment or str(home) in folder


def test_a_killed_worker_and_a_wiped_broker_cost_time_and_nothing_else(
    modiste: Modiste, many_photos: Path, database: Callable[[str], Any]
) -> None:
    running = modiste.start("import", many_photos, "--json")
    wait_for(lambda: database("SELECT count(*) FROM modiste.shard WHERE state = 'leased'"))
    (worker,) = pids_of("cli worker", modiste.home)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: [pid for pid in pids_of("cli worker", modiste.home) if pid != worker])

    for broker in pids_of("valkey-server", modiste.home):
        os.kill(broker, signal.SIGKILL)
    shutil.rmtree(modiste.home / "valkey", ignore_errors=True)

    out, errors = running.communicate(timeout=120)
    assert running.returncode == 0, f"{out}\n{errors}\n{modiste.log()}"
    one_effect_each(modiste)


def one_effect_each(modiste: Modiste) -> None:
    (counts,) = modiste.sql("""
        SELECT photos_total, photos_enriched, photos_inferred, state,
               (SELECT count(*) FROM modiste.enrichment), (SELECT count(DISTINCT content_id) FROM modiste.enrichment),
               (SELECT count(*) FROM modiste.shard WHERE state IN ('queued', 'leased'))
        FROM modiste.import
    """)
    every = str(PHOTOS)
    assert counts == [every, every, every, "done", every, every, "0"]
