"""Planned batches: what is written, what goes to work, and counters that add up in every import."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.copying import stage
from db.engine import transaction
from db.enrichments import Outcome
from db.errors import BadQuestion
from db.imports import ImportStatus, fail_abandoned_plans
from db.listings import ListingData
from db.quarantine import Wanted, quarantine_page
from db.states import ImportState, PhotoState, Reason

Shop = Any  # the fixture's class, in conftest.py


def photos(status: ImportStatus) -> tuple[int, int, int, int]:
    """Enriched, quarantined, cancelled, pending: together the total."""
    said = (status.photos_enriched, status.photos_quarantined, status.photos_cancelled, status.photos_pending)
    assert sum(said) == status.photos_total
    return said


def test_new_listings_are_written_whole_and_their_photos_go_to_work(shop: Shop) -> None:
    data = ListingData(
        external_id="a", title="Blue dress", brand="Ann", price=Decimal("12.50"), currency="EUR", gender="Women",
        colour="Blue", size="M", seller="s", seller_category="Dresses", available=False, metadata={"season": "Summer"},
    )  # fmt: skip
    import_id = shop.begin()
    planned, (shard,) = shop.write(import_id, listings=[data], photos=[shop.photo("a")])
    (row,) = shop.rows("SELECT * FROM modiste.listing")
    assert {name: row[name] for name in data.__dataclass_fields__} == {
        name: getattr(data, name) for name in data.__dataclass_fields__
    }
    assert (planned.photos, planned.recognised, planned.quarantined) == (1, 0, 0)
    assert [photo.id for photo in shop.take(shard).photos] == planned.pending_photo_ids
    assert (shop.status(import_id).rows_new, photos(shop.status(import_id))) == (1, (0, 0, 0, 1))


def test_a_new_catalogues_name_is_bounded_and_one_of_before_keeps_its_own(shop: Shop) -> None:
    long = "r" * 300
    with pytest.raises(BadQuestion, match="at most 255 characters; this one has 300"):
        shop.begin(catalogue=long)
    shop.rows("INSERT INTO modiste.catalogue (name) VALUES (:name)", name=long)
    assert shop.status(shop.begin(catalogue=long)).catalogue == long


def test_a_changed_listing_keeps_its_id_and_its_photos(shop: Shop) -> None:
    ids = shop.stock(shop.item("a", [1, 0, 0], title="old", brand="Ann"))
    import_id = shop.begin()
    planned, shards = shop.write(import_id, listings=[ListingData(external_id="a", title="new")])
    shop.end_planning(import_id)
    assert (planned.photos, shards) == (0, [])
    assert shop.rows("SELECT id, title, brand FROM modiste.listing") == [
        {"id": ids["a"], "title": "new", "brand": None}
    ]
    status = shop.status(import_id)
    assert (status.rows_changed, status.state, photos(status)) == (1, ImportState.DONE, (0, 0, 0, 0))
    assert shop.one("SELECT count(*) FROM modiste.listing_enrichment") == 1


def test_a_photo_that_is_gone_goes_from_the_listing_and_from_what_is_said_of_it(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0], [0, 1, 0]))
    for left in (1, 0):
        shop.write(shop.begin(), gone={"a": [shop.known_photo("a", f"a/{left}")]})
        assert shop.one("SELECT count(*) FROM modiste.photo") == left
        assert [row["photos"] for row in shop.rows("SELECT photos FROM modiste.listing_enrichment")] == [1] * left


def test_a_replaced_photo_is_looked_at_again_and_until_then_says_nothing(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0]))
    import_id = shop.begin()
    known = shop.known_photo("a", "a/0")
    _, (shard,) = shop.write(import_id, photos=[shop.photo("a", "a/0", validator="2")], replaced=[known])
    assert shop.known_photo("a", "a/0").id == known.id
    assert shop.one("SELECT count(*) FROM modiste.listing_enrichment") == 0
    shop.finish(shop.take(shard))
    assert shop.one("SELECT count(*) FROM modiste.listing_enrichment") == 1


def test_both_imports_add_up_when_the_second_replaces_what_the_first_had_pending(shop: Shop) -> None:
    first, (shard,) = shop.plan("a", "b", "c")
    held = shop.take(shard)
    second = shop.begin()
    _, (replacement,) = shop.write(
        second, photos=[shop.photo("a", validator="2")], replaced=[shop.known_photo("a")],
        gone={"b": [shop.known_photo("b")]},
    )  # fmt: skip
    shop.end_planning(second)
    assert photos(shop.status(first)) == (0, 0, 2, 1)
    assert photos(shop.status(second)) == (0, 0, 0, 1)
    shop.finish(held)
    assert photos(shop.status(first)) == (1, 0, 2, 0)
    assert shop.status(first).photos_inferred == 1
    assert shop.status(first).state is ImportState.DONE
    assert shop.known_photo("a").state is PhotoState.PENDING  # what the first import saw is of the old bytes
    shop.finish(shop.take(replacement))
    assert photos(shop.status(second)) == (1, 0, 0, 0)
    assert photos(shop.status(first)) == (1, 0, 2, 0)


def test_an_import_whose_last_pending_photo_was_taken_over_still_ends(shop: Shop) -> None:
    first, (shard,) = shop.plan("a")
    shop.write(shop.begin(), photos=[shop.photo("a", validator="2")], replaced=[shop.known_photo("a")])
    lease = shop.take(shard)
    assert lease.photos == []
    shop.finish(lease)
    assert (shop.status(first).state, photos(shop.status(first))) == (ImportState.DONE, (0, 0, 1, 0))


def test_content_that_is_known_is_recognised_when_it_is_planned(shop: Shop) -> None:
    shop.stock(shop.item("a", [1, 0, 0], of="same bytes"))
    import_id = shop.begin()
    planned, shards = shop.write(
        import_id,
        listings=[ListingData(external_id="b")],
        photos=[shop.photo("b", content=shop.content("shop/same bytes"))],
    )
    shop.end_planning(import_id)
    assert (planned.recognised, planned.pending_photo_ids, shards) == (1, [], [])
    status = shop.status(import_id)
    assert (status.state, photos(status), status.photos_inferred) == (ImportState.DONE, (1, 0, 0, 0), 0)
    assert [row["category"] for row in shop.rows("SELECT category FROM modiste.listing_enrichment")] == ["Dress"] * 2


def test_a_photo_with_a_fault_is_quarantined_when_it_is_planned(shop: Shop) -> None:
    import_id = shop.begin()
    planned, shards = shop.write(
        import_id,
        listings=[ListingData(external_id="a")],
        photos=[shop.photo("a", reason=Reason.NOT_FOUND, detail="no such file")],
    )
    shop.end_planning(import_id)
    assert (planned.quarantined, shards) == (1, [])
    assert (shop.status(import_id).state, photos(shop.status(import_id))) == (ImportState.DONE, (0, 1, 0, 0))
    with transaction(shop.engine) as connection:
        (fault,) = quarantine_page(connection, Wanted(import_id=import_id), after=0, limit=2)
    assert (fault.external_id, fault.source, fault.reason, fault.detail) == (
        "a", "a.jpg", "not_found", "no such file",
    )  # fmt: skip


def test_an_import_whose_planner_vanished_fails_and_ends_with_the_photos_it_had(shop: Shop) -> None:
    import_id = shop.begin()
    _, (shard,) = shop.write(import_id, listings=[ListingData(external_id="a")], photos=[shop.photo("a")])
    with transaction(shop.engine) as connection:
        assert fail_abandoned_plans(connection) == 0
    shop.rows("UPDATE modiste.import SET planner_seen_at = now() - interval '1 h'")
    with transaction(shop.engine) as connection:
        assert fail_abandoned_plans(connection) == 1
    status = shop.status(import_id)
    assert (status.state, status.finished) == (ImportState.FAILED, False)
    assert "run the import again" in (status.error or "")
    shop.finish(shop.take(shard))
    status = shop.status(import_id)
    assert (status.state, status.finished, status.finished_at is not None) == (ImportState.FAILED, True, True)


def test_photos_of_a_content_that_is_known_with_its_size_keep_it(shop: Shop) -> None:
    _, (shard,) = shop.plan("a", "b")
    lease = shop.take(shard)
    plain = shop.content("one")
    sized = replace(plain, width_px=30, height_px=40, fingerprint=bytes(range(96)))
    outcomes = [
        Outcome(photo_id=photo.id, content=content, seen=shop.seen())
        for photo, content in zip(lease.photos, (plain, sized), strict=True)
    ]
    shop.finish(lease, outcomes)
    assert shop.rows("SELECT width_px, height_px, encode(fingerprint, 'hex') AS fingerprint FROM modiste.content") == [
        {"width_px": 30, "height_px": 40, "fingerprint": bytes(range(96)).hex()}
    ]


# What a feed may hold: anything but NUL and halves of surrogate pairs, which the feed readers reject.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NASTY = "\\N \t\r\n\v\f\x85\u2028 \"quoted\" 'single' {}{,} \\\\. \\t NULL 👗 \U0010ffff"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=TEXTS | st.none(),
    values=st.lists(TEXTS | st.none()),
    numbers=st.lists(st.floats(allow_nan=False)),
    mapping=st.dictionaries(TEXTS, TEXTS),
    data=st.binary(),
    flag=st.booleans(),
)
@example(value=NASTY, values=[NASTY, "", "NULL", None], numbers=[], mapping={NASTY: NASTY}, data=b"\\\0\t\n", flag=True)
@example(value="\\.", values=["\\."], numbers=[0.1], mapping={"\\.": "\n\\.\n"}, data=b"\\.", flag=False)
def test_every_value_survives_copy_exactly(
    module_shop: Shop,
    value: str | None,
    values: list[str | None],
    numbers: list[float],
    mapping: dict[str, str],
    data: bytes,
    flag: bool,
) -> None:
    with transaction(module_shop.engine) as connection:
        columns = "value text, texts text[], numbers float8[], mapping jsonb, data bytea, flag boolean"
        assert stage(connection, "copied", columns, [(value, values, numbers, mapping, data, flag)] * 2) == 2
        rows = connection.execute(text("SELECT * FROM copied")).all()
        assert len(rows) == 2
        for row in rows:
            assert (row.value, row.texts, row.flag) == (value, values, flag)
            assert row.numbers == numbers
            assert (row.mapping, bytes(row.data)) == (mapping, data)
        connection.execute(text("DROP TABLE copied"))


def test_a_listing_of_nasty_texts_is_stored_as_it_was_given(shop: Shop) -> None:
    data = ListingData(external_id=NASTY, title=NASTY, brand=r"\N", seller="{}", metadata={NASTY: NASTY, "": ""})
    shop.write(shop.begin(), listings=[data], photos=[shop.photo(NASTY, NASTY)])
    (row,) = shop.rows("SELECT external_id, title, brand, seller, metadata FROM modiste.listing")
    assert list(row.values()) == [NASTY, NASTY, r"\N", "{}", json.loads(json.dumps(dict(data.metadata)))]
    assert shop.known_photo(NASTY, NASTY).source == NASTY
