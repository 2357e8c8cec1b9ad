"""Leases: who may work on a shard, who may write it, and what becomes of shards that nobody finishes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import transaction
from db.enrichments import Outcome
from db.errors import LeaseLost
from db.listings import ListingData
from db.shards import (
    SHARD_PHOTOS_MAX,
    SHARD_PHOTOS_MIN,
    forget_lost_messages,
    give_back,
    isolate_poison,
    keep_alive,
    make_shards,
    photos_per_shard,
    requeue_abandoned,
    take_unsent,
)
from db.states import ImportState, Lane, Reason, ShardState

Shop = Any  # the fixture's class, in conftest.py


def shard_of(shop: Shop, shard_id: int) -> dict[str, Any]:
    (row,) = shop.rows("SELECT * FROM modiste.shard WHERE id = :id", id=shard_id)
    return row


def expire(shop: Shop, shard_id: int) -> None:
    shop.rows("UPDATE modiste.shard SET lease_until = clock_timestamp() - interval '1 s' WHERE id = :id", id=shard_id)


def test_a_claim_hands_over_a_token_and_the_pending_photos_in_the_order_of_the_feed(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("b", "a", "c")
    lease = shop.take(shard)
    assert (lease.token, lease.attempt, lease.import_id, lease.lane) == (1, 1, import_id, Lane.BULK)
    assert [photo.source for photo in lease.photos] == ["b.jpg", "a.jpg", "c.jpg"]
    assert not any(photo.recognised for photo in lease.photos)


def test_a_shard_that_is_leased_cannot_be_claimed_again(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    shop.take(shard)
    assert shop.claim(shard, worker="bob") is None


def test_of_many_who_claim_at_once_one_gets_the_shard(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    with ThreadPoolExecutor(6) as workers:
        leases = list(workers.map(lambda _: shop.claim(shard), range(12)))
    assert sum(lease is not None for lease in leases) == 1


def test_a_shard_that_is_not_due_cannot_be_claimed(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    shop.rows("UPDATE modiste.shard SET not_before = clock_timestamp() + interval '1 h'")
    assert shop.claim(shard) is None
    shop.rows("UPDATE modiste.shard SET not_before = clock_timestamp()")
    assert shop.claim(shard) is not None


def test_who_lost_the_lease_to_another_writes_nothing(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    late = shop.take(shard, worker="ann")
    expire(shop, shard)
    newer = shop.take(shard, worker="bob")
    assert newer.token == late.token + 1
    with pytest.raises(LeaseLost):
        shop.finish(late)
    assert shop.one("SELECT count(*) FROM modiste.content") == 0
    assert shop.status(import_id).photos_enriched == 0
    shop.finish(newer)
    with pytest.raises(LeaseLost):
        shop.finish(late)
    assert shop.status(import_id).photos_enriched == 1


def test_a_late_writer_whom_nobody_replaced_may_still_write(shop: Shop) -> None:
    import_id, (first, second) = shop.plan("a", "b", photos_per_shard=1)
    late, requeued = shop.take(first), shop.take(second)
    expire(shop, first)
    shop.finish(late)
    expire(shop, second)
    with transaction(shop.engine) as connection:
        assert len(requeue_abandoned(connection)) == 1
    shop.finish(requeued)
    assert shop.status(import_id).state is ImportState.DONE
    assert shop.claim(second) is None


def test_a_shard_is_written_once_whoever_tries_again(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    shop.finish(lease)
    with pytest.raises(LeaseLost):
        shop.finish(lease)
    assert (shop.status(import_id).photos_enriched, shop.status(import_id).photos_inferred) == (1, 1)


def test_a_photo_without_an_outcome_is_refused_before_anything_is_written(shop: Shop) -> None:
    _, (shard,) = shop.plan("a", "b")
    lease = shop.take(shard)
    with pytest.raises(ValueError, match="without an outcome"):
        shop.finish(lease, shop.dresses(lease)[:1])
    assert shard_of(shop, shard)["state"] == ShardState.LEASED


def test_keeping_alive_prolongs_leases_and_names_those_that_others_have(shop: Shop) -> None:
    _, (mine, taken, split) = shop.plan("a", "b", "c", photos_per_shard=1)
    leases = [shop.take(shard, lease_s=1) for shard in (mine, taken, split)]
    before = shard_of(shop, mine)["lease_until"]
    expire(shop, taken)
    shop.take(taken, worker="bob")
    shop.rows("UPDATE modiste.shard SET state = 'split' WHERE id = :id", id=split)
    with transaction(shop.engine) as connection:
        assert keep_alive(connection, {(lease.shard_id, lease.token) for lease in leases}, lease_s=60) == {taken, split}
        assert keep_alive(connection, [], lease_s=60) == set()
    assert (shard_of(shop, mine)["lease_until"] - before).total_seconds() > 50


def test_keeping_alive_does_not_wait_for_a_shard_that_is_being_written(shop: Shop) -> None:
    _, (writing, other) = shop.plan("a", "b", photos_per_shard=1)
    held = [(lease.shard_id, lease.token) for lease in (shop.take(writing, lease_s=1), shop.take(other, lease_s=1))]
    before = shard_of(shop, other)["lease_until"]
    with transaction(shop.engine) as writer, transaction(shop.engine) as heart:
        writer.execute(text("SELECT FROM modiste.shard WHERE id = :id FOR UPDATE"), {"id": writing})
        heart.execute(text("SET LOCAL lock_timeout = '200ms'"))
        assert keep_alive(heart, held, lease_s=60) == set()
    assert (shard_of(shop, other)["lease_until"] - before).total_seconds() > 50
    assert shard_of(shop, writing)["lease_until"] <= before


@pytest.mark.parametrize(("error", "attempts"), [(None, 0), ("out of memory", 1)])
def test_giving_a_shard_back_counts_the_attempt_only_with_an_error(shop: Shop, error: str, attempts: int) -> None:
    _, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    with transaction(shop.engine) as connection:
        take_unsent(connection)
        assert give_back(connection, lease, error=error, delay_s=0)
        assert not give_back(connection, lease, error=error)
    after = shard_of(shop, shard)
    assert (after["state"], after["attempt"], after["error"]) == (ShardState.QUEUED, attempts, error)
    assert (after["worker"], after["lease_until"], after["sent_at"]) == (None, None, None)


def test_a_shard_given_back_with_a_delay_waits_for_it(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    with transaction(shop.engine) as connection:
        assert give_back(connection, lease, error="no route to host", delay_s=60)
    assert shop.claim(shard) is None
    with transaction(shop.engine) as connection:
        assert take_unsent(connection) == []


def test_who_lost_the_lease_cannot_give_it_back(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    late = shop.take(shard)
    expire(shop, shard)
    shop.take(shard, worker="bob")
    with transaction(shop.engine) as connection:
        assert not give_back(connection, late)
    assert shard_of(shop, shard)["worker"] == "bob"


def test_shards_of_vanished_workers_return_to_the_queue_and_are_sent_again(shop: Shop) -> None:
    _, (gone, alive) = shop.plan("a", "b", photos_per_shard=1)
    with transaction(shop.engine) as connection:
        assert [shard for shard, _ in take_unsent(connection)] == [gone, alive]
    shop.take(gone)
    shop.take(alive)
    expire(shop, gone)
    with transaction(shop.engine) as connection:
        assert len(requeue_abandoned(connection)) == 1
        assert take_unsent(connection) == [(gone, Lane.BULK)]
    assert shard_of(shop, gone)["attempt"] == 1
    assert shard_of(shop, alive)["state"] == ShardState.LEASED


def test_a_sweep_passes_over_a_shard_that_a_late_worker_is_writing(shop: Shop) -> None:
    _, (shard,) = shop.plan("a")
    shop.take(shard)
    expire(shop, shard)
    with transaction(shop.engine) as writer, transaction(shop.engine) as sweeper:
        writer.execute(text("SELECT FROM modiste.shard FOR UPDATE"))
        assert len(requeue_abandoned(sweeper)) == 0


def test_a_due_shard_is_sent_once_until_its_message_is_known_to_be_lost(shop: Shop) -> None:
    _, shards = shop.plan("a", "b", photos_per_shard=1)
    with transaction(shop.engine) as connection:
        assert take_unsent(connection, limit=1) == [(shards[0], Lane.BULK)]
        assert take_unsent(connection) == [(shards[1], Lane.BULK)]
        assert take_unsent(connection) == []
    shop.take(shards[0])
    with transaction(shop.engine) as connection:
        assert forget_lost_messages(connection, Lane.INTERACTIVE, older_than_s=0) == 0
        assert forget_lost_messages(connection, Lane.BULK, older_than_s=3600) == 0
        assert forget_lost_messages(connection, Lane.BULK, older_than_s=0, only=[shards[0]]) == 0
        assert forget_lost_messages(connection, Lane.BULK, older_than_s=0) == 1
        assert take_unsent(connection) == [(shards[1], Lane.BULK)]


def test_shards_are_of_about_equal_size_and_hold_each_photo_once(shop: Shop) -> None:
    import_id = shop.begin()
    with transaction(shop.engine) as connection:
        made = make_shards(
            connection,
            import_id=import_id,
            model_version_id=shop.version,
            lane=Lane.BULK,
            photo_ids=range(1, 102),
            photos_per_shard=50,
        )
    cut = [shard_of(shop, shard)["photo_ids"] for shard in made]
    assert [len(photos) for photos in cut] == [34, 34, 33]
    assert list(chain(*cut)) == list(range(1, 102))


@pytest.mark.parametrize(
    ("photos", "work_s", "expected"),
    [(0, 0, 256), (10, 1000.0, SHARD_PHOTOS_MIN), (100, 2.5, 200), (1000, 0.01, SHARD_PHOTOS_MAX)],
)
def test_a_shard_is_about_five_seconds_of_work_within_bounds(
    shop: Shop, photos: int, work_s: float, expected: int
) -> None:
    import_id = shop.begin()
    if photos:
        shop.rows(
            """
            INSERT INTO modiste.shard (import_id, model_version_id, lane, state, photo_ids, work_s)
            VALUES (:import_id, :version, 'bulk', 'done', array_fill(1::bigint, ARRAY[:photos]), :work_s)
            """,
            import_id=import_id,
            version=shop.version,
            photos=photos,
            work_s=work_s,
        )
    with transaction(shop.engine) as connection:
        assert photos_per_shard(connection, shop.version) == expected


def crash_on(shop: Shop, culprit: str) -> int:
    """Works like workers that the photo `culprit` kills, until nothing is left; the number of kills."""
    kills = 0
    for _ in range(100):
        queued = [row["id"] for row in shop.rows("SELECT id FROM modiste.shard WHERE state = 'queued' ORDER BY id")]
        if not queued:
            return kills
        for lease in map(shop.take, queued):
            if any(photo.source == culprit for photo in lease.photos):
                kills += 1
                expire(shop, lease.shard_id)
            else:
                shop.finish(lease)
        with transaction(shop.engine) as connection:
            requeue_abandoned(connection)
            isolate_poison(connection)
    raise AssertionError("the shards never end")


def test_a_photo_that_kills_its_worker_ends_alone_in_quarantine_after_few_kills(shop: Shop) -> None:
    names = [f"n{number}" for number in range(300)]
    import_id, _ = shop.plan(*names)
    kills = crash_on(shop, "n217.jpg")
    assert kills <= 6  # 2 as one shard of 300, then 38, 5, 1 and the last try alone
    status = shop.status(import_id)
    assert (status.photos_enriched, status.photos_quarantined, status.photos_pending) == (299, 1, 0)
    assert status.state is ImportState.DONE
    assert shop.rows("SELECT source, reason, detail FROM modiste.photo WHERE state = 'quarantined'") == [
        {"source": "n217.jpg", "reason": Reason.CRASHED_WORKER, "detail": "the worker vanished"}
    ]


def test_an_import_ends_when_its_last_photo_is_quarantined_for_killing_workers(shop: Shop) -> None:
    import_id, _ = shop.plan("only")
    assert crash_on(shop, "only.jpg") == 3
    status = shop.status(import_id)
    assert (status.state, status.photos_quarantined) == (ImportState.DONE, 1)
    assert status.finished_at is not None


def test_a_suspect_shard_is_split_into_eight_that_hold_exactly_its_photos(shop: Shop) -> None:
    _, (shard,) = shop.plan(*(f"n{number}" for number in range(20)))
    shop.rows("UPDATE modiste.shard SET attempt = 2")
    with transaction(shop.engine) as connection:
        assert isolate_poison(connection) == 1
    parts = shop.rows("SELECT photo_ids, attempt FROM modiste.shard WHERE state = 'queued' ORDER BY id")
    assert [len(part["photo_ids"]) for part in parts] == [3, 3, 3, 3, 3, 3, 2]
    assert list(chain(*(part["photo_ids"] for part in parts))) == shard_of(shop, shard)["photo_ids"]
    assert shard_of(shop, shard)["state"] == ShardState.SPLIT
    assert {part["attempt"] for part in parts} == {1}


def test_work_on_a_shard_that_was_split_meanwhile_is_dropped(shop: Shop) -> None:
    _, (shard,) = shop.plan("a", "b")
    shop.rows("UPDATE modiste.shard SET attempt = 1")
    lease = shop.take(shard)
    expire(shop, shard)
    with transaction(shop.engine) as connection:
        requeue_abandoned(connection)
        isolate_poison(connection)
    with pytest.raises(LeaseLost):
        shop.finish(lease)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Starts all jobs at the same moment; their results, or the first error."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        start.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def test_writers_of_the_same_contents_and_listings_in_opposite_order_do_not_block_each_other(shop: Shop) -> None:
    names = [f"n{number}" for number in range(40)]
    shop.plan(*names)
    for turn in range(8):
        import_id = shop.begin()
        photos = [shop.photo(name, f"{name} {turn} {side}") for side in ("front", "back") for name in names]
        _, shards = shop.write(import_id, photos=photos, photos_per_shard=40)
        shop.end_planning(import_id)
        leases = [shop.take(shard) for shard in shards]
        ahead, back = (
            [
                Outcome(photo_id=p.id, content=shop.content(p.source.rsplit(" ", 1)[0]), seen=shop.seen())
                for p in lease.photos
            ]
            for lease in leases
        )
        at_once(partial(shop.finish, leases[0], ahead), partial(shop.finish, leases[1], back[::-1]))
        status = shop.status(import_id)
        assert (status.photos_enriched, status.photos_pending, status.state) == (80, 0, ImportState.DONE)
    assert shop.one("SELECT count(*) FROM modiste.enrichment") == 8 * 40
    assert shop.one(f"SELECT count(*) FROM modiste.embedding_{shop.version}") == 8 * 40


def test_a_planner_and_a_worker_on_the_same_contents_and_listings_do_not_block_each_other(shop: Shop) -> None:
    for turn in range(8):
        names = [f"{turn} {number}" for number in range(60)]
        import_id, (shard,) = shop.plan(*names)
        lease = shop.take(shard)
        # The next import says something new of every listing, backwards, and half of the photos changed into bytes
        # that the worker is writing just now.
        changed = names[::-2]
        rewrite = partial(
            shop.write,
            next_import := shop.begin(),
            listings=[ListingData(external_id=name, title="new") for name in names[::-1]],
            photos=[shop.photo(name, validator="2", content=shop.content(f"{name}.jpg")) for name in changed],
            replaced=[shop.known_photo(name) for name in changed],
        )
        _, (_, shards) = at_once(partial(shop.finish, lease), rewrite)
        shop.end_planning(next_import)
        for later in shards:
            shop.finish(shop.take(later))
        before, after = shop.status(import_id), shop.status(next_import)
        assert (before.state, before.photos_enriched + before.photos_cancelled) == (ImportState.DONE, 60)
        assert (after.state, after.photos_enriched) == (ImportState.DONE, 30)
