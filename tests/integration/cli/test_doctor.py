"""`modiste doctor` on what is lost, and `modiste tidy` on what has piled up."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from db.errors import NotReachable, ServerTooOld
from store import Area, NoBucket, Store
from worker.tidying import STRAY_AFTER_S

Command = Any  # the fixture's class, in conftest.py


def finding(command: Command, what: str, *arguments: str) -> dict[str, str]:
    """Whatever the exit status is: there is no model here."""
    done = CliRunner().invoke(app, ["doctor", "--json", *arguments], env=command.environment)
    (found,) = (one for one in json.loads(done.stdout) if one["what"] == what)
    return dict(found)


def test_photos_that_the_store_lost_are_a_fault(command: Command) -> None:
    names = [command.store.put(Area.PHOTOS, data) for data in (b"kept", b"lost")]
    for name in names:
        command.rows("INSERT INTO modiste.content (sha256, size_bytes) VALUES (decode(:n, 'hex'), 4)", n=name)
    assert finding(command, "files")["verdict"] == "ok"
    command.store.remove(Area.PHOTOS, names[1])
    for how in ([], ["--deep"]):
        found = finding(command, "files", *how)
        assert found["verdict"] == "fault"
        assert f"1 of {'all' if how else 'a sample of'} 2 photos are gone" in found["says"]
        assert names[1] in found["says"]
        assert "restore its backup; for photos, their feeds: modiste import FEED … --refetch" in found["advice"]


def test_a_store_that_holds_no_model_of_the_registry_is_a_fault(command: Command) -> None:
    command.rows(
        "INSERT INTO modiste.model_version (name, state, embedding_dim, manifest) VALUES ('m1', 'registered', 8, '{}')"
    )
    found = finding(command, "files")
    assert found["verdict"] == "fault"
    assert "m1" in found["says"]
    assert "modiste models register FOLDER" in found["advice"]
    assert "--refetch" not in found["advice"]
    command.rows("INSERT INTO modiste.content (sha256, size_bytes) VALUES (sha256('lost'), 4)")
    found = finding(command, "files")
    assert "m1" in found["says"]
    assert "1 of a sample of 1 photos are gone" in found["says"]
    assert "modiste models register FOLDER; for photos," in found["advice"]


def test_a_store_that_cannot_be_used_is_advised_on_and_nothing_is_said_of_what_it_holds(command: Command) -> None:
    Path(command.store.where).write_bytes(b"a file where the store's folder should be")
    assert "check MODISTE_STORE" in finding(command, "store")["advice"]
    for what in ("model", "files"):
        found = finding(command, what)
        assert (found["verdict"], found["says"]) == ("fault", "not looked at, as the store cannot be used")


def test_a_bucket_that_is_not_there_is_to_be_made(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Store, *_: Any, **__: Any) -> None:
        raise NoBucket(where="s3://shop")

    monkeypatch.setattr(Store, "write", refuse)
    found = finding(command, "store")
    assert found["says"].startswith("There is no bucket for the store s3://shop.")
    assert "aws s3 mb" in found["advice"]
    monkeypatch.setattr(Store, "put_folder", refuse)
    assert "Create it, or check its name" in command.refuse("migrate")


def test_each_line_is_said_as_soon_as_it_is_known(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = list[str]()

    def looks(_stack: Any) -> None:
        assert [line for line in said if line.startswith("postgres")], "what came before was not said yet"
        raise NotReachable

    monkeypatch.setattr("cli.commands.doctor.schema", looks)
    monkeypatch.setattr("cli.commands.doctor.show", lambda one: said.append(one.what))
    CliRunner().invoke(app, ["doctor"], env=command.environment)
    assert said.index("installed") < said.index("postgres") < said.index("store")


def test_a_server_without_pgvector_is_told_as_migrate_tells_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise ServerTooOld("PostgreSQL has no pgvector; install 0.8.0 or newer on its machine")

    monkeypatch.setattr("cli.commands.doctor.require_new_enough", refuse)
    found = finding(command, "pgvector")
    assert found["verdict"] == "fault"
    assert "install 0.8.0 or newer on its machine" in found["says"]


def test_an_index_that_is_noted_and_not_there_is_a_fault(command: Command) -> None:
    command.rows(
        """INSERT INTO modiste.model_version (name, state, embedding_dim, manifest, index_built_at)
           VALUES ('m1', 'registered', 8, '{}', now())"""
    )
    found = finding(command, "index")
    assert found["verdict"] == "fault"
    assert "(all vectors)" in found["says"]


@pytest.mark.parametrize(("second", "verdict"), [(30.0, "ok"), (60.0, "warning")])
def test_workers_whose_leases_differ_are_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, second: float, verdict: str
) -> None:
    monkeypatch.setattr("cli.commands.doctor.leases_of_workers", lambda _: {"one@a": 30.0, "one@b": second})
    found = finding(command, "workers")
    assert found["verdict"] == verdict
    assert ("one@b with a lease of 60 s" in found["says"]) == (verdict == "warning")
    assert "the same MODISTE_LEASE_S" in (found["advice"] or "the same MODISTE_LEASE_S")


def test_what_piled_up_is_told_and_goes(command: Command) -> None:
    stray = command.store.put(Area.PHOTOS, b"of none")
    (path,) = Path(command.store.where).rglob(stray)
    os.utime(path, (1, path.stat().st_mtime - STRAY_AFTER_S - 60))
    told = json.loads(command.run("tidy", "--dry-run", "--json"))
    assert (told["files"]["photos"], told["bytes"], told["removed"]) == (1, 7, False)
    assert command.store.has_photo(stray)
    assert json.loads(command.run("tidy", "--json"))["files"]["photos"] == 1
    assert not command.store.has_photo(stray)
