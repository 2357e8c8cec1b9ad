"""Outcomes of a shard, and the summaries that they make of each listing."""

import json
from typing import Any

import pytest

from db.engine import transaction
from db.enrichments import Outcome, recognise
from db.listings import ListingData
from db.models import activate_model, register_model
from db.shards import take_unsent
from db.states import ImportState, Reason

Shop = Any  # the fixture's class, in conftest.py


def summary(shop: Shop, external_id: str = "a") -> dict[str, Any]:
    """What the view says of a listing; empty if nothing."""
    rows = shop.rows("SELECT * FROM modiste.listing_enrichment WHERE external_id = :e", e=external_id)
    return rows[0] if rows else {}


def test_a_seen_photo_has_its_enrichment_vector_and_summary_in_one_transaction(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    seen = shop.seen([0.6, 0.8, 0], categories={"Dress": 0.75, "Skirt": 0.25}, attributes={"colour:Blue": 0.5})
    shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, content=shop.content("a"), seen=seen)])
    (row,) = shop.rows("SELECT * FROM modiste.enrichment")
    assert (row["categories"], row["category_scores"]) == (["Dress", "Skirt"], [0.75, 0.25])
    assert (row["attributes"], row["attribute_scores"], row["abstained"]) == (["colour:Blue"], [0.5], False)
    (vector,) = shop.rows(f"SELECT category, vec::real[] FROM modiste.embedding_{shop.version}")
    assert (vector["category"], vector["vec"]) == ("Dress", pytest.approx([0.6, 0.8, 0], abs=1e-3))
    assert summary(shop)["category"] == "Dress"
    status = shop.status(import_id)
    assert (status.state, status.photos_enriched, status.photos_inferred) == (ImportState.DONE, 1, 1)


def test_a_recognised_photo_is_enriched_without_the_network(shop: Shop) -> None:
    shop.stock(shop.item("first", [1, 0, 0], of="same"))
    digest = shop.content("shop/same").sha256
    with transaction(shop.engine) as connection:
        assert recognise(connection, [digest, shop.content("other").sha256], shop.version) == {digest}
        assert recognise(connection, [digest], shop.version + 1) == set()
    import_id, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, content=shop.content("shop/same"), recognised=True)])
    status = shop.status(import_id)
    assert (status.photos_enriched, status.photos_inferred) == (1, 0)
    assert summary(shop)["category"] == summary(shop, "first")["category"]


def test_a_photo_that_another_shard_saw_meanwhile_is_handed_out_as_recognised(shop: Shop) -> None:
    import_id = shop.begin()
    bytes_of_both = shop.content("same")
    _, (one, other) = shop.write(
        import_id,
        listings=[ListingData(external_id="a"), ListingData(external_id="b")],
        photos=[shop.photo("a", content=bytes_of_both), shop.photo("b", content=bytes_of_both)],
        photos_per_shard=1,
    )
    lease = shop.take(one)
    assert lease.photos[0].sha256 == bytes_of_both.sha256
    shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, content=bytes_of_both, seen=shop.seen())])
    (photo,) = shop.take(other).photos
    assert photo.recognised


