"""What a batch of feed rows changes: a pure comparison of the feed with what is known. It writes and reads nothing."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal

from db.batches import Batch, KnownListing, KnownPhoto, PhotoToPlan, RowReport
from db.comparing_photos import FindPhoto, photos_to_plan, wanted_photos
from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import PhotoState, RejectionReason, RowOutcome

# A row that says something else here than the row before it with the same id is no continuation of it.
IDENTITY = ("title", "brand", "seller", "seller_category")

# What a change is called by, in the order in which changes are told.
FIELDS = tuple(field.name for field in fields(ListingData) if field.name not in ("external_id", "metadata"))
PHOTOS = "photos"

Entry = FeedRow | RowRejection
encode_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """The rows of one listing, which stand next to each other in the feed."""

    rows: list[FeedRow] = field(default_factory=list)

    @property
    def listing(self) -> ListingData:
        return self.rows[0].listing


def row_hashes(entries: Iterable[Entry]) -> dict[str, bytes]:
    """The hash of each listing that these rows are of, by external id: what `known_listings` and `compare` ask for."""
    hashes: dict[str, bytes] = {}
    for entry in entries:
        if isinstance(entry, FeedRow) and entry.listing.external_id not in hashes:
            hashes[entry.listing.external_id] = row_hash(entry.listing)
    return hashes


def compare(
    entries: Sequence[Entry],
    *,
    hashes: Mapping[str, bytes],
    known: Mapping[str, KnownListing],
    seen: set[str],
    find_photo: FindPhoto,
    refetch: bool = False,
    overtaken: Collection[int] = (),
) -> Batch:
    """The batch to write for these rows.

    `hashes`: their `row_hashes`. `known`: what `known_listings` gave for these. `seen`: external ids that earlier
    batches of this import had. `find_photo` finds what a reference means that is no URL; photos whose bytes it did not
    find in the store have no content yet (see `worker.planning`). `refetch`: URLs that are known are asked again, and
    files read again. `overtaken`: imports whose pending photos are put to work here instead.
    """
    reports = [rejection_report(entry) for entry in entries if isinstance(entry, RowRejection)]
    groups, repeated = group_rows([entry for entry in entries if isinstance(entry, FeedRow)], seen)
    reports += repeated
    comparisons = [
        _Comparison.of(
            group, hashes, known.get(group.listing.external_id), find_photo, refetch=refetch, overtaken=overtaken
        )
        for group in groups
    ]
    for group, comparison in zip(groups, comparisons, strict=True):
        reports += row_reports(group, comparison)
    return Batch(
        rows=sorted(reports, key=lambda report: report.line),
        known={c.external_id: c.known_id for c in comparisons if c.known_id is not None and (c.listing or c.photos)},
        listings=[c.listing for c in comparisons if c.listing is not None],
        photos=[photo for c in comparisons for photo in c.photos],
        replaced=[photo for c in comparisons for photo in c.replaced],
        gone=[photo for c in comparisons for photo in c.gone],
        touched_listing_ids=[c.known_id for c in comparisons if c.known_id is not None and c.photos_change],
    )


def row_reports(group: _Group, comparison: "_Comparison") -> Iterator[RowReport]:
    first, *others = group.rows
    external_id = comparison.external_id
    changed = comparison.changed if comparison.outcome is RowOutcome.CHANGED else None
    yield RowReport(line=first.line, external_id=external_id, outcome=comparison.outcome, changed=changed)
    for row in others:
        yield RowReport(line=row.line, external_id=external_id, outcome=RowOutcome.CONTINUED)


def rejection_report(rejection: RowRejection) -> RowReport:
    return RowReport(
        line=rejection.line,
        external_id=rejection.external_id,
        outcome=RowOutcome.REJECTED,
        column=rejection.column,
        reason=rejection.reason,
        detail=rejection.detail,
    )


def group_rows(rows: Sequence[FeedRow], seen: set[str]) -> tuple[list[_Group], list[RowReport]]:
    """Rows by listing; a row whose id was used by rows elsewhere, or for another listing, is rejected."""
    groups: dict[str, _Group] = {}
    rejected: list[RowReport] = []
    previous: str | None = None
    for row in rows:
        external_id = row.listing.external_id
        group = groups.get(external_id)
        if group is None and external_id not in seen:
            groups[external_id] = _Group(rows=[row])
        elif group is not None and external_id == previous and continues(group.listing, row.listing):
            group.rows.append(row)
        else:
            rejected.append(repeated_id(row, group))
        previous = external_id
    return list(groups.values()), rejected


def continues(first: ListingData, later: ListingData) -> bool:
    """Whether `later` is another variant or photo of the listing, as in Shopify's feeds, and not another listing."""
    return all(getattr(later, name) in (None, getattr(first, name)) for name in IDENTITY)


