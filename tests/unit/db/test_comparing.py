from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from db.batches import Batch, ContentRef, KnownListing, KnownPhoto
from db.comparing import compare, row_hash, row_hashes
from db.listings import ListingData
from db.rows import FeedRow, FoundPhoto, RowRejection
from db.states import PhotoState, Reason, RejectionReason, RowOutcome

SHIRT = ListingData(external_id="1", title="Shirt", price=Decimal("10.00"), metadata={"season": "Summer"})


def row(line: int, listing: ListingData = SHIRT, photos: tuple[str, ...] = ("a.jpg",)) -> FeedRow:
    return FeedRow(line=line, listing=listing, photos=photos)


def find(reference: str) -> FoundPhoto | None:
    """Every name but missing.jpg is there; `v2/…` is a newer file of the same name."""
    if reference == "missing.jpg":
        return None
    name = reference.removeprefix("v2/")
    return FoundPhoto(name=name, validator=f"of {reference}")


def known(listing: ListingData = SHIRT, photos: tuple[str, ...] = ("a.jpg",)) -> dict[str, KnownListing]:
    had = {
        name: KnownPhoto(id=place, source=name, validator=f"of {name}", state=PhotoState.ENRICHED, import_id=1)
        for place, name in enumerate(photos)
    }
    return {listing.external_id: KnownListing(id=7, available=True, photos=had, before=listing)}


def compared(
    *rows: FeedRow | RowRejection,
    having: Mapping[str, KnownListing] | None = None,
    seen: frozenset[str] = frozenset(),
    refetch: bool = False,
) -> Batch:
    """As the database tells it: what a seller said before only where the hash is another one."""
    hashes = row_hashes(rows)
    told = {
        external_id: replace(listing, before=None)
        if listing.before and row_hash(listing.before) == hashes.get(external_id)
        else listing
        for external_id, listing in (having or {}).items()
    }
    return compare(rows, hashes=hashes, known=told, seen=set(seen), find_photo=find, refetch=refetch)


def outcomes(batch: Batch) -> list[RowOutcome]:
    return [report.outcome for report in batch.rows]


@pytest.mark.parametrize("state", [PhotoState.CANCELLED, PhotoState.PENDING, PhotoState.QUARANTINED])
def test_a_photo_that_was_cancelled_is_put_to_work_again_though_its_listing_is_unchanged(state: PhotoState) -> None:
    having = known()
    had = having["1"].photos
    had["a.jpg"] = replace(had["a.jpg"], state=state)
    batch = compared(row(2, photos=("a.jpg",)), having=having)
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert [photo.source for photo in batch.photos] == (["a.jpg"] if state is PhotoState.CANCELLED else [])
    assert not batch.replaced, "it counts in its own import as cancelled already"


def test_an_unknown_listing_is_new_with_all_its_photos() -> None:
    batch = compared(row(2, photos=("a.jpg", "https://shop.example/b.jpg")))
    assert outcomes(batch) == [RowOutcome.NEW]
    assert [(p.source, p.validator, p.position) for p in batch.photos] == [
        ("a.jpg", "of a.jpg", 0),
        ("https://shop.example/b.jpg", None, 1),
    ]


def test_the_same_row_and_photos_change_nothing() -> None:
    batch = compared(row(2), having=known())
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert [batch.listings, batch.photos, batch.gone, batch.touched_listing_ids] == [[], [], [], []]


def test_a_new_price_changes_the_listing_and_no_photo() -> None:
    batch = compared(row(2, replace(SHIRT, price=Decimal("9.00"))), having=known())
    assert outcomes(batch) == [RowOutcome.CHANGED]
    assert batch.rows[0].changed == ["price"]
    assert (len(batch.listings), batch.known) == (1, {"1": 7})
    assert not batch.photos


