"""The shortest whole way on the embedded servers, for the Python that runs this."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cli.sample import draw_catalogue
from tests.compat.servers import ROOT, clean_environment

pytestmark = pytest.mark.compat


def test_a_drawn_catalogue_is_enriched_and_asked(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="modiste-compat-", ignore_cleanup_errors=True) as home:

        def modiste(*arguments: str | Path) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "cli", *map(str, arguments)],
                cwd=ROOT, env=clean_environment() | {"MODISTE_HOME": home}, capture_output=True, text=True,
                timeout=150, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        draw_catalogue(tmp_path, products=12)
        modiste("import", tmp_path / "feed.csv", "--photos", tmp_path / "photos", "--catalogue", "shop")
        found = json.loads(modiste("similar", "AN-00000", "--catalogue", "shop", "--json"))
        assert len(json.dumps(found)) > 100
        assert all(finding["verdict"] != "fault" for finding in json.loads(modiste("doctor", "--json")))
