"""Pausing, resuming, cancelling and playing again: the counts add up, whoever works on the import at that moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from db.control import (
    begin_cancelling,
    finish_cancelling,
    half_cancelled,
    pause_import,
    play_again,
    resume_import,
)
from db.engine import transaction
from db.enrichments import Outcome
from db.errors import ImportCancelled, ImportFinished, LeaseLost, UnknownImport
from db.imports import photos_waiting, unfinished_imports
from db.listings import ListingData
from db.models import activate_model, register_model
from db.plans import HandedIn, claim_plan, hand_in, take_plan_fence
from db.shards import give_back, isolate_poison, keep_alive, requeue_abandoned, settle_pauses, take_unsent
from db.states import ImportState, Reason, ShardState

Shop = Any  # the fixture's class, in conftest.py


def pause(shop: Shop, import_id: int) -> None:
    with transaction(shop.engine) as connection:
        pause_import(connection, import_id)


def resume(shop: Shop, import_id: int) -> None:
    with transaction(shop.engine) as connection:
        resume_import(connection, import_id)


def cancel(shop: Shop, import_id: int) -> list[str]:
    with transaction(shop.engine) as connection:
        files = begin_cancelling(connection, import_id)
    finish_cancelling(shop.engine, import_id)
    return files


def states(shop: Shop, table: str = "shard") -> dict[str, int]:
    return {row["state"]: row["n"] for row in shop.rows(f"SELECT state, count(*) AS n FROM modiste.{table} GROUP BY 1")}


def unsent(shop: Shop) -> list[int]:
    with transaction(shop.engine) as connection:
        return [shard for shard, _ in take_unsent(connection)]


def expire(shop: Shop) -> None:
    shop.rows("UPDATE modiste.shard SET lease_until = clock_timestamp() - interval '1 s' WHERE state = 'leased'")


def counts(shop: Shop, import_id: int) -> tuple[int, int, int, int]:
    """Photos enriched, quarantined, cancelled and pending by the counters; the tables must say the same."""
    status = shop.status(import_id)
    (row,) = shop.rows(
        """
        SELECT count(*) FILTER (WHERE state = 'enriched') AS enriched,
               count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
               count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
               count(*) FILTER (WHERE state = 'pending') AS pending
        FROM modiste.photo WHERE import_id = :id
        """,
        id=import_id,
    )
    counted = status.photos_enriched, status.photos_quarantined, status.photos_cancelled, status.photos_pending
    assert counted == tuple(row.values())
    return counted


def test_a_paused_import_hands_out_nothing_and_what_workers_hold_is_finished(shop: Shop) -> None:
    import_id, (held, waiting) = shop.plan("a", "b", photos_per_shard=1)
    other, (elsewhere,) = shop.plan("c")
    lease = shop.take(held)
    pause(shop, import_id)
    pause(shop, import_id)
    assert shop.claim(waiting) is None
    assert unsent(shop) == [elsewhere]
    with transaction(shop.engine) as connection:
        assert keep_alive(connection, [(lease.shard_id, lease.token)], lease_s=60) == set()
        assert unfinished_imports(connection) == [other]
        assert photos_waiting(connection) == 1
    shop.finish(lease)
    assert counts(shop, import_id) == (1, 0, 0, 1)
    assert (shop.status(import_id).shown_state, shop.status(import_id).state) == ("paused", ImportState.RUNNING)

    resume(shop, import_id)
    resume(shop, import_id)
    assert unsent(shop) == [waiting], "it is sent again, though it was sent before"
    shop.finish(shop.take(waiting))
    assert (shop.status(import_id).shown_state, counts(shop, import_id)) == ("done", (2, 0, 0, 0))


def test_an_import_that_ends_while_it_rests_rests_no_more(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    pause(shop, import_id)
    shop.finish(lease)
    assert (shop.status(import_id).state, shop.status(import_id).paused_at) == (ImportState.DONE, None)


def test_an_import_rests_no_longer_when_another_has_taken_over_all_that_was_left_of_it(shop: Shop) -> None:
    import_id, _ = shop.plan("a")
    pause(shop, import_id)
    known = shop.known_photo("a", "a.jpg")
    shop.write(shop.begin(), photos=[shop.photo("a", known.source, validator="2")], replaced=[known])
    assert (shop.status(import_id).shown_state, shop.status(import_id).photos_pending) == ("paused", 0)
    with transaction(shop.engine) as connection:
        settle_pauses(connection)
    for shard_id in unsent(shop):
        shop.finish(shop.take(shard_id))
    assert (shop.status(import_id).shown_state, shop.status(import_id).photos_cancelled) == ("done", 1)


def plan_more(shop: Shop, import_id: int, lease: Any) -> None:
    shop.write(import_id, listings=[ListingData(external_id="new")], photos=[shop.photo("new")])
    give_away(shop, import_id, lease)


def give_away(shop: Shop, import_id: int, lease: Any) -> None:
    with transaction(shop.engine) as connection:
        give_back(connection, lease, error="no engine")


def try_later(shop: Shop, import_id: int, lease: Any) -> None:
    shop.finish(lease, [Outcome(photo_id=photo.id, retry_in_s=0) for photo in lease.photos])


def vanish(shop: Shop, import_id: int, lease: Any) -> None:
    expire(shop)
    assert shop.claim(lease.shard_id) is None, "not even where its lease ran out"
    with transaction(shop.engine) as connection:
        assert len(requeue_abandoned(connection)) == 1


@pytest.mark.parametrize("meanwhile", [plan_more, give_away, try_later, vanish])
def test_whatever_would_be_queued_of_an_import_that_rests_rests_too(
    shop: Shop, meanwhile: Callable[[Shop, int, Any], None]
) -> None:
    import_id, (shard,) = shop.plan("a", "b")
    lease = shop.take(shard)
    pause(shop, import_id)
    meanwhile(shop, import_id, lease)
    assert states(shop).keys() <= {ShardState.PAUSED, ShardState.DONE}
    resume(shop, import_id)
    for waiting in unsent(shop):
        shop.finish(shop.take(waiting))
    assert counts(shop, import_id)[1:] == (0, 0, 0)
    assert shop.status(import_id).state is ImportState.DONE


def test_a_late_writer_may_write_though_its_shard_came_back_and_rests(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    late = shop.take(shard)
    pause(shop, import_id)
    vanish(shop, import_id, late)
    shop.finish(late)
    assert shop.status(import_id).state is ImportState.DONE


def test_shards_that_missed_a_pause_or_its_end_are_put_right_by_the_sweep(shop: Shop) -> None:
    resting, (missed,) = shop.plan("a")
    _, (slept,) = shop.plan("b")
    pause(shop, resting)
    shop.rows("UPDATE modiste.shard SET state = 'queued' WHERE id = :id", id=missed)
    shop.rows("UPDATE modiste.shard SET state = 'paused' WHERE id = :id", id=slept)
    assert shop.claim(missed) is None
    with transaction(shop.engine) as writer, transaction(shop.engine) as sweeper:
        writer.execute(text("SELECT FROM modiste.shard WHERE id = :id FOR UPDATE"), {"id": slept})
        assert settle_pauses(sweeper) == 1, "what is locked is left to the next pass"
    with transaction(shop.engine) as connection:
        assert settle_pauses(connection) == 1
        assert settle_pauses(connection) == 0
    assert unsent(shop) == [slept]


def test_a_cancelled_import_keeps_what_was_done_and_does_no_more(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.control.SHARDS_AT_ONCE", 2)
    import_id, shards = shop.plan(*"abcdefg", photos_per_shard=1)
    shop.finish(shop.take(shards[0]))
    lease = shop.take(shards[1])
    pause(shop, import_id)
    assert cancel(shop, import_id) == []
    assert counts(shop, import_id) == (1, 0, 6, 0)
    status = shop.status(import_id)
    assert (status.state, status.finished, status.paused_at) == (ImportState.CANCELLED, True, None)
    assert status.finished_at is not None
    assert states(shop) == {ShardState.DONE: 1, ShardState.CANCELLED: 6}
    with transaction(shop.engine) as connection:
        assert keep_alive(connection, [(lease.shard_id, lease.token)], lease_s=60) == {lease.shard_id}
        assert not give_back(connection, lease)
    with pytest.raises(LeaseLost):
        shop.finish(lease)
    assert cancel(shop, import_id) == [], "once more does no harm"
    assert counts(shop, import_id) == (1, 0, 6, 0)
    assert shop.one("SELECT count(*) FROM modiste.listing_enrichment") == 1


@pytest.mark.parametrize("act", [pause, resume, cancel])
def test_an_import_that_is_over_says_so(shop: Shop, act: Callable[[Shop, int], object]) -> None:
    import_id, (shard,) = shop.plan("a")
    shop.finish(shop.take(shard))
    with pytest.raises(ImportFinished, match=f"import {import_id} is done"):
        act(shop, import_id)
    with pytest.raises(UnknownImport):
        act(shop, 999)


@pytest.mark.parametrize("act", [pause, resume])
def test_a_cancelled_import_neither_rests_nor_goes_on(shop: Shop, act: Callable[[Shop, int], object]) -> None:
    import_id, _ = shop.plan("a")
    with transaction(shop.engine) as connection:
        begin_cancelling(connection, import_id)
    with pytest.raises(ImportFinished, match="cancelled"):
        act(shop, import_id)


def test_a_planner_stops_at_its_next_batch_and_that_batch_is_not_there(shop: Shop) -> None:
    import_id = shop.begin()
    shop.write(import_id, listings=[ListingData(external_id="a")], photos=[shop.photo("a")])
    cancel(shop, import_id)
    with pytest.raises(ImportCancelled, match=str(import_id)):
        shop.write(import_id, listings=[ListingData(external_id="b")], photos=[shop.photo("b")])
    shop.end_planning(import_id)
    assert counts(shop, import_id) == (0, 0, 1, 0)
    status = shop.status(import_id)
    assert (status.state, status.rows, status.error) == (
        ImportState.CANCELLED,
        1,
        "cancelled before the end of its feed",
    )
    assert shop.one("SELECT count(*) FROM modiste.listing") == 1


def test_a_feed_that_was_handed_in_is_dropped_with_its_files(shop: Shop) -> None:
    import_id = shop.begin()
    with transaction(shop.engine) as connection:
        hand_in(connection, import_id, HandedIn(feed_file="f", photos_file="p", columns={}))
        lease = claim_plan(connection, import_id, lease_s=60)
    assert lease is not None
    assert cancel(shop, import_id) == ["f", "p"]
    assert shop.status(import_id).finished
    with transaction(shop.engine) as connection, pytest.raises(ImportCancelled):
        take_plan_fence(connection, lease)


def test_whoever_cancels_may_die_and_the_sweep_finds_what_is_left(shop: Shop) -> None:
    import_id, _ = shop.plan("a", "b", photos_per_shard=1)
    with transaction(shop.engine) as connection:
        begin_cancelling(connection, import_id)
    assert not shop.status(import_id).finished
    with transaction(shop.engine) as connection:
        assert half_cancelled(connection) == [import_id]
        assert photos_waiting(connection) == 0
    finish_cancelling(shop.engine, import_id)
    with transaction(shop.engine) as connection:
        assert half_cancelled(connection) == []


def test_workers_planner_and_who_cancels_do_not_block_each_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.control.SHARDS_AT_ONCE", 3)
    for turn in range(5):
        import_id = shop.begin()
        names = [f"{turn} {number}" for number in range(40)]
        _, shards = shop.write(
            import_id,
            listings=[ListingData(external_id=name) for name in names],
            photos=[shop.photo(name) for name in names],
            photos_per_shard=2,
        )
        leases = [shop.take(shard) for shard in shards[::2]]

        def work(some: list[Any]) -> None:
            for lease in some:
                try:
                    later = [Outcome(photo_id=lease.photos[0].id, retry_in_s=0), *shop.dresses(lease)[1:]]
                    shop.finish(lease, later if lease.shard_id % 3 else None)
                except LeaseLost:
                    return

        def read_on(import_id: int = import_id, turn: int = turn) -> None:
            for number in range(20):
                try:
                    data = ListingData(external_id=f"{turn} more {number}")
                    shop.write(import_id, listings=[data], photos=[shop.photo(data.external_id)])
                except ImportCancelled:
                    return

        with ThreadPoolExecutor(5) as people:
            jobs = [
                people.submit(work, leases[::2]),
                people.submit(read_on),
                people.submit(cancel, shop, import_id),
                people.submit(work, leases[1::2]),
                people.submit(finish_cancelling, shop.engine, import_id),
            ]
            for job in jobs:
                job.result()
        finish_cancelling(shop.engine, import_id)
        enriched, _, cancelled, pending = counts(shop, import_id)
        assert (pending, enriched + cancelled) == (0, shop.status(import_id).photos_total)
        assert shop.status(import_id).finished_at is not None
    assert states(shop).keys() <= {ShardState.DONE, ShardState.CANCELLED}


@pytest.fixture
def quarantined(shop: Shop) -> int:
    """An import that is done: a photo enriched, and in quarantine one by timeout, one damaged, one without its file."""
    import_id = shop.begin()
    sources = {name: f"https://img.example/{name}.jpg" for name in ("good", "slow", "broken")} | {"lost": "lost.jpg"}
    _, (shard,) = shop.write(
        import_id,
        listings=[ListingData(external_id=name) for name in sources],
        photos=[shop.photo(name, source) for name, source in sources.items()],
    )
    shop.end_planning(import_id)
    lease = shop.take(shard)
    reasons = {"slow": Reason.TIMEOUT, "broken": Reason.DAMAGED, "lost": Reason.TIMEOUT}
    outcomes = [
        Outcome(photo_id=photo.id, reason=reasons[name], detail="so it was")
        if (name := next(name for name, source in sources.items() if source == photo.source)) in reasons
        else done
        for photo, done in zip(lease.photos, shop.dresses(lease), strict=True)
    ]
    shop.finish(lease, outcomes)
    assert shop.status(import_id).state is ImportState.DONE
    return import_id


def test_photos_whose_reason_may_pass_are_played_again(shop: Shop, quarantined: int) -> None:
    played = play_again(shop.engine, quarantined)
    assert (played.photos, played.left, played.without_file) == (1, {Reason.DAMAGED: 1}, 1)
    assert counts(shop, quarantined) == (1, 2, 0, 1)
    status = shop.status(quarantined)
    assert (status.state, status.finished_at) == (ImportState.RUNNING, None)
    (shard,) = unsent(shop)
    lease = shop.take(shard)
    assert [(photo.source, photo.attempts) for photo in lease.photos] == [("https://img.example/slow.jpg", 0)]
    shop.finish(lease)
    assert shop.status(quarantined).state is ImportState.DONE
    assert counts(shop, quarantined) == (2, 2, 0, 0)


def test_a_reason_that_is_named_is_played_again_whether_it_may_pass_or_not(shop: Shop, quarantined: int) -> None:
    played = play_again(shop.engine, quarantined, [Reason.DAMAGED])
    assert (played.photos, played.left) == (1, {Reason.TIMEOUT: 2})


def test_nothing_to_play_again_leaves_an_import_done(shop: Shop, quarantined: int) -> None:
    assert play_again(shop.engine, quarantined, [Reason.DNS]).photos == 0
    assert shop.status(quarantined).state is ImportState.DONE
    with pytest.raises(UnknownImport):
        play_again(shop.engine, 999)


def test_each_photo_is_played_once_however_soon_it_is_back(
    shop: Shop, quarantined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.control.PHOTOS_AT_ONCE", 1)
    assert play_again(shop.engine, quarantined, [Reason.TIMEOUT, Reason.DAMAGED]).photos == 2


def test_what_was_cancelled_may_be_played_again_once_that_is_done(shop: Shop) -> None:
    import_id, (shard, _) = shop.plan("a", "b", photos_per_shard=1)
    lease = shop.take(shard)
    shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, reason=Reason.DNS, detail="")])
    shop.rows("UPDATE modiste.photo SET source = 'https://img.example/' || source")
    with transaction(shop.engine) as connection:
        begin_cancelling(connection, import_id)
    with pytest.raises(ImportCancelled, match="being cancelled"):
        play_again(shop.engine, import_id)
    assert shop.status(import_id).photos_quarantined == 1
    finish_cancelling(shop.engine, import_id)
    assert play_again(shop.engine, import_id).photos == 1
    shop.finish(shop.take(unsent(shop)[0]))
    assert (shop.status(import_id).state, counts(shop, import_id)) == (ImportState.DONE, (1, 0, 1, 0))


def test_photos_are_played_again_to_the_version_that_is_active_now(shop: Shop, quarantined: int) -> None:
    with transaction(shop.engine) as connection:
        newer = register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={"version": "v2"})
        activate_model(connection, "v2")
    play_again(shop.engine, quarantined)
    assert shop.take(unsent(shop)[0]).model_version_id == newer


def test_a_photo_of_a_cancelled_import_counts_once_when_a_later_one_takes_it(shop: Shop) -> None:
    first, _ = shop.plan("a")
    cancel(shop, first)
    second = shop.begin()
    shop.write(second, photos=[shop.photo("a")])
    shop.end_planning(second)
    shop.finish(shop.take(unsent(shop)[0]))
    assert shop.status(first).photos_cancelled == 1
    assert (shop.status(second).state, counts(shop, second)) == (ImportState.DONE, (1, 0, 0, 0))


def test_poison_is_not_looked_for_in_an_import_that_rests(shop: Shop) -> None:
    import_id, _ = shop.plan("a", "b")
    shop.rows("UPDATE modiste.shard SET attempt = 2")
    pause(shop, import_id)
    with transaction(shop.engine) as connection:
        assert isolate_poison(connection) == 0
    resume(shop, import_id)
    with transaction(shop.engine) as connection:
        assert isolate_poison(connection) == 1