def test_a_quarantined_photo_keeps_its_reason_and_the_others_go_on(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a", "b")
    lease = shop.take(shard)
    bad, good = lease.photos
    shop.finish(
        lease,
        [
            Outcome(photo_id=bad.id, content=shop.content("x"), reason=Reason.TRUNCATED, detail="ends at byte 9"),
            *shop.dresses(lease)[1:],
        ],
    )
    assert shop.rows("SELECT id, state, reason, detail FROM modiste.photo ORDER BY id") == [
        {"id": bad.id, "state": "quarantined", "reason": "truncated", "detail": "ends at byte 9"},
        {"id": good.id, "state": "enriched", "reason": None, "detail": None},
    ]
    status = shop.status(import_id)
    assert (status.state, status.photos_enriched, status.photos_quarantined) == (ImportState.DONE, 1, 1)


def test_deferred_photos_go_on_in_a_shard_of_their_own_and_the_import_waits_for_them(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a", "b", "c")
    lease = shop.take(shard)
    later = [Outcome(photo_id=photo.id, retry_in_s=30.0 * place) for place, photo in enumerate(lease.photos[1:], 1)]
    shop.finish(lease, [*shop.dresses(lease)[:1], *later])
    status = shop.status(import_id)
    assert (status.state, status.photos_enriched, status.photos_pending) == (ImportState.RUNNING, 1, 2)
    (fresh,) = shop.rows(
        """SELECT id, lane, attempt, photo_ids, extract(epoch FROM not_before - clock_timestamp())::float AS wait_s
           FROM modiste.shard WHERE state = 'queued'"""
    )
    assert (fresh["lane"], fresh["attempt"]) == ("bulk", 0)
    assert fresh["photo_ids"] == [photo.id for photo in lease.photos[1:]]
    assert 50 < fresh["wait_s"] <= 60
    with transaction(shop.engine) as connection:
        assert take_unsent(connection) == []
    shop.rows("UPDATE modiste.shard SET not_before = clock_timestamp()")
    again = shop.take(fresh["id"])
    assert [photo.attempts for photo in again.photos] == [1, 1]
    shop.finish(again)
    assert (shop.status(import_id).state, shop.status(import_id).photos_enriched) == (ImportState.DONE, 3)


def test_photos_that_another_import_took_over_are_left_to_it(shop: Shop) -> None:
    first, (shard,) = shop.plan("a", "b")
    lease = shop.take(shard)
    second = shop.begin()
    known = [shop.known_photo("a"), shop.known_photo("b")]
    shop.write(second, photos=[shop.photo("a", validator="2"), shop.photo("b", validator="2")], replaced=known)
    shop.finish(lease, [*shop.dresses(lease)[:1], Outcome(photo_id=lease.photos[1].id, retry_in_s=1.0)])
    assert {(row["state"], row["attempts"]) for row in shop.rows("SELECT state, attempts FROM modiste.photo")} == {
        ("pending", 0)
    }
    assert summary(shop) == {}
    assert (shop.status(first).photos_enriched, shop.status(first).photos_cancelled) == (0, 2)
    assert shop.status(second).photos_pending == 2


def test_an_import_ends_when_it_is_planned_and_nothing_is_pending_in_either_order(shop: Shop) -> None:
    early, (shard,) = shop.plan("a")
    shop.finish(shop.take(shard))
    assert shop.status(early).state is ImportState.DONE
    late = shop.begin()
    _, (shard,) = shop.write(late, listings=[ListingData(external_id="b")], photos=[shop.photo("b")])
    shop.finish(shop.take(shard))
    assert (shop.status(late).state, shop.status(late).finished_at) == (ImportState.PLANNING, None)
    shop.end_planning(late)
    assert shop.status(late).state is ImportState.DONE
    failed = shop.begin()
    shop.end_planning(failed, "line 7: the feed ends in the middle of a row")
    assert (shop.status(failed).state, shop.status(failed).finished) == (ImportState.FAILED, True)


def test_the_same_content_in_two_listings_has_one_enrichment_one_vector_and_both_summaries(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0], of="same"), shop.item("b", [1, 0, 0], of="same"))
    assert shop.one("SELECT count(*) FROM modiste.enrichment") == 1
    assert shop.one(f"SELECT count(*) FROM modiste.embedding_{shop.version}") == 1
    assert summary(shop, "a")["category"] == summary(shop, "b")["category"] == "Dress"


def look(shop: Shop, *photos: dict[str, Any]) -> dict[str, Any]:
    """Enriches the listing "a" with these photos and returns its summary."""
    items = [shop.item("a", [1, 0, 0], **photo) for photo in photos]
    looks = [(f"photo {place}", item.looks[0][1]) for place, item in enumerate(items)]
    shop.stock(type(items[0])(data=items[0].data, looks=looks))
    return summary(shop)


def test_the_category_is_the_one_with_the_largest_sum_over_the_photos_and_its_score_the_mean(shop: Shop) -> None:
    said = look(
        shop,
        {"categories": {"Dress": 0.6, "Skirt": 0.4}},
        {"categories": {"Skirt": 0.7, "Dress": 0.3}},
        {"categories": {"Shirt": 0.8, "Skirt": 0.2}},
    )
    assert (said["category"], said["photos"], said["model_version"]) == ("Skirt", 3, "v1")
    assert said["category_score"] == pytest.approx((0.4 + 0.7 + 0.2) / 3, abs=1e-6)


@pytest.mark.parametrize(
    ("photos", "abstained"),
    [
        ([{"abstained": True}], True),
        ([{"abstained": True}, {"abstained": False}], False),
        ([{"abstained": True}, {"abstained": False, "categories": {"Shirt": 0.3, "Dress": 0.2}}], True),
    ],
)
def test_a_listing_is_abstained_unless_a_photo_of_its_category_was_sure(
    shop: Shop, photos: list[dict[str, Any]], abstained: bool
) -> None:
    said = look(shop, *photos)
    assert (said["category"], said["abstained"]) == ("Dress", abstained)


def test_an_exclusive_group_keeps_its_best_value_and_a_free_group_keeps_all(shop: Shop) -> None:
    said = look(
        shop,
        {"attributes": {"colour:Blue": 0.9, "style:Casual": 0.8}},
        {"attributes": {"colour:Red": 0.6, "colour:Blue": 0.1, "style:Retro": 0.6, "style:Casual": 0.2}},
    )
    assert said["attributes"] == ["colour:Blue", "style:Casual", "style:Retro"]
    assert said["attribute_scores"] == pytest.approx([0.5, 0.5, 0.3], abs=1e-6)


def test_a_listing_without_attributes_has_empty_lists(shop: Shop) -> None:
    said = look(shop, {})
    assert (said["attributes"], said["attribute_scores"]) == ([], [])


def limit(shop: Shop, version: int | None = None, **categories: list[str]) -> None:
    """Writes into a version's manifest which categories each attribute group applies to, as vision.labels does."""
    groups = [{"name": name, "values": [], "categories": allowed} for name, allowed in categories.items()]
    shop.rows(
        "UPDATE modiste.model_version SET manifest = CAST(:manifest AS jsonb) WHERE id = :id",
        manifest=json.dumps({"labels": {"categories": [], "groups": groups}}),
        id=version or shop.version,
    )


