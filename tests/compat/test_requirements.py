"""What is too old is refused before anything is done, and says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.servers import ROOT, Release, clean_environment, postgres

pytestmark = pytest.mark.compat


def test_an_old_pgvector_or_none_is_refused_in_words(old_release: Release, folder: Path) -> None:
    with postgres(old_release, own(folder, old_release)) as url:
        for command in ("migrate", "api"):
            told = {"DATABASE_URL": url, "BROKER_URL": "redis://127.0.0.1:1/0", "MODISTE_HOME": str(folder / "home")}
            done = subprocess.run(
                [sys.executable, "-m", "cli", command],
                cwd=ROOT, env=clean_environment() | told | {"COLUMNS": "200"}, capture_output=True, text=True,
                timeout=60, check=False,
            )  # fmt: skip
            says = " ".join(done.stderr.split())
            assert done.returncode == 1
            assert "Traceback" not in says
            assert "install 0.8.0 or newer" in says or "install pgvector 0.8.0 or newer" in says
            assert (old_release.pgvector or "no pgvector") in says


def own(folder: Path, release: Release) -> Path:
    made = folder / str(release)
    made.mkdir()
    return made
