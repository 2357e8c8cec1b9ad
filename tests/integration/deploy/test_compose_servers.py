"""PostgreSQL and the broker with the very options of docker-compose.yml: the real servers refuse a mistyped one."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from cli.stack.account import Account, server_account
from cli.stack.postgres import postgres_programs
from cli.stack.valkey import valkey_program


@pytest.fixture
def account() -> Account:
    return server_account()


@pytest.fixture
def folder(account: Account) -> Iterator[Path]:
    """One of the servers' own, short enough for a socket."""
    made = Path(tempfile.mkdtemp(prefix="modiste-compose-"))
    made.chmod(0o755)
    account.own_folder(made / "own")
    yield made / "own"
    shutil.rmtree(made)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def server() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, **how))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert process.poll() is None, "the server refused its options"
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_postgres_takes_its_settings(
    services: dict[str, Any],
    server: Callable[..., subprocess.Popen[bytes]],
    account: Account,
    folder: Path,
    port: int,
) -> None:
    service, programs = services["postgres"], postgres_programs()
    made = service["environment"]
    data = folder / "data"
    # As the image's start-up script calls it, but for the password.
    subprocess.run(
        [programs / "initdb", "-D", data, f"--username={made['POSTGRES_USER']}", "--auth=trust", "--no-sync",
         *made["POSTGRES_INITDB_ARGS"].split()],
        check=True, capture_output=True, **account.popen,
    )  # fmt: skip
    program, *options = service["command"]
    process = server(
        [str(programs / program), *options,
         "-D", str(data), "-c", f"port={port}", "-c", f"unix_socket_directories={folder}"],
        **account.popen,
    )  # fmt: skip
    kind, check, *arguments = service["healthcheck"]["test"]
    assert kind == "CMD"
    wait_until(
        lambda: subprocess.run([programs / check, *arguments], env={"PGPORT": str(port)}, check=False).returncode == 0,
        process,
    )
    connection = psycopg2.connect(f"postgresql://{made['POSTGRES_USER']}@127.0.0.1:{port}/postgres")
    with connection, connection.cursor() as cursor:
        for setting in options[1::2]:
            name, value = setting.split("=")
            cursor.execute("SELECT current_setting(%s)", (name,))
            assert cursor.fetchone() == (value,), name
        cursor.execute("SELECT datlocprovider, datlocale FROM pg_database WHERE datname = current_database()")
        assert cursor.fetchone() == ("b", "C.UTF-8")
    connection.close()


def test_the_broker_takes_its_options_and_writes_nothing(
    services: dict[str, Any],
    server: Callable[..., subprocess.Popen[bytes]],
    account: Account,
    folder: Path,
    port: int,
) -> None:
    service = services["redis"]
    assert service["entrypoint"] == [valkey_program().name]
    account.reach(valkey_program())
    process = server(
        [str(valkey_program()), *service["command"], "--port", str(port)], **(account.popen | {"cwd": folder})
    )
    client = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers, process)
    client.lpush("bulk", "message")
    options = dict(zip(service["command"][::2], service["command"][1::2], strict=True))
    for name, value in options.items():
        assert client.config_get(name.removeprefix("--")) == {name.removeprefix("--"): value}
    client.close()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert list(folder.iterdir()) == []
