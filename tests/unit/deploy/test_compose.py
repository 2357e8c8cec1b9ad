"""docker-compose.yml, without an engine: by the published schema, and by what modiste and its servers need."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from yaml import safe_dump

from broker import Delivery
from cli.services import DRAIN_S
from cli.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
OURS = ("migrate", "api", "scheduler", "worker", "worker-gpu", "trainer")
ONE_SHOT = ("migrate", "trainer")
# Read by the image of PostgreSQL, and by botocore for a store on s3://.
POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS"}
S3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"}
UNITS = {"s": 1, "m": 60, "kb": 2**10, "mb": 2**20, "gb": 2**30}


def measure(text: str) -> int:
    """Seconds or bytes: 45s, 4gb, 512MB."""
    found = re.fullmatch(r"(\d+)([a-z]+)", text.lower())
    assert found
    return int(found[1]) * UNITS[found[2]]


def check(path: Path) -> subprocess.CompletedProcess[str]:
    """Against the schema of the Compose specification that the checker carries."""
    checker = Path(sys.executable).parent / "check-jsonschema"
    return subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", path], capture_output=True, text=True, check=False
    )


def test_it_follows_the_compose_specification() -> None:
    answer = check(ROOT / "docker-compose.yml")
    assert answer.returncode == 0, answer.stdout


def test_the_check_would_see_a_mistyped_key(compose: dict[str, Any], tmp_path: Path) -> None:
    broken = {**compose, "services": {"api": {"image": "x:1", "heathcheck": {}}}}
    (tmp_path / "broken.yml").write_text(safe_dump(broken))
    assert "heathcheck" in check(tmp_path / "broken.yml").stdout


def test_every_build_has_its_stage(services, stages) -> None:
    targets = {name: service["build"]["target"] for name, service in services.items() if "build" in service}
    assert set(targets) == set(OURS)
    assert set(targets.values()) <= set(stages)


@pytest.mark.parametrize("name", OURS)
def test_only_variables_that_modiste_reads_are_set(name: str, services) -> None:
    read = {field.upper() for field in Settings.model_fields} | S3
    assert set(services[name].get("environment", {})) <= read


def test_only_variables_that_the_database_reads_are_set(services) -> None:
    assert set(services["postgres"]["environment"]) == POSTGRES


def test_whoever_is_waited_for_can_arrive(services) -> None:
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            awaited = services[other]
            if how["condition"] == "service_healthy":
                assert awaited["healthcheck"].get("test"), f"{name} waits for {other}, which has no health check"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert awaited["restart"] == "no", f"{name} waits for {other} to end, which is started again"


def test_what_stays_says_how_it_is_and_comes_back(services) -> None:
    for name, service in services.items():
        if name not in ONE_SHOT:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name


def test_health_checks_are_those_of_the_images(services, stages) -> None:
    for name in ("api", "worker", "worker-gpu"):
        assert services[name]["healthcheck"]["test"] == stages[services[name]["build"]["target"]].last("HEALTHCHECK")


def test_images_are_pinned(services) -> None:
    for service in services.values():
        image = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", service["image"])
        assert re.fullmatch(r"[a-z0-9./-]+:[^:]*\d+\.\d+.*", image), image


def test_our_images_carry_our_version(services) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name in OURS:
        assert services[name]["image"].endswith(f":${{MODISTE_VERSION:-{version}}}")


def test_no_secret_stands_in_the_file(compose: dict[str, Any], services) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|KEY|SECRET|TOKEN", name):
                assert value is None or re.fullmatch(r"\$\{[A-Z_]+:\?[^}]*\}", value), name
            if name == "DATABASE_URL":
                assert re.match(r"postgresql://\w+:\$\{POSTGRES_PASSWORD:\?[^}]*\}@", value)


def test_a_read_only_service_is_given_files_alone(compose: dict[str, Any], services) -> None:
    """Compose refuses to start it otherwise: it cannot write into the container what a variable holds."""
    for kind in ("secrets", "configs"):
        for name, service in services.items():
            given = [entry["source"] if isinstance(entry, dict) else entry for entry in service.get(kind, ())]
            if service.get("read_only"):
                assert all(set(compose[kind][source]) == {"file"} for source in given), name


def test_the_file_of_a_secret_is_no_part_of_the_repository(compose: dict[str, Any]) -> None:
    for secret in compose["secrets"].values():
        path = re.sub(r"\$\{[A-Z_]+:-\./([^}]*)\}", r"\1", secret["file"])
        assert f"/{path}" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_the_api_is_published_and_to_this_host(compose: dict[str, Any], services) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert [name for name in published if "profiles" not in services[name]] == ["api"]
    for name in ("prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in published[name])
    assert services["api"]["ports"] == ["${MODISTE_BIND:-127.0.0.1}:${MODISTE_PORT:-8000}:8000"]
    assert compose["networks"]["data"] == {"internal": True}
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["data"]


@pytest.mark.parametrize("name", [*OURS, "redis", "prometheus", "grafana"])
def test_a_container_can_do_little_to_its_host(name: str, services) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_a_worker_has_the_time_to_drain(name: str, services) -> None:
    assert measure(services[name]["stop_grace_period"]) > max(DRAIN_S, Delivery().drain_s)


def test_a_parallel_index_build_fits_into_shared_memory(services) -> None:
    setting = next(part for part in services["postgres"]["command"] if part.startswith("maintenance_work_mem="))
    default = re.search(r":-(\w+)\}", setting)
    assert default
    assert measure(services["postgres"]["shm_size"]) > measure(default[1])


def test_all_processes_see_one_store(services, stages) -> None:
    assert "MODISTE_STORE=/store" in " ".join(i.original for i in stages["base"].own if i.name == "ENV")
    for name in ("migrate", "api", "scheduler", "worker", "worker-gpu"):
        assert "store:/store" in services[name]["volumes"], name


def test_named_volumes_and_networks_are_declared(compose: dict[str, Any], services) -> None:
    for service in services.values():
        mounted = {volume.split(":")[0] for volume in service.get("volumes", ()) if ":" in volume}
        assert {name for name in mounted if name[0] not in "./"} <= set(compose["volumes"])
        assert set(service.get("networks", ())) <= set(compose["networks"])


def test_the_example_names_every_variable_and_no_other() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    used = set(re.findall(r"\$\{([A-Z_]+)", text)) | S3
    named = set(re.findall(r"^#?([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named == used


def test_the_example_holds_no_secret() -> None:
    given = re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(given) == [("MODISTE_API_KEY", ""), ("POSTGRES_PASSWORD", "")]
