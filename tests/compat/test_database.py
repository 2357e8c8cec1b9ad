"""All tests of db, which know every statement, on each server and through PgBouncer."""

import subprocess
import sys

import pytest

from tests.compat.servers import ROOT, Release, clean_environment

pytestmark = pytest.mark.compat


def test_the_tests_of_db_pass(server: tuple[Release, str, str]) -> None:
    _, url, direct = server
    told = {"MODISTE_TEST_DATABASE_URL": direct, "MODISTE_TESTED_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/integration/db", "-p", "no:cacheprovider", "--durations=0"],
        cwd=ROOT, env=clean_environment() | told, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    print(done.stdout[-400:])  # noqa: T201 - how many, for whoever asks with -rP
    assert done.returncode == 0, done.stdout[-12000:]
