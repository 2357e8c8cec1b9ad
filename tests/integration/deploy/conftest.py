"""docker-compose.yml on real servers: its commands, environments and health checks, without an engine around them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GIVEN = {"POSTGRES_PASSWORD": "secret0", "MODISTE_API_KEY": "key0"}
VARIABLE = re.compile(r"\$\{([A-Z_]+):([-?])([^}]*)\}")


@dataclass
class Container:
    """A service of ours as a process of this machine, with its image's launcher and working folder."""

    command: list[str]
    check: list[str]
    grace_s: float
    environment: dict[str, str]
    folder: Path

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["/usr/bin/env", *self.command], cwd=self.folder, env=self.environment)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/usr/bin/env", *command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def is_healthy(self) -> bool:
        """Docker's own question. Any answer but yes and no is a fault of the check."""
        answer = self.run(self.check)
        assert answer.returncode in {0, 1}, answer.stderr
        return answer.returncode == 0

    def wait_until_healthy(self, process: subprocess.Popen[bytes], timeout_s: float = 60) -> None:
        deadline = time.monotonic() + timeout_s
        while not self.is_healthy():
            assert process.poll() is None, f"it ended with {process.returncode}"
            assert time.monotonic() < deadline, self.run(self.check).stderr
            time.sleep(0.2)


def filled_in(text: str) -> str:
    """${NAME:-default} and ${NAME:?why}, as Compose fills them in."""
    return VARIABLE.sub(lambda found: GIVEN[found[1]] if found[2] == "?" else found[3], text)


@pytest.fixture(scope="session")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(filled_in((ROOT / "docker-compose.yml").read_text()))["services"]
    return found


@pytest.fixture
def container(services: dict[str, dict[str, Any]], broker_url: str, tmp_path: Path) -> Callable[[str, str], Container]:
    """A service of the compose file on the given database, the test's broker and a store of the test's own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "modiste").symlink_to(ROOT / "deploy" / "modiste")
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as also_free:
        port, metrics_port = free.getsockname()[1], also_free.getsockname()[1]
    image = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "MODISTE_HOME": str(tmp_path),
        "MODISTE_HOST": "0.0.0.0",
        "MODISTE_PORT": str(port),
    }

    def make(name: str, database_url: str) -> Container:
        service = services[name]
        ours = {key: value for key, value in service["environment"].items() if value is not None}
        assert {"DATABASE_URL", "BROKER_URL", "MODISTE_STORE"} <= set(ours)
        here = {"DATABASE_URL": database_url, "BROKER_URL": broker_url, "MODISTE_STORE": str(tmp_path / "store")}
        here |= {"MODISTE_METRICS_PORT": str(metrics_port)} if "MODISTE_METRICS_PORT" in ours else {}
        return Container(
            command=["modiste", *service["command"]],
            check=service["healthcheck"].get("test", ["CMD"])[1:],
            grace_s=float(service.get("stop_grace_period", "10s").removesuffix("s")),
            environment=image | {key: str(value) for key, value in ours.items()} | here,
            folder=tmp_path,
        )

    return make


@pytest.fixture
def running() -> Iterator[Callable[[Container], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(container: Container) -> subprocess.Popen[bytes]:
        started.append(container.start())
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
