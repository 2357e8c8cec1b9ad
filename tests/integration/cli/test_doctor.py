"""`modiste doctor` on what is lost, and `modiste tidy` on what has piled up."""

import json
import os
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import app
from store import Area
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
        assert "1 of 2 photos looked for are gone" in found["says"]
        assert names[1] in found["says"]
        assert "restore its backup, or import the feeds again with --refetch" in found["advice"]


def test_a_store_that_holds_no_model_of_the_registry_is_a_fault(command: Command) -> None:
    command.rows(
        "INSERT INTO modiste.model_version (name, state, embedding_dim, manifest) VALUES ('m1', 'registered', 8, '{}')"
    )
    found = finding(command, "files")
    assert found["verdict"] == "fault"
    assert "m1" in found["says"]


def test_an_index_that_is_noted_and_not_there_is_a_fault(command: Command) -> None:
    command.rows(
        """INSERT INTO modiste.model_version (name, state, embedding_dim, manifest, index_built_at)
           VALUES ('m1', 'registered', 8, '{}', now())"""
    )
    found = finding(command, "index")
    assert found["verdict"] == "fault"
    assert "(all vectors)" in found["says"]


def test_what_piled_up_is_told_and_goes(command: Command) -> None:
    stray = command.store.put(Area.PHOTOS, b"of none")
    (path,) = Path(command.store.where).rglob(stray)
    os.utime(path, (1, path.stat().st_mtime - STRAY_AFTER_S - 60))
    told = json.loads(command.run("tidy", "--dry-run", "--json"))
    assert (told["files"]["photos"], told["bytes"], told["removed"]) == (1, 7, False)
    assert command.store.has_photo(stray)
    assert json.loads(command.run("tidy", "--json"))["files"]["photos"] == 1
    assert not command.store.has_photo(stray)
