"""The Dockerfile and the compose file, read as the builder and Compose read them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2b_dockerfile_utils import DockerfileInstruction, PatternMatcher, parse_dockerfile_ast

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Stage:
    """A FROM and what stands below it, with what it takes over from the stage it begins at."""

    name: str
    parent: "Stage | None"
    own: list[DockerfileInstruction] = field(default_factory=list)

    @property
    def instructions(self) -> list[DockerfileInstruction]:
        return [*(self.parent.instructions if self.parent else []), *self.own]

    def last(self, name: str) -> list[str]:
        """The arguments of the last instruction of that name: the one that counts."""
        found = [instruction.args for instruction in self.instructions if instruction.name == name]
        return found[-1] if found else []


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for instruction in parse_dockerfile_ast((ROOT / "Dockerfile").read_text()).instructions:
        if instruction.name == "FROM":
            image, _, name = instruction.args
            found[name] = Stage(name, found.get(image))
        elif found:
            list(found.values())[-1].own.append(instruction)
    return found


@pytest.fixture(scope="session")
def ignored() -> PatternMatcher:
    return PatternMatcher((ROOT / ".dockerignore").read_text().splitlines())


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="session")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found
