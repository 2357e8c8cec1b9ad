"""A second version, of another dimension, sees what the first has seen, while imports go on; then one of them goes."""

from typing import Any

import pytest

from db.backfills import begin_backfill, follow_up
from db.batches import ContentRef
from db.canary import canary
from db.control import begin_cancelling, finish_cancelling
from db.coverage import Coverage, coverage
from db.engine import transaction
from db.enrichments import Outcome
from db.errors import LeaseLost, ModelDoesNotFit, ModelInUse, UnknownModelVersion
from db.models import activate_model, model_before, model_by_name, register_model
from db.retiring import retire_model
from db.shards import Lease, requeue_abandoned
from db.similarity import similar_listings
from db.states import ImportState, Reason

Shop = Any  # the fixture's class, in conftest.py
DIM = 5


@pytest.fixture
def second(shop: Shop) -> int:
    with transaction(shop.engine) as connection:
        return register_model(connection, name="v2", embedding_dim=DIM, exclusive_groups=[], manifest={"version": "v2"})


def backfill(shop: Shop) -> list[int]:
    with transaction(shop.engine) as connection:
        return begin_backfill(connection, "v2")


def coverage_of(shop: Shop, version: int) -> Coverage:
    with transaction(shop.engine) as connection:
        return coverage(connection, version)


def open_shards(shop: Shop, import_id: int) -> list[int]:
    found = shop.rows(
        "SELECT id FROM modiste.shard WHERE import_id = :i AND state IN ('queued', 'leased') ORDER BY id", i=import_id
    )
    return [row["id"] for row in found]


def shirts(shop: Shop, lease: Lease) -> list[Outcome]:
    """What the second version says: every photo shows a shirt."""
    seen = shop.seen([1.0] * DIM, categories={"Shirt": 0.9})
    return [
        Outcome(photo_id=p.id, content=ContentRef(sha256=p.sha256 or b"", size_bytes=1), seen=seen)
        for p in lease.photos
    ]


def test_a_backfill_that_was_killed_goes_on_and_all_contents_are_seen_once_by_both(shop: Shop, second: int) -> None:
    ids = shop.stock(
        shop.item("a", [1, 0, 0], of="same"), shop.item("b", [1, 0, 0], of="same"), shop.item("c", [0, 1, 0])
    )
    before = shop.rows("SELECT id, state, import_id, updated_at FROM modiste.photo ORDER BY id")
    (import_id,) = backfill(shop)
    (shard,) = open_shards(shop, import_id)
    killed = shop.take(shard)
    shop.rows("UPDATE modiste.shard SET lease_until = clock_timestamp() - interval '1 s' WHERE id = :i", i=shard)
    with transaction(shop.engine) as connection:
        assert len(requeue_abandoned(connection)) == 1
    assert backfill(shop) == [import_id]
    assert open_shards(shop, import_id) == [shard], "what waits is not put to work twice"
    lease = shop.take(shard)
    with pytest.raises(LeaseLost):
        shop.finish(killed, shirts(shop, killed))
    shop.stock(shop.item("new", [0, 0, 1]))
    shop.finish(lease, shirts(shop, lease))
    assert coverage_of(shop, second) == Coverage(shown=3, covered=2, given_up=0, late=1)
    (again,) = backfill(shop)
    (shard,) = open_shards(shop, again)
    lease = shop.take(shard)
    shop.finish(lease, shirts(shop, lease))
    assert (backfill(shop), coverage_of(shop, second).share) == ([], 1.0)
    for number, photos in ((import_id, 2), (again, 1)):
        status = shop.status(number)
        assert (status.state, status.photos_total, status.photos_enriched) == (ImportState.DONE, photos, photos)
    assert shop.rows("SELECT id, state, import_id, updated_at FROM modiste.photo ORDER BY id")[:3] == before
    both = "SELECT model_version_id AS v, category, count(*) AS n FROM modiste.listing_summary GROUP BY 1, 2 ORDER BY 1"
    assert [tuple(row.values()) for row in shop.rows(both)] == [(shop.version, "Dress", 4), (second, "Shirt", 4)]
    with transaction(shop.engine) as connection:
        assert {row.category for row in similar_listings(connection, ids["a"])} == {"Dress"}
        activate_model(connection, "v2")
        assert {row.category for row in similar_listings(connection, ids["a"])} == {"Shirt"}
        assert model_before(connection).name == "v1"


