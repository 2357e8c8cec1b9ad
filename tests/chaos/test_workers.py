"""Workers that are killed, that sleep past their lease, that go deaf, and photos that kill them."""

import os
import signal
import time
from typing import Any

import pytest

Site = Any  # tests/chaos/conftest.py


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("while-fetching", marks=pytest.mark.chaos),
        pytest.param("while-inferring", marks=pytest.mark.chaos),
        "before-commit",
        pytest.param("after-commit", marks=pytest.mark.chaos),
    ],
)
def test_a_worker_killed_at_this_moment_costs_its_lease_and_nothing_else(site: Site, moment: str) -> None:
    site.crew.add(moment)
    site.begin()
    began = time.monotonic()
    site.finish(f"worker killed {moment.replace('-', ' ')}", since=began)
    assert (site.state / "struck").exists()
    assert site.crew.deaths == 1


@pytest.mark.chaos
def test_a_worker_that_wakes_after_its_lease_is_refused_by_its_token(site: Site) -> None:
    sleeper = site.crew.add()
    site.begin()
    site.wait_for(lambda: site.ask("SELECT count(*) FROM modiste.shard WHERE state = 'leased'"))
    os.kill(sleeper.pid, signal.SIGSTOP)
    began = time.monotonic()
    site.crew.add()
    site.wait_for(lambda: (site.ask("SELECT max(token) FROM modiste.shard WHERE state <> 'queued'") or 0) > 1)
    os.kill(sleeper.pid, signal.SIGCONT)
    site.finish("worker stopped past its lease, then awake", since=began)
    assert site.crew.deaths == 0


@pytest.mark.chaos
def test_a_worker_that_no_longer_consumes_is_noticed_and_replaced(site: Site) -> None:
    site.crew.add("deaf")
    site.begin()
    site.finish("worker alive, taking no messages", since=time.monotonic())
    assert site.crew.deaths == 1
    assert "none is taken" in site.log()


@pytest.mark.chaos
@pytest.mark.parametrize("poisonous", [1, 3])
def test_photos_that_kill_whoever_decodes_them_are_found_and_the_rest_is_enriched(site: Site, poisonous: int) -> None:
    digests = site.digests()
    (site.state / "poison").write_text("\n".join(digests[:: max(1, len(digests) // poisonous)][:poisonous]))
    site.crew.add("poison", again=True)
    site.begin()
    began = time.monotonic()
    site.finish(f"{poisonous} photo(s) kill whoever decodes them, always", since=began, quarantined=poisonous)
    assert site.ask("SELECT count(*) FROM modiste.photo WHERE reason = 'crashed_worker'") == poisonous


@pytest.mark.chaos
def test_a_photo_that_breaks_the_engine_for_good_is_found_and_each_time_the_worker_is_replaced(site: Site) -> None:
    (site.state / "poison").write_text(site.digests()[0])
    site.crew.add("poison-engine", again=True)
    site.begin()
    began = time.monotonic()
    site.finish("1 photo(s) break the engine for good, always", since=began, quarantined=1)
    assert site.ask("SELECT count(*) FROM modiste.photo WHERE reason = 'crashed_worker'") == 1
    assert "the engine fails on a blank photo too" in site.log()


@pytest.mark.chaos
def test_two_workers_share_an_import_and_look_at_each_photo_once(site: Site) -> None:
    site.crew.add()
    site.crew.add()
    site.begin()
    site.finish("none: two workers", since=time.monotonic())
    assert site.ask("SELECT sum(photos_inferred) FROM modiste.import") == site.count


@pytest.mark.chaos
def test_a_clock_that_jumps_two_hours_on_and_four_back_changes_nothing(site: Site) -> None:
    site.crew.add("clock-jumps")
    site.begin()
    site.finish("the worker's clock jumps +2 h, then -4 h", since=time.monotonic())
    assert site.crew.deaths == 0


@pytest.mark.chaos
def test_a_store_without_room_is_waited_for_and_no_photo_is_blamed(site: Site) -> None:
    site.crew.add("full-disk")
    site.begin()
    site.finish("the store's disk is full for 6 s", since=time.monotonic())
    assert (site.state / "struck").exists()
