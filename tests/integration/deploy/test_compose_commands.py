"""Every command of docker-compose.yml, run as it stands there."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from broker import leases_of_workers, make_app
from db.engine import open_engine, parse_url
from db.migrate import head_revision
from deploy import health

STAYING = ("api", "scheduler", "worker")


@pytest.fixture
def migrated_url(container: Callable[[str, str], Any], empty_database_url: str) -> str:
    """A database as PostgreSQL's image makes it, without even the extension, after the service `migrate`."""
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP EXTENSION vector"))
    engine.dispose()
    migrate = container("migrate", empty_database_url)
    answer = migrate.run(migrate.command)
    assert answer.returncode == 0, answer.stderr
    return empty_database_url


def test_migrate_brings_an_empty_database_up_to_date_and_may_run_at_every_start(
    container: Callable[[str, str], Any], migrated_url: str
) -> None:
    migrate = container("migrate", migrated_url)
    again = migrate.run(migrate.command)
    assert again.returncode == 0, again.stderr
    assert head_revision() in again.stdout


@pytest.mark.parametrize("name", STAYING)
def test_a_service_becomes_healthy_and_stops_in_time(
    name: str,
    container: Callable[[str, str], Any],
    running: Callable[[Any], subprocess.Popen[bytes]],
    migrated_url: str,
) -> None:
    service = container(name, migrated_url)
    assert not service.is_healthy(), "nothing runs yet"
    process = running(service)
    service.wait_until_healthy(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=service.grace_s) == 0
    assert not service.is_healthy(), "nothing runs any more"


def test_the_scheduler_is_healthy_because_it_sweeps(
    container: Callable[[str, str], Any],
    running: Callable[[Any], subprocess.Popen[bytes]],
    migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """With less patience than there is between two sweeps it is now well, now not."""
    monkeypatch.setattr(health, "LAST_SWEEP_S", 2.0)
    monkeypatch.setenv("MODISTE_HOME", str(tmp_path))
    running(container("scheduler", migrated_url))
    seen: list[int] = []
    deadline = time.monotonic() + 60
    while seen[-3:] != [0, 1, 0]:
        assert time.monotonic() < deadline, seen
        answer = health.main(["scheduler"])
        if seen[-1:] != [answer]:
            seen.append(answer)
        time.sleep(0.1)


def test_a_worker_tells_the_lease_that_it_was_started_with(
    container: Callable[[str, str], Any],
    running: Callable[[Any], subprocess.Popen[bytes]],
    migrated_url: str,
    broker_url: str,
) -> None:
    service = container("worker", migrated_url)
    service.environment["MODISTE_LEASE_S"] = "45"
    service.wait_until_healthy(running(service))
    assert list(leases_of_workers(make_app(broker_url)).values()) == [45.0]


def test_an_unmigrated_database_leaves_the_api_unready(
    container: Callable[[str, str], Any], empty_database_url: str
) -> None:
    service = container("api", empty_database_url)
    answer = service.run(service.command)
    assert answer.returncode == 1
    assert "modiste migrate" in " ".join(answer.stderr.split())


@pytest.mark.parametrize("name", ["migrate", *STAYING])
def test_the_addresses_in_the_file_are_ones_that_modiste_reads(name: str, services: dict[str, Any]) -> None:
    url = parse_url(services[name]["environment"]["DATABASE_URL"])
    assert (url.host, url.port, url.username, url.password) == ("postgres", 5432, "modiste", "secret0")
    made = services["postgres"]["environment"]
    assert (url.username, url.database) == (made["POSTGRES_USER"], made["POSTGRES_DB"])
    assert services[name]["environment"]["BROKER_URL"] == "redis://redis:6379/0"
