"""A second version, of another dimension, is brought up by real workers while imports go on and things break."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from PIL import Image

from cli.stack.paths import StackPaths
from tests.e2e.test_faults import pids_of, wait_for

Modiste = Any  # tests/e2e/conftest.py
BEFORE, MEANWHILE = 90, 20
DIM = 12


@pytest.fixture
def folders(sample: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Crops of the drawn photos, each with a content of its own; a second folder has some of the first's too."""
    drawn = sorted((sample / "photos").iterdir())
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, numbers in ((first, range(BEFORE)), (second, range(BEFORE - 10, BEFORE + MEANWHILE))):
        folder.mkdir()
        for number in numbers:
            with Image.open(drawn[number % len(drawn)]) as photo:
                inset = 2 + 3 * (number // len(drawn))
                photo.crop((inset, inset, photo.width - inset, photo.height - inset)).save(folder / f"{number:04}.jpg")
    return first, second


@pytest.fixture(scope="module")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained network with categories and a dimension of its own."""
    import torch

    from trainer.export import save_model
    from vision.labels import AttributeGroup, LabelSpace
    from vision.manifest import Calibration, Manifest
    from vision.network import MultitaskNetwork
    from vision.plan import NetworkPlan
    from vision.preprocess import PixelRule, Resize

    torch.manual_seed(0)
    manifest = Manifest(
        version="second",
        parent=None,
        plan=NetworkPlan(backbone="test_efficientnet", trunk_dim=16, embedding_dim=DIM),
        labels=LabelSpace(
            categories=("Above", "Below"),
            groups=(AttributeGroup(name="colour", values=("Red", "Blue"), exclusive=True),),
        ),
        pixels=PixelRule(size_px=32, resize=Resize.SQUASH, mean=(127.0,) * 3, std=(128.0,) * 3),
        calibration=Calibration(group_thresholds={"colour": 0.0}),
        metrics={},
        sources=(),
        licences={},
    )
    folder = tmp_path_factory.mktemp("second")
    save_model(MultitaskNetwork(manifest.plan, categories=2, attributes=2), manifest, folder)
    return folder


@contextmanager
def database(modiste: Modiste) -> Iterator[Any]:
    """A cursor of a connection that commits each statement."""
    socket = StackPaths.of(modiste.home).postgres_socket.parent
    connection = psycopg2.connect(host=str(socket), user="modiste", dbname="modiste")
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


def asked(modiste: Modiste, statement: str) -> Any:
    """The row that a statement gives; None while the database cannot be asked."""
    with suppress(psycopg2.Error), database(modiste) as cursor:
        cursor.execute(statement)
        return cursor.fetchone()
    return None


def test_a_version_is_backfilled_over_a_killed_worker_a_pause_and_an_import(
    modiste: Modiste, folders: tuple[Path, Path], second_model: Path
) -> None:
    first, second = folders
    modiste.run("import", first, "--catalogue", "shop")
    modiste.run("models", "register", second_model)

    backfill = modiste.start("models", "backfill", "second", "--json")
    wait_for(lambda: asked(modiste, "SELECT FROM modiste.shard WHERE lane = 'backfill' AND state = 'leased'") == ())
    (worker,) = pids_of("cli worker", modiste.home)
    os.kill(worker, signal.SIGKILL)
    paused = modiste.json("pause", "2")
    assert (paused["lane"], paused["paused_at"] is not None) == ("backfill", True)
    out, errors = backfill.communicate(timeout=60)
    assert backfill.returncode == 0, f"{out}\n{errors}\n{modiste.log()}"

    beside = modiste.start("import", second, "--catalogue", "shop", "--json")
    modiste.json("resume", "2", "--watch")
    out, errors = beside.communicate(timeout=60)
    assert beside.returncode == 0, f"{out}\n{errors}\n{modiste.log()}"
    done = modiste.json("models", "backfill", "second", "--watch")
    contents = BEFORE + MEANWHILE
    assert {name: done["coverage"][name] for name in ("shown", "covered")} == {"shown": contents, "covered": contents}
    both_have_seen_all(modiste, contents)

    modiste.run("models", "activate", "second")
    assert asked(modiste, "SELECT array_agg(DISTINCT category) <@ '{Above,Below}' FROM modiste.listing_enrichment")[0]
    a_killed_server_keeps_one_version(modiste)


def both_have_seen_all(modiste: Modiste, contents: int) -> None:
    """Enrichments, vectors and summaries of both versions, and the counters of every import."""
    for version in (1, 2):
        counts = asked(
            modiste,
            f"""
            SELECT (SELECT count(*) FROM modiste.enrichment WHERE model_version_id = {version}),
                   (SELECT count(*) FROM modiste.embedding_{version}),
                   (SELECT count(*) FROM modiste.listing_summary WHERE model_version_id = {version}),
                   (SELECT count(*) FROM modiste.photo WHERE state = 'enriched')
            """,
        )
        assert counts == (contents,) * 4
    with database(modiste) as cursor:
        cursor.execute("""
            SELECT lane, every(state = 'done'), sum(photos_total), sum(photos_enriched), sum(photos_inferred)
            FROM modiste.import GROUP BY lane ORDER BY lane
        """)
        backfilled, imported = cursor.fetchall()
    assert backfilled == ("backfill", True, contents, contents, contents)
    assert imported[:2] == ("bulk", True)
    assert imported[2] == imported[3]
    assert imported[4] == contents, "no content went through a network twice"


def a_killed_server_keeps_one_version(modiste: Modiste) -> None:
    """kill -9 of PostgreSQL's process in the middle of an activation; it comes back as it was before it."""
    with suppress(psycopg2.Error), database(modiste) as cursor:
        cursor.connection.autocommit = False
        cursor.execute("UPDATE modiste.model_version SET state = 'registered' WHERE state = 'active'")
        cursor.execute("SELECT pg_backend_pid()")
        os.kill(cursor.fetchone()[0], signal.SIGKILL)
        cursor.execute("UPDATE modiste.model_version SET state = 'active', activated_at = now() WHERE id = 1")
    active = "SELECT array_agg(name::text) FROM modiste.model_version WHERE state = 'active'"
    assert wait_for(lambda: asked(modiste, active)) == (["second"],)
    modiste.run("models", "rollback")
    assert asked(modiste, active) != (["second"],)