def test_every_field_that_differs_is_named_and_metadata_by_its_keys() -> None:
    now = replace(SHIRT, brand="Ann", available=False, metadata={"season": "Winter", "fit": "Slim"})
    batch = compared(row(2, now, ("b.jpg",)), having=known())
    assert batch.rows[0].changed == ["brand", "available", "metadata.fit", "metadata.season", "photos"]
    gone = compared(row(2, replace(SHIRT, metadata={})), having=known())
    assert gone.rows[0].changed == ["metadata.season"]


def test_only_changed_rows_name_what_changed() -> None:
    batch = compared(row(2), row(3), row(4, ListingData(external_id="2")), having=known())
    assert [report.changed for report in batch.rows] == [None, None, None]


def test_a_listing_whose_hash_alone_is_another_is_written_and_unchanged() -> None:
    having = {"1": replace(known()["1"], before=replace(SHIRT, price=Decimal("10.000")))}
    batch = compare([row(2)], hashes=row_hashes([row(2)]), known=having, seen=set(), find_photo=find)
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert [listing for listing, _ in batch.listings] == [SHIRT]


def test_a_file_replaced_under_its_name_is_looked_at_again() -> None:
    batch = compared(row(2, photos=("v2/a.jpg",)), having=known())
    assert outcomes(batch) == [RowOutcome.CHANGED]
    assert [photo.source for photo in batch.photos] == ["a.jpg"]
    assert [photo.source for photo in batch.replaced] == ["a.jpg"]
    assert not batch.listings


def test_a_photo_that_the_feed_no_longer_has_goes() -> None:
    batch = compared(row(2), having=known(photos=("a.jpg", "b.jpg")))
    assert outcomes(batch) == [RowOutcome.CHANGED]
    assert [photo.source for photo in batch.gone] == ["b.jpg"]
    assert list(batch.touched_listing_ids) == [7]


def test_a_photo_named_twice_is_looked_at_once() -> None:
    batch = compared(row(2, photos=("a.jpg", "a.jpg")))
    assert [photo.source for photo in batch.photos] == ["a.jpg"]


def test_a_photo_that_is_not_there_is_quarantined_with_its_reason() -> None:
    batch = compared(row(2, photos=("missing.jpg",)))
    assert [(p.source, p.reason) for p in batch.photos] == [("missing.jpg", Reason.NOT_FOUND)]


def test_a_photo_that_is_still_missing_is_no_change() -> None:
    had = known(photos=("missing.jpg",))
    had["1"].photos["missing.jpg"] = replace(had["1"].photos["missing.jpg"], validator=None)
    assert outcomes(compared(row(2, photos=("missing.jpg",)), having=had)) == [RowOutcome.UNCHANGED]


def test_rows_of_one_listing_side_by_side_are_one_listing_with_all_photos() -> None:
    variant = ListingData(external_id="1", size="L")
    batch = compared(row(2), row(3, variant, ("b.jpg",)), row(4, replace(SHIRT, size="XL"), ("a.jpg",)))
    assert outcomes(batch) == [RowOutcome.NEW, RowOutcome.CONTINUED, RowOutcome.CONTINUED]
    assert [photo.source for photo in batch.photos] == ["a.jpg", "b.jpg"]
    assert [listing for listing, _ in batch.listings] == [SHIRT]


def test_a_row_with_the_same_id_and_another_title_is_rejected() -> None:
    batch = compared(row(2), row(3, replace(SHIRT, title="Trousers")))
    assert outcomes(batch) == [RowOutcome.NEW, RowOutcome.REJECTED]
    report = batch.rows[1]
    assert (report.line, report.column, report.reason) == (3, "external_id", RejectionReason.DUPLICATE_ID)
    assert "line 2" in (report.detail or "")


def test_a_repeated_id_elsewhere_in_the_feed_is_rejected_whatever_the_batches_are() -> None:
    other = ListingData(external_id="2")
    assert outcomes(compared(row(2), row(3, other), row(4))) == [RowOutcome.NEW, RowOutcome.NEW, RowOutcome.REJECTED]
    assert outcomes(compared(row(4), having=known(), seen=frozenset({"1"}))) == [RowOutcome.REJECTED]


