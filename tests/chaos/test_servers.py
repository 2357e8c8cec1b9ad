"""Servers that go away and come back, messages that come thrice, imports that meet."""

import os
import shutil
import signal
import time
from typing import Any

import pytest

from broker import ENRICH_SHARD, make_app

Site = Any  # tests/chaos/conftest.py
pytestmark = pytest.mark.chaos


def kill(site: Site, program: str) -> int:
    """SIGKILL for every process of an embedded server that works in the site's home; how many there were."""
    killed = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            is_one = os.readlink(f"/proc/{entry}/exe").endswith(program)
            if is_one and os.readlink(f"/proc/{entry}/cwd").startswith(str(site.home)):
                os.kill(int(entry), signal.SIGKILL)
                killed += 1
        except OSError:  # it went by itself, or is not ours
            continue
    return killed


@pytest.mark.parametrize("wiped", [False, True], ids=["restarted", "wiped"])
def test_redis_may_die_in_the_middle_with_or_without_its_data(site: Site, wiped: bool) -> None:
    site.crew.add()
    site.begin()
    site.wait_for_photos(0.2)
    assert kill(site, "valkey-server")
    if wiped:
        shutil.rmtree(site.home / "valkey", ignore_errors=True)
    site.finish(f"Redis killed and {'wiped' if wiped else 'restarted'}", since=time.monotonic())
    assert site.crew.deaths == 0


def test_redis_may_die_before_anybody_works(site: Site) -> None:
    worker = site.begin_with_all_at_rest()
    assert kill(site, "valkey-server")
    shutil.rmtree(site.home / "valkey", ignore_errors=True)
    site.pair.ensure_running()
    os.kill(worker.pid, signal.SIGCONT)
    site.finish("Redis wiped with all messages waiting", since=time.monotonic())


def test_postgres_may_be_killed_in_the_middle(site: Site) -> None:
    site.crew.add()
    site.begin()
    site.wait_for_photos(0.2)
    assert kill(site, "postgres")
    site.finish("PostgreSQL killed and restarted", since=time.monotonic())


def test_every_connection_to_postgres_may_be_cut_again_and_again(site: Site) -> None:
    site.crew.add()
    site.begin()
    site.wait_for_photos(0.1)
    began = time.monotonic()
    for _ in range(5):
        site.ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        time.sleep(0.4)
    site.finish("all connections to PostgreSQL cut, five times", since=began)
    assert site.crew.deaths == 0


def test_a_message_may_come_three_times(site: Site) -> None:
    worker = site.begin_with_all_at_rest()
    app = make_app(site.pair.broker_url)
    shards = site.ask("SELECT array_agg(id) FROM modiste.shard")
    for shard_id in [*shards, *shards]:
        app.send_task(ENRICH_SHARD, args=(shard_id,), queue="bulk")
    site.crew.add()
    os.kill(worker.pid, signal.SIGCONT)
    site.finish("every message delivered three times", since=time.monotonic())
    assert site.ask("SELECT sum(photos_inferred) FROM modiste.import") == site.count


def test_two_imports_of_one_feed_at_once_make_each_enrichment_once(site: Site) -> None:
    site.crew.add()
    site.wait_for(site.has_worker)
    began = time.monotonic()
    both = [site.modiste("import", site.feed, "--catalogue", name) for name in ("shop", "other")]
    for process in both:
        says, _ = process.communicate(timeout=120)
        assert process.returncode == 0, says
    site.finish("two imports of one feed at once, into two catalogues", since=began, imports=2)


def test_two_imports_into_one_catalogue_at_once_make_each_listing_once(site: Site) -> None:
    site.crew.add()
    site.wait_for(site.has_worker)
    both = [site.modiste("import", site.feed, "--catalogue", "shop") for _ in range(2)]
    for process in both:
        says, _ = process.communicate(timeout=120)
        assert process.returncode == 0, says
    site.wait_for(lambda: site.ask("SELECT count(*) FROM modiste.import WHERE finished_at IS NOT NULL") == 2)
    assert site.ask("SELECT count(*) FROM modiste.listing") == site.count
    assert site.ask("SELECT sum(rows_new) FROM modiste.import") == site.count
    assert site.ask("SELECT sum(rows_unchanged) FROM modiste.import") == site.count
    assert site.ask("SELECT sum(photos_total) FROM modiste.import") == site.count
