"""A dry run: what an import would do, and what it would take in time, disk and memory. It writes nothing.

It takes the planner's way through the feed. Photo files are read and hashed, as the import would; no URL is asked.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import Engine

from db.batches import PhotoToPlan, RowReport
from db.catalogues import check_new_name, known_listings
from db.comparing import Entry, compare
from db.engine import transaction
from db.enrichments import recognise
from db.forecasts import Capacity, capacity
from db.rows import RowRejection, is_url
from db.states import RowOutcome
from db.withdrawals import count_available, refusal
from worker.batches import FeedBatch, read_ahead
from worker.photos.errors import FetchError
from worker.photos.urls import parse_url
from worker.planning import Order, Tally, finder, require_photos
from worker.stored_photos import StoredPhotos

REJECTIONS_TOLD = 100
HOSTS_TOLD = 10
# The mean of two shops' photos kept at 256 pixels was 8 and 18 kB.
STORED_COPY_BYTES = 16_000


@dataclass(kw_only=True, slots=True)
class Photos:
    """Photos that an import would put to work, by what is to be done; `hosts` of those that are fetched or asked for.

    `at_hand`: their bytes lie beside the feed or in the store. `known`: the model version has seen these bytes.
    """

    to_fetch: int = 0
    asked_again: int = 0
    at_hand: int = 0
    known: int = 0
    without_file: int = 0
    hosts: Counter[str] = field(default_factory=Counter)
    stored_bytes: int = 0

    @property
    def to_look_at(self) -> int:
        """At most: what a URL gives may be known too."""
        return self.to_fetch + self.asked_again + self.at_hand

    @property
    def new(self) -> int:
        """At most so many contents come to those that are there."""
        return self.to_fetch + self.at_hand


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """Listings that a whole feed would take off sale, of those that are available; `refusal`: why it would not."""

    listings: int
    available: int
    refusal: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What an import would do. `withdrawal` is None unless the feed is said to be whole."""

    tally: Tally
    rejections: Sequence[RowReport]
    photos: Photos
    capacity: Capacity
    withdrawal: Withdrawal | None

    @property
    def stored_bytes(self) -> int:
        """What the store keeps of new photos: files as they are, of fetched ones a small copy."""
        return self.photos.stored_bytes + self.photos.to_fetch * STORED_COPY_BYTES

    @property
    def index_bytes(self) -> int:
        """Memory of the index once all of it is enriched."""
        return self.capacity.index_bytes(self.photos.new)

    @property
    def seconds(self) -> float | None:
        """None where nothing tells how fast photos are looked at here."""
        rate = self.capacity.photos_per_s
        return self.photos.to_look_at / rate if rate else None

    def as_json(self) -> dict[str, Any]:
        """Plain values, as programs read them. Sizes in bytes."""
        photos, found = self.photos, self.withdrawal
        return {
            "rows": {outcome.value: count for outcome, count in self.tally.rows.items()},
            "photos": photos.to_look_at,
            "photos_to_fetch": photos.to_fetch,
            "photos_asked_again": photos.asked_again,
            "photos_at_hand": photos.at_hand,
            "photos_known": photos.known,
            "photos_without_file": photos.without_file,
            "hosts": dict(photos.hosts.most_common(HOSTS_TOLD)),
            "photos_per_s": self.capacity.photos_per_s,
            "seconds": self.seconds,
            "stored_bytes": self.stored_bytes,
            "index_bytes": self.index_bytes,
            "withdrawn": found and found.listings,
            "available": found and found.available,
            "refusal": (found and found.refusal) or None,
            "rejected": [rejection_as_json(row) for row in self.rejections],
        }


def rejection_as_json(row: RowReport) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("line", "external_id", "column", "reason", "detail")}


def dry_run(engine: Engine, order: Order, *, on_batch: Callable[[Tally], None] = lambda _: None) -> Forecast:
    """What an import would do, having changed nothing. Raises as `plan_import` does."""
    with transaction(engine) as connection:
        check_new_name(connection, order.catalogue)
        means = capacity(connection)
    run = _DryRun(engine, order, means.version_id)
    batches = read_ahead(order.feed.rows())
    first = next(batches, FeedBatch())
    require_photos(first.entries, order)
    for rows in chain([first], batches):
        run.look_at(rows)
        on_batch(run.tally)
    return Forecast(
        tally=run.tally,
        rejections=run.rejections,
        photos=run.photos,
        capacity=means,
        withdrawal=run.withdrawal() if order.whole else None,
    )


class _DryRun:
    """What was found so far."""

    def __init__(self, engine: Engine, order: Order, version_id: int) -> None:
        self._engine = engine
        self._order = order
        self._version_id = version_id
        self._seen: set[str] = set()
        self._contents: set[bytes] = set()
        self._present: set[str] = set()  # available listings that the feed has
        self.tally, self.photos = Tally(), Photos()
        self.rejections: list[RowReport] = []

    def look_at(self, rows: FeedBatch) -> None:
        order = self._order
        hashes = rejected_ids(rows.entries) | rows.hashes
        with transaction(self._engine) as connection:
            known = known_listings(connection, order.catalogue, hashes, model_version_id=self._version_id)
        batch = compare(
            rows.entries,
            hashes=rows.hashes,
            known=known,
            seen=self._seen,
            find_photo=finder(order.photos),
            refetch=order.refetch,
        )
        self.tally.add(batch)
        refused = [row for row in batch.rows if row.outcome is RowOutcome.REJECTED]
        self.rejections += refused[: REJECTIONS_TOLD - len(self.rejections)]
        self._seen |= rows.hashes.keys()
        if order.whole:
            self._present |= {external_id for external_id, listing in known.items() if listing.available}
        self._sort_photos(StoredPhotos(order.photos, digest_of).put(batch.photos))

    def _sort_photos(self, planned: Sequence[PhotoToPlan]) -> None:
        digests = {photo.content.sha256 for photo in planned if photo.content}
        with transaction(self._engine) as connection:
            known = recognise(connection, digests, self._version_id)
        for photo in planned:
            self._sort(photo, known)

    def _sort(self, photo: PhotoToPlan, known: set[bytes]) -> None:
        photos = self.photos
        if photo.reason:
            photos.without_file += 1
        elif is_url(photo.source) and (photo.asked_again or photo.content is None):
            photos.asked_again += photo.asked_again
            photos.to_fetch += not photo.asked_again
            photos.hosts[host_of(photo.source)] += 1
        elif photo.content and (photo.content.sha256 in known or photo.content.sha256 in self._contents):
            photos.known += 1
        else:
            photos.at_hand += 1
            if photo.content:
                self._contents.add(photo.content.sha256)
                photos.stored_bytes += photo.content.size_bytes

    def withdrawal(self) -> Withdrawal:
        with transaction(self._engine) as connection:
            available = count_available(connection, self._order.catalogue)
        missing = available - len(self._present)
        return Withdrawal(
            listings=missing,
            available=available,
            refusal=refusal(missing, available, self._order.withdraw_share_max),
        )


def rejected_ids(entries: Sequence[Entry]) -> dict[str, bytes]:
    """Ids of rejected rows, to be looked up; no hash is theirs."""
    return {entry.external_id: b"" for entry in entries if isinstance(entry, RowRejection) and entry.external_id}


def digest_of(data: bytes) -> str:
    """In place of putting a photo into the store."""
    return hashlib.sha256(data).hexdigest()


def host_of(url: str) -> str:
    try:
        return str(parse_url(url).host)
    except FetchError:
        return "not a URL that is fetched"