def test_reports_are_in_the_order_of_the_feed_and_complete() -> None:
    bad = RowRejection(line=3, column="price", reason=RejectionReason.BAD_PRICE, detail="'ten'", external_id="9")
    batch = compared(row(4, ListingData(external_id="2")), bad, row(2))
    assert [(report.line, report.outcome) for report in batch.rows] == [
        (2, RowOutcome.NEW),
        (3, RowOutcome.REJECTED),
        (4, RowOutcome.NEW),
    ]


def test_a_photo_that_only_another_version_has_seen_is_looked_at_again_and_the_row_is_unchanged() -> None:
    had = known()
    content = ContentRef(sha256=b"x" * 32, size_bytes=1)
    had["1"].photos["a.jpg"] = replace(had["1"].photos["a.jpg"], content=content, seen=False)
    batch = compared(row(2), having=had)
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert [(photo.source, photo.content) for photo in batch.photos] == [("a.jpg", content)]
    assert not batch.replaced


def test_a_pending_photo_is_left_to_the_import_that_has_it() -> None:
    had = known()
    had["1"].photos["a.jpg"] = replace(had["1"].photos["a.jpg"], state=PhotoState.PENDING, seen=False)
    assert not compared(row(2), having=had).photos


def test_a_price_is_the_same_however_many_zeros_it_was_written_with() -> None:
    written = replace(SHIRT, price=Decimal("10"))
    assert outcomes(compared(row(2, written), having=known())) == [RowOutcome.UNCHANGED]


URL = "https://shop.example/a.jpg"
BYTES = ContentRef(sha256=b"x" * 32, size_bytes=1)


def known_url(**given: object) -> dict[str, KnownListing]:
    """A listing whose one photo is a URL that a server gave an ETag for."""
    had = known(photos=(URL,))
    photo = replace(had["1"].photos[URL], validator='etag:"1"', content=BYTES, **given)
    had["1"].photos[URL] = photo
    return had


def test_what_a_server_said_of_a_url_is_no_change() -> None:
    batch = compared(row(2, photos=(URL,)), having=known_url())
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert not batch.photos


def test_a_refetch_asks_for_known_urls_with_what_their_servers_said_and_changes_no_row() -> None:
    batch = compared(row(2, photos=(URL,)), having=known_url(), refetch=True)
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    (photo,) = batch.photos
    assert (photo.asked_again, photo.validator, photo.content) == (True, 'etag:"1"', BYTES)
    assert (batch.replaced, batch.touched_listing_ids) == ([], [])


def test_a_refetch_tries_a_url_in_quarantine_as_if_it_were_new() -> None:
    (photo,) = compared(row(2, photos=(URL,)), having=known_url(state=PhotoState.QUARANTINED), refetch=True).photos
    assert (photo.asked_again, photo.validator, photo.content) == (False, None, None)


def test_a_refetch_reads_a_file_again_as_if_it_were_new() -> None:
    batch = compared(row(2), having=known(), refetch=True)
    assert outcomes(batch) == [RowOutcome.UNCHANGED]
    assert [(photo.source, photo.content, photo.asked_again) for photo in batch.photos] == [("a.jpg", None, False)]


def test_a_refetch_leaves_pending_photos_and_files_that_did_not_come_alone() -> None:
    assert not compared(row(2, photos=(URL,)), having=known_url(state=PhotoState.PENDING), refetch=True).photos
    pending = known()
    pending["1"].photos["a.jpg"] = replace(pending["1"].photos["a.jpg"], state=PhotoState.PENDING)
    assert not compared(row(2), having=pending, refetch=True).photos
    gone = known(photos=("missing.jpg",))
    gone["1"].photos["missing.jpg"] = replace(gone["1"].photos["missing.jpg"], validator=None)
    assert not compared(row(2, photos=("missing.jpg",)), having=gone, refetch=True).photos
