"""What a batch of feed rows changes: a pure comparison of the feed with what is known. It writes and reads nothing."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from db.batches import Batch, KnownListing, KnownPhoto, PhotoToPlan, RowReport
from db.listings import ListingData
from db.rows import FeedRow, FoundPhoto, RowRejection, is_url
from db.states import PhotoState, Reason, RejectionReason, RowOutcome

# A row that says something else here than the row before it with the same id is no continuation of it.
IDENTITY = ("title", "brand", "seller", "seller_category")

FindPhoto = Callable[[str], FoundPhoto | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """The rows of one listing, which stand next to each other in the feed."""

    rows: list[FeedRow] = field(default_factory=list)

    @property
    def listing(self) -> ListingData:
        return self.rows[0].listing


def compare(
    entries: Sequence[FeedRow | RowRejection],
    *,
    known: Mapping[str, KnownListing],
    seen: set[str],
    find_photo: FindPhoto,
) -> Batch:
    """The batch to write for these rows.

    `seen`: external ids that earlier batches of this import had. `find_photo` finds what a reference means that is
    no URL; photos whose bytes it did not find in the store have no content yet (see `worker.planning`).
    """
    reports = [rejection_report(entry) for entry in entries if isinstance(entry, RowRejection)]
    groups, repeated = group_rows([entry for entry in entries if isinstance(entry, FeedRow)], seen)
    reports += repeated
    comparisons = [_Comparison.of(group, known.get(group.listing.external_id), find_photo) for group in groups]
    for group, comparison in zip(groups, comparisons, strict=True):
        first, *others = group.rows
        reports.append(RowReport(line=first.line, external_id=first.listing.external_id, outcome=comparison.outcome))
        reports += [
            RowReport(line=row.line, external_id=row.listing.external_id, outcome=RowOutcome.CONTINUED)
            for row in others
        ]
    return Batch(
        rows=sorted(reports, key=lambda report: report.line),
        listings=[c.listing for c in comparisons if c.listing is not None],
        photos=[photo for c in comparisons for photo in c.photos],
        replaced=[photo for c in comparisons for photo in c.replaced],
        gone=[photo for c in comparisons for photo in c.gone],
        touched_listing_ids=[c.known_id for c in comparisons if c.known_id is not None and c.photos_change],
    )


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
    """One listing of the feed against what is known of it."""

    outcome: RowOutcome
    known_id: int | None
    listing: tuple[ListingData, bytes] | None
    photos: list[PhotoToPlan]
    replaced: list[KnownPhoto]
    gone: list[KnownPhoto]

    @property
    def photos_change(self) -> bool:
        return bool(self.photos or self.gone)

    @classmethod
    def of(cls, group: _Group, known: KnownListing | None, find_photo: FindPhoto) -> "_Comparison":
        digest = row_hash(group.listing)
        wanted = wanted_photos(group, find_photo)
        had = known.photos if known else {}
        photos = [
            photo for source, photo in wanted.items() if source not in had or had[source].validator != photo.validator
        ]
        unseen = [
            replace(photo, content=had[source].content, reason=None, detail=None)
            for source, photo in wanted.items()
            if source in had and photo not in photos and is_unseen(had[source])
        ]
        gone = [photo for source, photo in had.items() if source not in wanted]
        data_changed = known is None or known.row_hash != digest
        outcome = RowOutcome.CHANGED if data_changed or photos or gone else RowOutcome.UNCHANGED
        return cls(
            outcome=RowOutcome.NEW if known is None else outcome,
            known_id=known.id if known else None,
            listing=(group.listing, digest) if data_changed else None,
            photos=photos + unseen,
            replaced=[had[photo.source] for photo in photos if photo.source in had],
            gone=gone,
        )


def is_unseen(photo: KnownPhoto) -> bool:
    """Whether another model version enriched it and this one has not, or its import was cancelled before anyone did.

    No change of the feed, but work.
    """
    return photo.state is PhotoState.CANCELLED or (photo.state is PhotoState.ENRICHED and not photo.seen)


def wanted_photos(group: _Group, find_photo: FindPhoto) -> dict[str, PhotoToPlan]:
    """The photos of a listing by source, in the feed's order, each once."""
    wanted: dict[str, PhotoToPlan] = {}
    for reference in (reference for row in group.rows for reference in row.photos):
        photo = planned_photo(group.listing.external_id, len(wanted), reference, find_photo)
        wanted.setdefault(photo.source, photo)
    return wanted


def planned_photo(external_id: str, position: int, reference: str, find_photo: FindPhoto) -> PhotoToPlan:
    if is_url(reference):
        return PhotoToPlan(external_id=external_id, position=position, source=reference, validator=None)
    found = find_photo(reference)
    if found is None:
        return PhotoToPlan(
            external_id=external_id,
            position=position,
            source=reference,
            validator=None,
            reason=Reason.NOT_FOUND,
            detail="no such file among the photos given with the feed",
        )
    return PhotoToPlan(
        external_id=external_id,
        position=position,
        source=found.name,
        validator=found.validator,
        content=found.content,
    )


def row_hash(listing: ListingData) -> bytes:
    """16 bytes that change when anything that the seller says changes."""
    said = [
        listing.external_id, listing.title, listing.brand, None if listing.price is None else f"{listing.price:.2f}",
        listing.currency, listing.gender, listing.colour, listing.size, listing.seller, listing.seller_category,
        listing.available, sorted(listing.metadata.items()),
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(said, ensure_ascii=False).encode(), digest_size=16).digest()
