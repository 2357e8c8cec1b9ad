"""What may be imported from where, seen from outside: flat package names, and processes without torch."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_TORCH = ("cli.main", "worker.process", "worker.planning", "db.migrate", "store", "vision.predictor", "api")


@pytest.mark.parametrize("name", ["api", "broker", "cli", "db", "metrics", "store", "trainer", "vision", "worker"])
def test_our_package_name_means_our_package(name: str) -> None:
    found = importlib.import_module(name).__file__
    assert found is not None
    assert Path(found) == ROOT / name / "__init__.py"


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_it_starts_without_torch(module: str) -> None:
    refuse = "import sys; sys.modules.update(dict.fromkeys(('torch', 'torchvision', 'timm')))"
    subprocess.run([sys.executable, "-c", f"{refuse}; import {module}"], check=True, cwd=ROOT)
