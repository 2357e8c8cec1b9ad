import pytest

from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.planning import Entry, Order, PhotosNotGiven, in_batches, require_photos


class NoRows:
    def rows(self) -> "list[Entry]":  # type: ignore[override]
        return []


def row(line: int, external_id: str, *photos: str) -> FeedRow:
    return FeedRow(line=line, listing=ListingData(external_id=external_id), photos=photos)


def test_batches_hold_every_row_in_order() -> None:
    rows = [row(line, str(line)) for line in range(10)]
    batches = list(in_batches(rows, 4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert [entry for batch in batches for entry in batch] == rows


def test_rows_of_one_listing_are_never_parted() -> None:
    rows = [row(line, "same" if 2 <= line <= 6 else str(line)) for line in range(10)]
    assert [[entry.line for entry in batch] for batch in in_batches(rows, 4)] == [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9]]


def test_a_rejected_row_ends_a_batch_like_any_other() -> None:
    bad = RowRejection(line=2, column="id", reason=RejectionReason.MISSING_ID, detail="", external_id=None)
    assert [len(batch) for batch in in_batches([row(1, "a"), bad, row(3, "a")], 1)] == [1, 1, 1]


def test_forgotten_photos_stop_the_import_before_anything_is_written() -> None:
    order = Order(catalogue="c", feed_name="f", feed=NoRows())  # type: ignore[arg-type]
    with pytest.raises(PhotosNotGiven, match=r"10000\.jpg"):
        require_photos([row(2, "1", "10000.jpg")], order)
    require_photos([row(2, "1", "https://shop.example/1.jpg"), row(3, "2")], order)
