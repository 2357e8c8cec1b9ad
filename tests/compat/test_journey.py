"""From an empty server to a second model version in service, every process on the way to PostgreSQL that is tested."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from modiste_client import Client
from sqlalchemy import Engine, text

from cli.sample import draw_catalogue
from cli.stack.account import server_account
from cli.stack.paths import StackPaths
from cli.stack.valkey import ValkeyServer, valkey_program
from db.engine import MIGRATIONS, open_engine, transaction
from db.indexes import VectorIndex, build_index
from db.servers import behind_a_pool
from db.similarity import similar_listings
from tests.compat.servers import ROOT, Release, clean_environment, free_port

pytestmark = pytest.mark.compat
K = 12
# Of two ways to sum numbers of half precision.
SAME_SCORE = 2e-3


@dataclass(kw_only=True)
class Site:
    """A worker, a scheduler and an API at work on one server."""

    release: Release
    pooled: bool
    engine: Engine
    environment: dict[str, str]
    address: str
    home: Path

    def run(self, *arguments: str | Path, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == expect, f"{arguments}:\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def modiste(self, *arguments: str | Path, expect: int = 0) -> str:
        return self.run("cli", *arguments, expect=expect)

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with transaction(self.engine) as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement), values)]

    def one(self, statement: str, **values: Any) -> Any:
        (row,) = self.rows(statement, **values)
        return next(iter(row.values()))

    def version(self) -> int:
        return int(self.one("SELECT id FROM modiste.model_version WHERE state = 'active'"))

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in self.home.glob("*.log"))

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 60) -> None:
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, self.logs()
            time.sleep(0.1)


@pytest.fixture(scope="module")
def site(server: tuple[Release, str, str]) -> Iterator[Site]:
    release, url, direct = server
    with ExitStack() as exits:
        home = Path(exits.enter_context(temporary()))
        valkey = ValkeyServer(paths=StackPaths.of(home), account=server_account(), program=valkey_program())
        valkey.paths.logs.mkdir()
        valkey.account.own_folder(valkey.paths.run)
        valkey.account.reach(valkey.paths.run)
        valkey.account.reach(valkey.paths.valkey_log)
        valkey.bring_up()
        exits.callback(valkey.stop)
        port = free_port()
        told = {
            "DATABASE_URL": url, "BROKER_URL": valkey.url, "MODISTE_HOME": str(home), "MODISTE_PORT": str(port),
            "MODISTE_LEASE_S": "5", "COLUMNS": "200",
        }  # fmt: skip
        engine = open_engine(url)
        exits.callback(engine.dispose)
        made = Site(
            release=release, pooled=url != direct, engine=engine, environment=clean_environment() | told,
            address=f"http://127.0.0.1:{port}", home=home,
        )  # fmt: skip
        made.modiste("migrate")
        for name in ("worker", "scheduler", "api"):
            exits.callback(stop, start(made, name))
        made.wait_for(lambda: "ready" in made.log("worker") and "ready" in made.log("scheduler") and answers(made))
        draw_catalogue(home / "sample", products=25)
        made.modiste(
            "import", home / "sample" / "feed.csv", "--photos", home / "sample" / "photos", "--catalogue", "shop"
        )
        made.wait_for(lambda: made.one("SELECT bool_and(finished_at IS NOT NULL) FROM modiste.import"))
        yield made


def temporary() -> Any:
    import tempfile

    return tempfile.TemporaryDirectory(prefix="modiste-compat-", ignore_cleanup_errors=True)


def start(site: Site, name: str) -> "subprocess.Popen[bytes]":
    with open(site.home / f"{name}.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cli", name], cwd=ROOT, env=site.environment, stdout=log, stderr=log
        )


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    assert process.wait(timeout=60) == 0


def answers(site: Site) -> bool:
    try:
        urllib.request.urlopen(f"{site.address}/readyz", timeout=5).close()
    except OSError:
        return False
    return True


def exact(site: Site, version: int) -> tuple[list[int], np.ndarray[Any, Any]]:
    """Listings, and (N, N) float64 the best score of any two photos of theirs; -1 with itself."""
    found = site.rows(f"""
        SELECT p.listing_id, CAST(e.vec AS text) AS vec
        FROM modiste.photo p JOIN modiste.embedding_{version} e USING (content_id)
        JOIN modiste.listing l ON l.id = p.listing_id WHERE p.state = 'enriched' AND l.available
    """)
    vectors = np.array([json.loads(row["vec"]) for row in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = sorted({row["listing_id"] for row in found})
    of = np.array([ids.index(row["listing_id"]) for row in found])
    best = np.full((len(ids), len(ids)), -1.0)
    np.maximum.at(best, (of[:, None], of[None, :]), vectors @ vectors.T)
    np.fill_diagonal(best, -1.0)
    return ids, best


def test_the_way_is_the_one_that_is_tested(site: Site) -> None:
    with transaction(site.engine) as connection:
        assert behind_a_pool(connection) == site.pooled


def test_every_photo_is_enriched(site: Site) -> None:
    (counts,) = site.rows("SELECT state, photos_total, photos_enriched, photos_quarantined FROM modiste.import")
    assert counts["state"] == "done"
    assert counts["photos_total"] == counts["photos_enriched"] > 40
    assert site.one("SELECT count(*) FROM modiste.listing_enrichment") == site.one(
        "SELECT count(*) FROM modiste.listing"
    )


def test_what_is_similar_is_what_comparing_all_finds_in_sql_and_over_http(site: Site) -> None:
    ids, best = exact(site, site.version())
    with Client(site.address) as client:
        for place, asked in enumerate(ids):
            with transaction(site.engine) as connection:
                answer = similar_listings(connection, asked, k=K)
            wanted = np.sort(best[place])[::-1][:K]
            np.testing.assert_allclose([row.score for row in answer], wanted, atol=SAME_SCORE)
            np.testing.assert_allclose(
                [best[place, ids.index(row.listing_id)] for row in answer], wanted, atol=SAME_SCORE
            )
            assert [row.listing_id for row in client.similar(asked, k=K)] == [row.listing_id for row in answer]


def test_a_photo_is_searched_with(site: Site) -> None:
    photo = next(iter(sorted((site.home / "sample" / "photos").iterdir())))
    with Client(site.address) as client:
        assert client.search_photo(photo, k=1).similar[0].score > 0.99


def test_what_a_person_says_counts_until_it_is_taken_back(site: Site) -> None:
    (listing,) = site.rows("SELECT listing_id AS id, category FROM modiste.listing_enrichment ORDER BY 1 LIMIT 1")
    other = site.one(
        "SELECT min(category) FROM modiste.listing_enrichment WHERE category <> :category", category=listing["category"]
    )
    said = "SELECT category FROM modiste.listing_enrichment WHERE listing_id = :id"
    correction = site.one(
        "SELECT modiste.correct_listing(:id, 'category', :other, 'ann')", id=listing["id"], other=other
    )
    assert site.one(said, id=listing["id"]) == other
    site.one("SELECT modiste.undo_correction(:id)", id=correction)
    assert site.one(said, id=listing["id"]) == listing["category"]


def test_the_schema_is_what_the_code_describes(site: Site) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with transaction(site.engine) as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_doctor_finds_no_fault_and_says_that_there_is_a_pool(site: Site) -> None:
    found = {finding["what"]: finding for finding in json.loads(site.modiste("doctor", "--json"))}
    assert {finding["verdict"] for finding in found.values()} <= {"ok", "warning"}
    assert ("through a pool" in found["postgres"]["says"]) == site.pooled
    assert found["postgres"]["says"].startswith(site.release.postgres)
    assert found["pgvector"]["says"] == site.release.pgvector


def test_the_health_checks_are_content(site: Site) -> None:
    def healthy(name: str) -> bool:
        check = [sys.executable, "-m", "deploy.health", name]
        return subprocess.run(check, cwd=ROOT, env=site.environment, check=False).returncode == 0

    for name in ("api", "worker", "scheduler"):
        site.wait_for(lambda name=name: healthy(name), timeout_s=30)  # type: ignore[misc]


def test_psql_opens(site: Site) -> None:
    out = site.modiste("psql", "--csv", "--tuples-only", "-c", "SELECT count(*) > 20 FROM modiste.listing")
    assert out.strip() == "t"


def test_a_second_version_comes_into_service_with_a_table_and_an_index_of_its_own(site: Site) -> None:
    first = site.version()
    folder = site.home / "second"
    shutil.copytree(sorted((ROOT / "models").glob("*/manifest.json"))[-1].parent, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": "second"}))
    site.modiste("models", "register", folder)
    site.modiste("models", "backfill", "second", "--watch")
    site.modiste("models", "activate", "second")
    second = site.version()
    assert second != first
    ids, best = exact(site, second)
    before = memory_of_all_sessions(site)
    assert build_index(site.engine, VectorIndex(version_id=second))
    assert memory_of_all_sessions(site) == before
    assert site.one("SELECT index_built_at IS NOT NULL FROM modiste.model_version WHERE id = :id", id=second)
    walked = site.rows(
        f"""
        SELECT near.listing_id, near.distance
        FROM modiste.walk(:version, (SELECT e.vec FROM modiste.photo p JOIN modiste.embedding_{second} e
                                     USING (content_id) WHERE p.listing_id = :asked ORDER BY p.position LIMIT 1),
                          :asked, 5, '{{"available": true}}', :kept, NULL) w, unnest(w.near) AS near
        """,
        version=second, asked=ids[0], kept=float(len(ids)),
    )  # fmt: skip
    assert len(walked) == 5
    assert all(1 - row["distance"] <= best[0, ids.index(row["listing_id"])] + SAME_SCORE for row in walked)
    assert set(current(site, "hnsw.iterative_scan")) <= {None, "", "off"}, "a walk leaves no setting behind"


def memory_of_all_sessions(site: Site) -> set[str | None]:
    return set(current(site, "maintenance_work_mem"))


def current(site: Site, setting: str) -> list[str | None]:
    """A setting in several of the server's processes, asked at once so that none answers twice."""
    with ExitStack() as exits:
        connections = [exits.enter_context(transaction(site.engine)) for _ in range(5)]
        return [one.scalar(text("SELECT current_setting(:name, true)"), {"name": setting}) for one in connections]


def test_nothing_was_logged_that_is_a_fault(site: Site) -> None:
    for name in ("worker", "scheduler", "api"):
        assert "Traceback" not in site.log(name), site.log(name)
