"""A second version on the command line: backfilled, compared, activated where it has seen enough, and retired."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from db.batches import ContentRef
from db.engine import open_engine, transaction
from db.enrichments import Outcome
from db.models import register_model
from db.states import Reason
from tests.integration.db.conftest import Shop, open_shop

Command = Any  # conftest.py
DIM = 5
LISTINGS = "abcde"


@pytest.fixture
def shop(command: Command, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Five listings under v1, and v2 beside it. Files of models are tests/integration/cli/test_models.py's."""
    monkeypatch.setattr("worker.registration.check_registered", lambda *_: None)
    engine = open_engine(command.database_url)
    shop = open_shop(engine)
    shop.stock(*(shop.item(name, [1, place, 0], title=f"The {name}") for place, name in enumerate(LISTINGS)))
    with transaction(engine) as connection:
        register_model(connection, name="v2", embedding_dim=DIM, exclusive_groups=[], manifest={"version": "v2"})
    yield shop
    engine.dispose()


Work = Callable[..., None]


@pytest.fixture
def work(shop: Shop) -> Work:
    """Does what a worker does with the shards of a backfill; the first `lost` photos cannot be had."""

    def finish(*, lost: int = 0) -> None:
        seen = shop.seen([1.0] * DIM, categories={"Shirt": 0.9})
        for row in shop.rows("SELECT id FROM modiste.shard WHERE state = 'queued'"):
            lease = shop.take(row["id"])
            outcomes = [
                Outcome(photo_id=photo.id, reason=Reason.NOT_FOUND, detail="no bytes")
                if place < lost
                else Outcome(photo_id=photo.id, content=ContentRef(sha256=photo.sha256, size_bytes=1), seen=seen)
                for place, photo in enumerate(lease.photos)
            ]
            shop.finish(lease, outcomes)

    return finish


def run(command: Command, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["models", *arguments], env=command.environment)


def active(shop: Shop) -> str:
    return str(shop.one("SELECT name FROM modiste.model_version WHERE state = 'active'"))


def test_a_backfill_is_an_import_that_says_how_far_it_is(command: Command, work: Work) -> None:
    begun = json.loads(command.run("models", "backfill", "v2", "--json"))
    (one,) = begun["imports"]
    assert (one["lane"], one["photos_pending"], begun["coverage"]["covered"]) == ("backfill", 5, 0)
    assert "backfill of v2 over shop: paused" in command.run("pause", str(one["id"]))
    resting = command.run("models", "backfill", "v2")
    assert (f"modiste resume {one['id']}" in resting, "activate" in resting) == (True, False)
    resumed = command.run("resume", str(one["id"]))
    assert ("5 pending" in resumed, "rows" in resumed) == (True, False)
    assert "It is worked on" in command.run("models", "backfill", "v2")
    work()
    said = command.run("models", "backfill", "v2")
    assert "v2 has seen 5 of 5 photo contents (100 %)." in said
    assert "modiste models activate v2" in said
    assert "modiste models backfill v2" in command.refuse("retry", str(one["id"]))


def test_a_backfill_tells_what_it_could_not_have(command: Command, work: Work) -> None:
    command.run("models", "backfill", "v2")
    work(lost=1)
    listed = {version["name"]: version for version in json.loads(command.run("models", "--json"))}
    assert listed["v2"]["coverage"] == {
        "shown": 5, "covered": 4, "given_up": 1, "late": 0, "lacking": 0, "share": 0.8
    }  # fmt: skip
    assert listed["v1"]["coverage"]["share"] == 1.0
    assert "80 %" in command.run("models", "list")
    (lost,) = json.loads(command.run("models", "show", "v2", "--json"))["given_up"]
    assert (lost["catalogue"], lost["external_id"], lost["source"]) == ("shop", "a", "a/0")
    assert "Could not be had" in command.run("models", "show", "v2")
    assert "could not have 1 of the 5" in command.refuse("models", "activate", "v2")
    again = run(command, "backfill", "v2")
    assert (again.exit_code, "It is worked on" in again.output) == (0, True), "what was lost is tried again"
    work(lost=1)
    assert json.loads(command.run("models", "show", "v1", "--json"))["coverage"]["covered"] == 5