def repeated_id(row: FeedRow, group: _Group | None) -> RowReport:
    where = f"line {group.rows[0].line}" if group else "an earlier line"
    return RowReport(
        line=row.line,
        external_id=row.listing.external_id,
        outcome=RowOutcome.REJECTED,
        column="external_id",
        reason=RejectionReason.DUPLICATE_ID,
        detail=f"{row.listing.external_id} was given by {where}; rows of one listing stand next to each other "
        "and agree in title, brand, seller and category",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Comparison:
    """One listing of the feed against what is known of it. `changed` names what differs."""

    external_id: str
    outcome: RowOutcome
    changed: Sequence[str]
    known_id: int | None
    listing: tuple[ListingData, bytes] | None
    photos: list[PhotoToPlan]
    replaced: list[KnownPhoto]
    gone: list[KnownPhoto]

    @property
    def photos_change(self) -> bool:
        return PHOTOS in self.changed

    @classmethod
    def of(
        cls,
        group: _Group,
        hashes: Mapping[str, bytes],
        known: KnownListing | None,
        find_photo: FindPhoto,
        *,
        refetch: bool,
        overtaken: Collection[int],
    ) -> "_Comparison":
        listing = group.listing
        wanted = wanted_photos(group.rows, find_photo)
        if known is None:
            photos, _ = photos_to_plan(listing.external_id, wanted, {}, refetch=False, overtaken=())
            return cls(
                external_id=listing.external_id,
                outcome=RowOutcome.NEW,
                changed=(),
                known_id=None,
                listing=(listing, hashes[listing.external_id]),
                photos=photos,
                replaced=[],
                gone=[],
            )
        photos, again = photos_to_plan(listing.external_id, wanted, known.photos, refetch=refetch, overtaken=overtaken)
        gone = [photo for source, photo in known.photos.items() if source not in wanted]
        changed = differences(known.before, listing) if known.before else []
        if photos or gone:
            changed.append(PHOTOS)
        return cls(
            external_id=listing.external_id,
            outcome=RowOutcome.CHANGED if changed else RowOutcome.UNCHANGED,
            changed=changed,
            known_id=known.id,
            listing=(listing, hashes[listing.external_id]) if known.before else None,
            photos=photos + again,
            replaced=[
                had
                for photo in (*photos, *again)
                if (had := known.photos.get(photo.source)) and (photo in photos or had.state is PhotoState.PENDING)
            ],
            gone=gone,
        )


def differences(before: ListingData, now: ListingData) -> list[str]:
    """Fields and `metadata.KEY` in which a seller says something else now."""
    names = [name for name in FIELDS if comparable(before, name) != comparable(now, name)]
    old, new = before.metadata, now.metadata
    return names + [f"metadata.{key}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


def comparable(listing: ListingData, name: str) -> object:
    """A field as the database keeps it: prices have two decimals there."""
    value = getattr(listing, name)
    return f"{value:.2f}" if isinstance(value, Decimal) else value


def row_hash(listing: ListingData) -> bytes:
    """16 bytes that change when anything that the seller says changes."""
    said = [
        listing.external_id, listing.title, listing.brand, None if listing.price is None else f"{listing.price:.2f}",
        listing.currency, listing.gender, listing.colour, listing.size, listing.seller, listing.seller_category,
        listing.available, sorted(listing.metadata.items()),
    ]  # fmt: skip
    return hashlib.blake2b(encode_json(said).encode(), digest_size=16).digest()
