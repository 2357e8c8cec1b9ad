"""The program as its users run it: `modiste` in processes of its own, on an embedded stack of the test's own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from cli.sample import draw_catalogue
from cli.stack.embedded import EmbeddedPair
from tests.e2e.browsing import find_browser

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Modiste:
    """The command, with a home."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.endswith(("DATABASE_URL", "BROKER_URL"))}
        return clean | {"MODISTE_HOME": str(self.home), "MODISTE_LEASE_S": "3", "COLUMNS": "200"}

    def start_arguments(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "cli", *map(str, arguments)]

    def start(self, *arguments: str | Path, **settings: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.start_arguments(*arguments),
            cwd=ROOT,
            env=self.environment | settings,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, errors = process.communicate(timeout=150)
        assert process.returncode == expect, (
            f"{arguments} ended with {process.returncode}:\n{out}\n{errors}\n{self.log()}"
        )
        return subprocess.CompletedProcess(arguments, process.returncode, out, errors)

    def json(self, *arguments: str | Path, expect: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def json_lines(self, *arguments: str | Path, timeout_s: float = 150) -> list[Any]:
        out, errors = self.start(*arguments, "--json").communicate(timeout=timeout_s)
        assert out, errors
        return [json.loads(line) for line in out.splitlines()]

    def sql(self, statement: str) -> list[list[str]]:
        answer = self.run("psql", "--no-psqlrc", "--csv", "--tuples-only", "-c", statement).stdout
        return [line.split(",") for line in answer.splitlines()]

    def log(self) -> str:
        log = self.home / "logs" / "worker.log"
        return log.read_text()[-3000:] if log.exists() else ""


@pytest.fixture(scope="module")
def modiste() -> Iterator[Modiste]:
    home = Path(tempfile.mkdtemp(prefix="modiste-e2e-"))
    with EmbeddedPair.start(home):  # kept running between commands: starting it twenty times would take half a minute
        yield Modiste(home=home)
    shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serve(modiste: Modiste, command: str = "up", **settings: str) -> Iterator[str]:
    """`modiste up`, or `modiste api` alone, on a port of its own; its address once it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = modiste.start(command, MODISTE_PORT=str(port), **settings)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_until_ready(address: str, process: "subprocess.Popen[str]", at_most_s: float = 30.0) -> None:
    until = time.monotonic() + at_most_s
    while True:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, f"{address} is not ready"
            time.sleep(0.1)


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    """Serves pages and HTTP: `with served(modiste) as address`."""
    return serve


@pytest.fixture(scope="session")
def zipped(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's photos in a zip."""
    return Path(shutil.make_archive(str(tmp_path_factory.mktemp("zipped") / "photos"), "zip", sample, "photos"))


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn sample catalogue: feed.csv beside photos/."""
    folder = tmp_path_factory.mktemp("sample")
    draw_catalogue(folder, products=40)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield launched
        launched.close()


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What the browser complains of: errors in scripts, refused by the policy, files that are not there."""
    heard: list[str] = []
    yield heard
    assert heard == []
