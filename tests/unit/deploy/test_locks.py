"""What the images install, read off their locks."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
SERVER, GPU, DEV = "requirements-server.lock", "requirements-gpu.lock", "requirements-dev.lock"
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


def pins(lock: str) -> list[tuple[str, str]]:
    """Names and versions; a name stands twice where versions of Python need different ones."""
    found = PIN.findall((ROOT / lock).read_text())
    assert found
    return found


def names(lock: str) -> set[str]:
    return {name for name, _ in pins(lock)}


def asked_for(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


def test_api_and_cpu_worker_carry_no_torch() -> None:
    assert not [name for name in names(SERVER) if re.match(r"torch|nvidia|triton|timm|cuda", name)]


def test_the_gpu_images_carry_torch_with_its_cuda() -> None:
    assert {"torch", "torchvision", "timm"} <= names(GPU)
    assert any(name.startswith("nvidia-cudnn") for name in names(GPU))


@pytest.mark.parametrize("lock", [SERVER, GPU])
def test_no_image_carries_servers_or_what_only_developers_need(lock: str) -> None:
    ours = {requirement.name for requirement in asked_for("embedded")} - {r.name for r in asked_for()}
    assert not (ours | {"pytest", "ruff", "mypy", "hypothesis"}) & names(lock)


@pytest.mark.parametrize(("lock", "extras"), [(SERVER, ["s3"]), (GPU, ["s3", "train"])])
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: list[str]) -> None:
    for requirement in asked_for(*extras):
        held = [version for name, version in pins(lock) if name == requirement.name]
        assert held, f"{lock} is older than pyproject.toml: make lock"
        assert all(version in requirement.specifier for version in held)


@pytest.mark.parametrize("lock", [SERVER, GPU])
def test_images_run_the_versions_that_the_tests_ran_with(lock: str) -> None:
    assert set(pins(lock)) <= set(pins(DEV))


@pytest.mark.parametrize("lock", [SERVER, GPU])
def test_every_pin_has_its_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert len(re.findall(r"==\S+(?: ; [^\n\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins(lock))
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
