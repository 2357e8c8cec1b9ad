"""What a person decides about imports, and what they read of the quarantine, on servers of their own."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from db.engine import open_engine
from db.enrichments import Outcome
from db.listings import ListingData
from db.states import Reason
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # conftest.py


@pytest.fixture
def shop(command: Command) -> Any:
    engine = open_engine(command.database_url)
    yield open_shop(engine)
    engine.dispose()


@pytest.fixture
def planned(shop: Shop) -> tuple[int, list[int]]:
    """An import of three listings with a photo each, in a shard each."""
    import_id = shop.begin()
    names = ("=1+1", "b", "c")
    _, shards = shop.write(
        import_id,
        listings=[ListingData(external_id=name, title=f"The {name}") for name in names],
        photos=[shop.photo(name, f"https://u:secret@img.example/{name}.jpg?sig=secret") for name in names],
        photos_per_shard=1,
    )
    shop.end_planning(import_id)
    return import_id, shards


@pytest.fixture
def quarantined(shop: Shop, planned: tuple[int, list[int]]) -> int:
    import_id, shards = planned
    for shard, reason in zip(shards, (Reason.TIMEOUT, Reason.DAMAGED, Reason.DAMAGED), strict=True):
        lease = shop.take(shard)
        shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, reason=reason, detail="so it was")])
    return import_id


def test_an_import_is_paused_resumed_and_cancelled(
    command: Command, shop: Shop, planned: tuple[int, list[int]]
) -> None:
    import_id, shards = planned
    assert ": paused" in command.run("pause", str(import_id))
    assert "paused" in command.run("status")
    followed = CliRunner().invoke(app, ["status", str(import_id), "--watch"], env=command.environment)
    assert (followed.exit_code, f"modiste resume {import_id}" in followed.output) == (0, True), "it does not hang"
    assert json.loads(command.run("resume", str(import_id), "--json"))["paused_at"] is None
    shop.finish(shop.take(shards[0]))
    cancelled = json.loads(command.run("cancel", str(import_id), "--json"))
    assert (cancelled["state"], cancelled["photos_enriched"], cancelled["photos_cancelled"]) == ("cancelled", 1, 2)
    assert f"import {import_id} is cancelled; it cannot be paused" in command.refuse("pause", str(import_id))
    assert "there is no import 99" in command.refuse("cancel", "99")


def test_the_quarantine_is_counted_listed_and_explained(command: Command, quarantined: int) -> None:
    said = json.loads(command.run("quarantine", "list", "--import", str(quarantined), "--limit", "1", "--json"))
    assert said["reasons"] == {"damaged": 2, "timeout": 1}
    (photo,) = said["photos"]
    assert (photo["external_id"], photo["source"]) == ("=1+1", "https://img.example/=1+1.jpg?sig=***")
    listed = command.run("quarantine", "list", "--reason", "damaged")
    assert "Photos in quarantine (2 of 2)" in listed
    shown = command.run("quarantine", "show", str(photo["photo_id"]))
    assert "secret" not in shown
    assert f"Then: modiste retry {quarantined}" in shown
    assert "there is no catalogue shoop" in command.refuse("quarantine", "list", "--catalogue", "shoop")
    assert "there is no photo 99" in command.refuse("quarantine", "show", "99")


def test_the_quarantine_is_exported_whole_and_runs_no_formula(
    command: Command, quarantined: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.quarantine.PAGE", 2)
    table, lines = tmp_path / "q.csv", tmp_path / "q.jsonl"
    command.run("quarantine", "export", table, "--import", str(quarantined))
    assert json.loads(command.run("quarantine", "export", lines, "--reason", "damaged", "--json"))["photos"] == 2
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["external_id"] for row in rows] == ["'=1+1", "b", "c"]
    documents = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(row["external_id"], row["reason"]) for row in documents] == [("b", "damaged"), ("c", "damaged")]
    assert documents[0] == {
        name: json.loads(value) if isinstance(documents[0][name], int) else value for name, value in rows[1].items()
    }
    assert "secret" not in table.read_text() + lines.read_text()
    assert "name it .csv" in command.refuse("quarantine", "export", tmp_path / "q.xlsx")
    assert sorted(path.name for path in tmp_path.glob("*q.*")) == ["q.csv", "q.jsonl"]


def test_the_quarantine_is_played_again_and_what_stays_is_said(command: Command, shop: Shop, quarantined: int) -> None:
    done = CliRunner().invoke(app, ["retry", str(quarantined)], env=command.environment)
    assert "Photos played again: 1." in done.output
    assert "Left in quarantine, as their reason will not pass by itself: 2 (2 damaged)." in done.output
    assert done.exit_code == 3, "photos are in quarantine still"
    shop.finish(shop.take(shop.one("SELECT id FROM modiste.shard WHERE state = 'queued'")))
    named = CliRunner().invoke(app, ["retry", str(quarantined), "--reason", "damaged"], env=command.environment)
    assert ("Photos played again: 2." in named.output, named.exit_code) == (True, 0)
