"""A feed batch by batch: as many rows as one transaction plans, read and hashed while those before are written."""

import gc
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from db.comparing import Entry, row_hashes
from db.rows import FeedRow

# Enough that round trips cost little, and few enough that a listing put by hand never waits long for its catalogue.
BATCH_ROWS = 5000
# Objects that are allocated and not freed: more than a batch has, so that most batches come and go between.
COLLECT_EVERY = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedBatch:
    """Rows as they stand in the feed, and the row hashes of their listings by external id."""

    entries: list[Entry] = field(default_factory=list)
    hashes: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: list[Entry]) -> "FeedBatch":
        return cls(entries=entries, hashes=row_hashes(entries))


def read_ahead(entries: Iterable[Entry]) -> Iterator[FeedBatch]:
    """All of a feed. While one batch is worked on a thread reads the next, and no more than that.

    Raises what reading raises, behind the batches that were read before.
    """
    batches = map(FeedBatch.of, in_batches(entries, BATCH_ROWS))
    with rare_collections(), ThreadPoolExecutor(1, thread_name_prefix="read-feed") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


@contextmanager
def rare_collections() -> Iterator[None]:
    """A row is some dozens of small objects and no cycle: looking for cycles took a quarter of a planner's time."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def in_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """About `size` entries at a time, not parting rows of one listing that stand next to each other.

    Unless there are more than `size` of them: a feed that says one id for ever must not fill the memory. Those beyond
    are rejected as repeated.
    """
    batch: list[Entry] = []
    for entry in entries:
        if len(batch) >= 2 * size or (len(batch) >= size and not is_continuation(batch[-1], entry)):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def is_continuation(previous: Entry, entry: Entry) -> bool:
    return (
        isinstance(previous, FeedRow)
        and isinstance(entry, FeedRow)
        and previous.listing.external_id == entry.listing.external_id
    )