def test_what_has_not_seen_enough_is_active_by_force_alone_and_leaves_a_warning(
    command: Command, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    said = command.refuse("models", "activate", "v2")
    assert "model version v2 has seen 0 of the 5 photo contents" in said
    assert "modiste models backfill v2" in said
    assert active(shop) == "v1"
    with caplog.at_level(logging.WARNING):
        forced = command.run("models", "activate", "v2", "--force")
    assert "v2 is the active version" in forced
    assert "5 not seen yet; the others are missing from answers" in forced
    assert [record.levelname for record in caplog.records if "activated by force" in record.message] == ["WARNING"]
    assert active(shop) == "v2"
    caplog.clear()
    back = command.run("models", "rollback")
    assert ("Rolled back from v2." in back, "v1 is the active version" in back) == (True, True)
    assert caplog.records == []
    assert "model version v2 has seen 0 of the 5" in command.refuse("models", "rollback")
    assert "v2 is the active version" in command.run("models", "rollback", "--force")


def test_a_little_that_came_late_is_no_obstacle_and_much_is(command: Command, shop: Shop, work: Work) -> None:
    shop.stock(*(shop.item(f"more{place}", [1, place, 1]) for place in range(200)))
    command.run("models", "backfill", "v2")
    work()
    shop.stock(shop.item("late", [0, 1, 1]))
    assert "1 not seen yet" in command.run("models", "activate", "v2")
    command.run("models", "rollback")
    shop.stock(*(shop.item(f"later{place}", [0, place, 1]) for place in range(5)))
    assert "has seen 205 of the 211 photo contents" in command.refuse("models", "activate", "v2")


def test_a_large_catalogue_waits_for_the_index_which_a_backfill_builds(
    command: Command, shop: Shop, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.indexes.VECTORS_WORTH_AN_INDEX", 3)
    command.run("models", "backfill", "v2")
    work()
    assert "v2 has no index of its vectors yet" in command.refuse("models", "activate", "v2")
    assert json.loads(command.run("models", "backfill", "v2", "--json"))["indexed"]
    command.run("models", "activate", "v2")
    assert active(shop) == "v2"


def test_a_canary_tells_what_would_change(command: Command, work: Work) -> None:
    assert "there is no listing that both v1 and v2 have seen" in command.refuse("models", "canary", "v2")
    assert "compared with itself" in command.refuse("models", "canary", "v1")
    command.run("models", "backfill", "v2")
    work()
    said = command.run("models", "canary", "v2", "--sample", "2")
    for part in (
        "v2 instead of v1",
        "(2 listings asked)",
        "5 of 5 listings change theirs (100 %)",
        "Similar to",
        "The a",
    ):
        assert part in said
    found = json.loads(command.run("models", "canary", "v1", "--against", "v2", "--json"))
    assert found["flips"] == [{"before": "Shirt", "after": "Dress", "listings": 5}]
    assert (found["before"], found["asked"], found["recall"]) == ("v2", 5, None)
    for pair in found["side_by_side"]:
        assert pair["asked"] not in pair["after"]


def test_a_version_is_retired_by_who_says_yes(command: Command, shop: Shop, work: Work) -> None:
    command.run("models", "backfill", "v2")
    work()
    said = command.refuse("models", "retire", "v2")
    assert "deletes what v2 saw of 5 photo contents" in said
    assert "v1 is the active one" in command.refuse("models", "retire", "v1", "--yes")
    assert "v2 is retired" in command.run("models", "retire", "v2", "--yes")
    assert shop.one("SELECT count(DISTINCT model_version_id) FROM modiste.enrichment") == 1
    (listed,) = [one for one in json.loads(command.run("models", "--json")) if one["name"] == "v2"]
    assert (listed["state"], listed["photos"], listed["coverage"]) == ("retired", 0, None)
    assert "no model version v2" in command.refuse("models", "activate", "v2", "--force")
