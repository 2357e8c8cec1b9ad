"""What `make compat` runs: modiste on the PostgreSQL and pgvector releases at hand, directly and through PgBouncer."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.compat.servers import Release, pgbouncer, postgres, releases

WAYS = ("direct", "pgbouncer")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        cells = [(release, way) for release in releases() if release.is_new_enough for way in WAYS]
        metafunc.parametrize("server", cells, ids=[f"{release}-{way}" for release, way in cells], indirect=True)
    if "old_release" in metafunc.fixturenames:
        old = [release for release in releases() if not release.is_new_enough]
        metafunc.parametrize("old_release", old, ids=map(str, old))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="modiste-compat-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Release, str, str]]:
    """A release, the URL by which modiste reaches it, and that of the server itself."""
    release, way = request.param
    made = Path(tempfile.mkdtemp(prefix="modiste-compat-"))
    made.chmod(0o755)
    with ExitStack() as exits:
        exits.callback(shutil.rmtree, made, ignore_errors=True)
        direct = exits.enter_context(postgres(release, made))
        yield release, exits.enter_context(pgbouncer(direct, made)) if way == "pgbouncer" else direct, direct