def test_what_cannot_be_had_is_counted_and_what_is_gone_or_cancelled_too(shop: Shop, second: int) -> None:
    shop.stock(*(shop.item(name, [1, 0, 0]) for name in "abcd"))
    (import_id,) = backfill(shop)
    (shard,) = open_shards(shop, import_id)
    shop.rows("DELETE FROM modiste.photo WHERE source = 'd/0'")
    lease = shop.take(shard)
    lost, other, late = lease.photos
    shop.finish(
        lease,
        [
            Outcome(photo_id=lost.id, reason=Reason.NOT_FOUND, detail="no bytes"),
            Outcome(photo_id=other.id, content=shop.content("other bytes"), seen=shop.seen([1.0] * DIM)),
            Outcome(photo_id=late.id, retry_in_s=0.0),
        ],
    )
    status = shop.status(import_id)
    counted = (status.photos_enriched, status.photos_quarantined, status.photos_cancelled, status.photos_pending)
    assert counted == (0, 2, 1, 1)
    assert shop.one("SELECT tries FROM modiste.shard WHERE state = 'queued'") == 1
    assert shop.one("SELECT count(*) FROM modiste.content WHERE sha256 = :d", d=shop.content("other bytes").sha256) == 0
    with transaction(shop.engine) as connection:
        begin_cancelling(connection, import_id)
    finish_cancelling(shop.engine, import_id)
    assert (shop.status(import_id).photos_cancelled, shop.status(import_id).finished) == (2, True)
    assert shop.one("SELECT count(*) FROM modiste.photo WHERE state <> 'enriched'") == 0


def test_what_cannot_be_had_is_told_from_what_waits_and_is_tried_again_only_when_asked(shop: Shop, second: int) -> None:
    shop.stock(*(shop.item(name, [1, 0, 0]) for name in "abc"))
    (import_id,) = backfill(shop)
    lease = shop.take(open_shards(shop, import_id)[0])
    lost, *others = shirts(shop, lease)
    shop.finish(lease, [Outcome(photo_id=lost.photo_id, reason=Reason.NOT_FOUND, detail="no bytes"), *others])
    assert coverage_of(shop, second) == Coverage(shown=3, covered=2, given_up=1, late=0)
    with transaction(shop.engine) as connection:
        assert begin_backfill(connection, "v2", again=False) == []
    (again,) = backfill(shop)
    assert coverage_of(shop, second).lacking == 1, "it is tried again"
    lease = shop.take(open_shards(shop, again)[0])
    shop.finish(lease, shirts(shop, lease))
    assert coverage_of(shop, second) == Coverage(shown=3, covered=3, given_up=0, late=0)


def test_what_imports_bring_after_the_backfill_is_seen_once_the_version_is_active(shop: Shop, second: int) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    under_way, shards = shop.plan("late")
    (import_id,) = backfill(shop)
    lease = shop.take(open_shards(shop, import_id)[0])
    shop.finish(lease, shirts(shop, lease))
    with transaction(shop.engine) as connection:
        activate_model(connection, "v2")
        assert follow_up(connection) == 0
    shop.finish(shop.take(*shards))
    assert (shop.status(under_way).state, coverage_of(shop, second).late) == (ImportState.DONE, 1)
    for photos in (1, 0):
        with transaction(shop.engine) as connection:
            assert follow_up(connection) == photos
    (waiting,) = open_shards(shop, import_id + 1)
    lease = shop.take(waiting)
    shop.finish(lease, shirts(shop, lease))
    assert coverage_of(shop, second) == Coverage(shown=2, covered=2, given_up=0, late=0)
    with transaction(shop.engine) as connection:
        assert follow_up(connection) == 0


def test_a_retired_version_leaves_nothing_but_its_name(shop: Shop, second: int) -> None:
    shop.stock(shop.item("a", [1, 0, 0]), shop.item("b", [0, 1, 0]))
    (import_id,) = backfill(shop)
    lease = shop.take(open_shards(shop, import_id)[0])
    shop.finish(lease, shirts(shop, lease))
    with pytest.raises(ModelInUse, match="v1 is the active one"):
        retire_model(shop.engine, "v1")
    shop.stock(shop.item("c", [0, 0, 1]))
    (waiting,) = backfill(shop)
    for _ in range(2):
        retire_model(shop.engine, "v2")
    assert shop.status(waiting).state is ImportState.CANCELLED
    for table in ("enrichment", "listing_summary"):
        assert shop.one(f"SELECT count(*) FROM modiste.{table} WHERE model_version_id = :v", v=second) == 0
    assert shop.one("SELECT to_regclass('modiste.embedding_' || CAST(:v AS text)) IS NULL", v=second)
    assert shop.one("SELECT state FROM modiste.model_version WHERE id = :v", v=second) == "retired"
    with pytest.raises(UnknownModelVersion):
        backfill(shop)
    with transaction(shop.engine) as connection, pytest.raises(ModelDoesNotFit, match="retired"):
        register_model(connection, name="v2", embedding_dim=DIM, exclusive_groups=[], manifest={"version": "v2"})


def test_a_canary_tells_what_flips(shop: Shop, second: int) -> None:
    shop.stock(*(shop.item(name, [1, place, 0]) for place, name in enumerate("abcd")))
    (import_id,) = backfill(shop)
    lease = shop.take(open_shards(shop, import_id)[0])
    shop.finish(lease, shirts(shop, lease))
    with transaction(shop.engine) as connection:
        found = canary(connection, model_by_name(connection, "v1"), model_by_name(connection, "v2"), sample=3)
    assert (found.asked, found.overlap, found.compared, found.flipped, found.recall) == (3, 1.0, 4, 4, None)
    assert [(flip.before, flip.after, flip.listings) for flip in found.flips] == [("Dress", "Shirt", 4)]
    assert {len(pair.after) for pair in found.side_by_side} == {3}