def refresh(shop: Shop) -> None:
    """As when a photo of any listing had changed."""
    shop.rows("SELECT modiste.refresh_summaries(array_agg(id)) FROM modiste.listing")


HANDBAG = {"categories": {"Handbag": 0.9}, "attributes": {"colour:Blue": 0.8}}
SHIRT_LIKE = {"categories": {"Shirt": 0.6}, "attributes": {"colour:Blue": 0.2, "sleeve:Long": 0.9}}


def test_a_close_up_that_looks_like_a_shirt_gives_a_handbag_no_sleeves(shop: Shop) -> None:
    limit(shop, colour=[], sleeve=["Shirt", "Dress"])
    said = look(shop, HANDBAG, SHIRT_LIKE)
    assert (said["category"], said["attributes"]) == ("Handbag", ["colour:Blue"])
    assert said["attribute_scores"] == pytest.approx([0.5], abs=1e-6)


def test_a_group_that_applies_to_the_category_is_kept_whatever_else_a_photo_shows(shop: Shop) -> None:
    limit(shop, colour=[], sleeve=["Shirt", "Dress"])
    said = look(shop, SHIRT_LIKE, SHIRT_LIKE, HANDBAG)
    assert (said["category"], said["attributes"]) == ("Shirt", ["colour:Blue", "sleeve:Long"])
    assert said["attribute_scores"] == pytest.approx([0.4, 0.6], abs=1e-6)


def test_a_listing_with_nothing_but_attributes_of_other_categories_has_empty_lists(shop: Shop) -> None:
    limit(shop, sleeve=["Shirt"])
    said = look(shop, {"categories": {"Handbag": 0.9}, "attributes": {"sleeve:Long": 0.9}})
    assert (said["attributes"], said["attribute_scores"]) == ([], [])


def test_each_version_is_held_to_its_own_manifest(shop: Shop) -> None:
    limit(shop, colour=[], sleeve=["Shirt"])
    look(shop, HANDBAG, SHIRT_LIKE)
    with transaction(shop.engine) as connection:
        second = register_model(connection, name="v2", embedding_dim=3, exclusive_groups=[], manifest={})
        activate_model(connection, "v2")
    limit(shop, second, colour=["Shirt"], sleeve=[])
    shop.rows(
        """
        INSERT INTO modiste.enrichment (content_id, model_version_id, categories, category_scores, abstained,
                                        attributes, attribute_scores)
        SELECT content_id, :second, categories, category_scores, abstained, attributes, attribute_scores
        FROM modiste.enrichment
        """,
        second=second,
    )
    refresh(shop)
    rows = shop.rows("SELECT model_version_id, attributes FROM modiste.listing_summary")
    assert {row["model_version_id"]: row["attributes"] for row in rows} == {
        shop.version: ["colour:Blue"],
        second: ["sleeve:Long"],
    }


def test_a_corrected_category_stays_and_says_which_attributes_apply(shop: Shop) -> None:
    limit(shop, colour=[], sleeve=["Shirt"], closure=["Handbag"])
    look(shop, {**HANDBAG, "attributes": {"colour:Blue": 0.8, "closure:Zip": 0.7}}, SHIRT_LIKE)
    assert summary(shop)["attributes"] == ["closure:Zip", "colour:Blue"]
    shop.rows("""INSERT INTO modiste.correction (listing_id, field, now, who)
                 SELECT id, 'category', 'Shirt', 'Ann' FROM modiste.listing""")
    refresh(shop)
    said = summary(shop)
    assert (said["category"], said["category_score"], said["corrected"]) == ("Shirt", 1.0, True)
    assert said["attributes"] == ["colour:Blue", "sleeve:Long"]


def test_the_view_shows_what_the_active_version_says_and_nothing_else(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    with transaction(shop.engine) as connection:
        second = register_model(connection, name="v2", embedding_dim=2, exclusive_groups=[], manifest={"v": 2})
        activate_model(connection, "v2")
    assert summary(shop) == {}
    shop.stock(shop.item("b", [1, 0], categories={"Shirt": 0.5}), version=second)
    assert (summary(shop), summary(shop, "b")["model_version"]) == ({}, "v2")
    with transaction(shop.engine) as connection:
        activate_model(connection, "v1")
    assert (summary(shop)["model_version"], summary(shop, "b")) == ("v1", {})


def test_a_vector_of_the_wrong_dimension_is_refused_and_nothing_is_written(shop: Shop) -> None:
    import_id, (shard,) = shop.plan("a")
    lease = shop.take(shard)
    with pytest.raises(Exception, match="expected 3 dimensions"):
        shop.finish(lease, [Outcome(photo_id=lease.photos[0].id, content=shop.content("a"), seen=shop.seen([1, 0]))])
    assert shop.one("SELECT count(*) FROM modiste.content") == 0
    assert shop.status(import_id).photos_pending == 1
