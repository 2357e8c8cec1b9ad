"""The Dockerfile, without an engine: what it copies is there, what its images run exists, nobody is root."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from e2b_dockerfile_utils import PatternMatcher

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ("api", "worker", "worker-gpu", "trainer")
WITH_HEALTH = ("api", "worker", "worker-gpu")


def run(command: list[str], programs: Path) -> subprocess.CompletedProcess[str]:
    """As the image would, with this environment's Python and the image's own launcher first on the path."""
    (programs / "modiste").symlink_to(ROOT / "deploy" / "modiste")
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    clean = {"PATH": path, "HOME": str(programs), "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    clean["MODISTE_PORT"] = "1"  # where nothing listens, whatever runs on this machine
    # Found along that path by /usr/bin/env: subprocess itself would look along ours.
    return subprocess.run(
        ["/usr/bin/env", *command], cwd=programs, env=clean, capture_output=True, text=True, check=False
    )


def copied(stages) -> list[str]:
    """Everything that comes from the build's context."""
    return [
        source
        for stage in stages.values()
        for instruction in stage.own
        if instruction.name == "COPY" and not any(flag.startswith("--from") for flag in instruction.flags)
        for source in instruction.args[:-1]
    ]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_everything_copied_is_there_and_reaches_the_build(stages, ignored: PatternMatcher) -> None:
    sources = copied(stages)
    assert sources
    for source in sources:
        path = ROOT / source
        inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.suffix in {".py", ".json"}]
        assert inside, f"{source} is not there, or empty"
        assert not ignored.matches(inside[0].relative_to(ROOT).as_posix()), f"{source} is kept out by .dockerignore"


def test_every_stage_copied_from_exists(stages) -> None:
    sources = [
        flag.removeprefix("--from=")
        for stage in stages.values()
        for instruction in stage.own
        for flag in instruction.flags
        if flag.startswith("--from=")
    ]
    assert sources
    assert set(sources) <= set(stages)


def test_every_package_of_ours_is_in_the_images(stages) -> None:
    find = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    assert {name.rstrip("*") for name in find["include"]} <= set(copied(stages))
    assert {"models", "migrations"} <= set(copied(stages))


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", ".env", "runs/x", "tests/unit/test_imports.py", "docs/x.md",
             "api/__pycache__/app.cpython-311.pyc", "data/photo.jpg", "benchmarks/enrich.py"]
)  # fmt: skip
def test_nothing_else_reaches_the_build(path: str, ignored: PatternMatcher) -> None:
    assert ignored.matches(path)


@pytest.mark.parametrize("image", IMAGES)
def test_no_image_runs_as_root(image: str, stages) -> None:
    user = stages[image].last("USER")
    # Numbers: Kubernetes' runAsNonRoot cannot look names up.
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user[0])


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_image_runs_exists(image: str, stages, tmp_path: Path) -> None:
    command = [*stages[image].last("ENTRYPOINT"), *stages[image].last("CMD")]
    answer = run([*command, "--help"], tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "Usage" in answer.stdout


@pytest.mark.parametrize("image", WITH_HEALTH)
def test_a_health_check_says_what_is_wrong(image: str, stages, tmp_path: Path) -> None:
    kind, *command = stages[image].last("HEALTHCHECK")
    assert kind == "CMD"
    answer = run(command, tmp_path)
    assert answer.returncode == 1, "nothing runs here, so nothing is healthy"
    assert answer.stderr.startswith(f"{command[-1]}: ")


def test_the_health_check_says_how_it_is_called(tmp_path: Path) -> None:
    answer = run(["python", "-m", "deploy.health", "postgres"], tmp_path)
    assert (answer.returncode, answer.stderr) == (2, "usage: python -m deploy.health api|worker|scheduler\n")


def test_signals_reach_the_program(stages) -> None:
    """Exec form: a shell in between would keep SIGTERM to itself, and nothing would be drained."""
    for image in IMAGES:
        for instruction in stages[image].instructions:
            assert instruction.json or instruction.name not in {"ENTRYPOINT", "CMD"}
    assert (ROOT / "deploy" / "modiste").read_text().splitlines()[-1].startswith("exec ")


def test_packages_are_installed_by_hash_alone(stages) -> None:
    installs = [
        instruction.original
        for stage in stages.values()
        for instruction in stage.own
        if instruction.name == "RUN" and " install " in instruction.original and "pip" in instruction.original
    ]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)


def test_the_image_carries_our_version(stages) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert [f"VERSION={version}"] in [i.args for i in stages["base"].own if i.name == "ARG"]
