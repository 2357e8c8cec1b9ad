"""What has to come of a feed's bytes, whatever they are: rows and rejections that can be written, or a FeedError."""

from collections import Counter
from contextlib import closing
from pathlib import Path

from db.comparing import Entry, compare
from db.rows import FeedRow
from db.states import RejectionReason, RowOutcome
from tests.fuzz.looking import writable
from worker.batches import FeedBatch, in_batches
from worker.feed import FeedError, open_feed
from worker.feed.rows import MAX_FIELD_CHARS, MAX_PHOTOS, MAX_REFERENCE_BYTES
from worker.photos import PhotosError, open_photos
from worker.photos.sources import MAX_PHOTO_BYTES


def outcome(path: Path) -> str:
    """`rows`, `rejected`, `empty`, or the FeedError's name. Raises what no planner reckons with."""
    entries: list[Entry] = []
    ended = "rows"
    try:
        with open_feed(path, scratch=path.parent) as feed:
            writable(feed.described)
            for entry in feed.rows():
                entries.append(entry)  # noqa: PERF402 - what came before an error counts
            for name in feed.columns:
                writable(name)
    except FeedError as error:
        writable(str(error))
        ended = type(error).__name__
    lines = [entry.line for entry in entries]
    assert lines == sorted(set(lines))
    for entry in entries:
        check(entry)
    if ended == "rows":
        ended = accounted(entries)
    return ended


def check(entry: Entry) -> None:
    """Whether PostgreSQL takes it, and whether it keeps to the limits."""
    if not isinstance(entry, FeedRow):
        assert entry.reason in RejectionReason
        for text in (entry.column, entry.detail, entry.external_id or ""):
            writable(text)
        return
    said = entry.listing
    assert said.external_id
    for text in (said.external_id, said.brand, said.currency, said.gender, said.colour, said.size, said.seller):
        assert len(text or "") <= MAX_FIELD_CHARS
    for text in (said.external_id, said.title, said.brand, said.gender, said.colour, said.size, said.seller):
        writable(text or "")
    for name, text in said.metadata.items():
        writable(name)
        writable(text)
    assert said.price is None or 0 <= said.price < 10**12
    assert len(entry.photos) <= MAX_PHOTOS
    for photo in entry.photos:
        writable(photo)
        assert len(photo.encode()) <= MAX_REFERENCE_BYTES


def accounted(entries: list[Entry]) -> str:
    """Each row that was read has one outcome."""
    seen: set[str] = set()
    outcomes: Counter[RowOutcome] = Counter()
    for batch in in_batches(entries, 5):
        rows = FeedBatch.of(batch)
        reports = compare(rows.entries, hashes=rows.hashes, known={}, seen=seen, find_photo=lambda _: None).rows
        assert [report.line for report in reports] == [entry.line for entry in batch]
        outcomes.update(report.outcome for report in reports)
        seen |= rows.hashes.keys()
    assert outcomes.total() == len(entries)
    rejected = outcomes[RowOutcome.REJECTED]
    assert outcomes[RowOutcome.NEW] + outcomes[RowOutcome.CONTINUED] + rejected == len(entries)
    return "empty" if not entries else "rejected" if rejected else "rows"


def outcome_of_photos(path: Path) -> str:
    """`photos`, or the PhotosError's name. Whatever is read is bounded, and of the zip."""
    try:
        with closing(open_photos(path)) as photos:
            for photo in photos.images():
                assert not photo.name.startswith("/")
                assert ".." not in photo.name.split("/")
                writable(photo.name)
                try:
                    data = photos.read(photo)
                except PhotosError as error:
                    writable(str(error))
                else:
                    assert len(data) == photo.size_bytes <= MAX_PHOTO_BYTES
            for reference in ("1.jpg", "../1.jpg", "a/1", "\0", "/etc/passwd", "x\\y"):
                photos.find(reference)
    except PhotosError as error:
        writable(str(error))
        return type(error).__name__
    return "photos"
