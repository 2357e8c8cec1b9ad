from collections.abc import Iterator

import pytest

from db.comparing import Entry, row_hashes
from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker import batches
from worker.batches import in_batches, read_ahead
from worker.planning import Order, PhotosNotGiven, require_photos


class NoRows:
    def rows(self) -> Iterator[Entry]:
        return iter(())


def row(line: int, external_id: str, *photos: str) -> FeedRow:
    return FeedRow(line=line, listing=ListingData(external_id=external_id), photos=photos)


def test_batches_hold_every_row_in_order() -> None:
    rows = [row(line, str(line)) for line in range(10)]
    parts = list(in_batches(rows, 4))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert [entry for part in parts for entry in part] == rows


def test_rows_of_one_listing_are_not_parted() -> None:
    rows = [row(line, "same" if 2 <= line <= 6 else str(line)) for line in range(10)]
    assert [[entry.line for entry in batch] for batch in in_batches(rows, 4)] == [[0, 1, 2, 3, 4, 5, 6], [7, 8, 9]]


def test_a_feed_that_says_one_id_for_ever_does_not_fill_the_memory() -> None:
    rows = (row(line, "same") for line in range(20))
    assert [len(batch) for batch in in_batches(rows, 4)] == [8, 8, 4]


def test_a_rejected_row_ends_a_batch_like_any_other() -> None:
    bad = RowRejection(line=2, column="id", reason=RejectionReason.MISSING_ID, detail="", external_id=None)
    assert [len(batch) for batch in in_batches([row(1, "a"), bad, row(3, "a")], 1)] == [1, 1, 1]


def test_reading_ahead_gives_every_row_in_order_with_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 4)
    rows = [row(line, str(line)) for line in range(10)]
    read = list(read_ahead(rows))
    assert [len(batch.entries) for batch in read] == [4, 4, 2]
    assert [entry for batch in read for entry in batch.entries] == rows
    assert {id_: digest for batch in read for id_, digest in batch.hashes.items()} == row_hashes(rows)


def test_only_one_batch_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 1)
    asked: list[int] = []

    def rows() -> Iterator[Entry]:
        for line in range(100):
            asked.append(line)
            yield row(line, str(line))

    reading = read_ahead(rows())
    next(reading)
    reading.close()
    assert len(asked) <= 4  # the first, the one ahead, and each one's end is seen at the row behind it


def test_what_reading_raises_comes_behind_what_was_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 1)

    def rows() -> Iterator[Entry]:
        yield row(1, "a")
        yield row(2, "b")
        raise OSError("the disk is gone")

    reading = read_ahead(rows())
    assert next(reading).hashes.keys() == {"a"}
    with pytest.raises(OSError, match="the disk is gone"):
        list(reading)


def test_forgotten_photos_stop_the_import_before_anything_is_written() -> None:
    order = Order(catalogue="c", feed_name="f", feed=NoRows())
    with pytest.raises(PhotosNotGiven, match=r"10000\.jpg"):
        require_photos([row(2, "1", "10000.jpg")], order)
    require_photos([row(2, "1", "https://shop.example/1.jpg"), row(3, "2")], order)
