"""What crosses from a planner to the database and back: what is known, what is to be written, what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from db.listings import ListingData
from db.states import PhotoState, Reason, RowOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRef:
    """The bytes of a photo, known by `sha256` (32 bytes); sizes in pixels and `fingerprint` where they were read."""

    sha256: bytes
    size_bytes: int
    width_px: int | None = None
    height_px: int | None = None
    fingerprint: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPhoto:
    """A photo as the database has it.

    `import_id` is the import that put it to work last; `content` its bytes, where they were read; `seen`: the model
    version in question has enriched them.
    """

    id: int
    source: str
    validator: str | None
    state: PhotoState
    import_id: int
    content: ContentRef | None = None
    seen: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownListing:
    """A listing as the database has it, its photos by source.

    `before`: what its seller said, where that is to be compared; None where the hash tells that nothing changed.
    """

    id: int
    available: bool
    photos: dict[str, KnownPhoto]
    before: ListingData | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoToPlan:
    """A photo that is new to its listing or has changed. With `reason` it goes straight into quarantine.

    `asked_again`: its URL is known and enriched, and a worker asks whether it gives something else now.
    """

    external_id: str
    position: int
    source: str
    validator: str | None
    content: ContentRef | None = None
    reason: Reason | None = None
    detail: str | None = None
    asked_again: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RowReport:
    """What became of one row of the feed. `changed`: of a changed row its fields, `metadata.KEY` and `photos`."""

    line: int
    external_id: str | None
    outcome: RowOutcome
    column: str | None = None
    reason: str | None = None
    detail: str | None = None
    changed: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One batch of a feed, compared with what is known and ready to be written.

    `known`: ids of the listings among `listings` and `photos` that are there already, by external id.
    """

    rows: Sequence[RowReport]
    known: Mapping[str, int] = field(default_factory=dict)
    listings: Sequence[tuple[ListingData, bytes]] = ()  # new or changed, with their row hash
    photos: Sequence[PhotoToPlan] = ()
    replaced: Sequence[KnownPhoto] = ()  # known photos that `photos` overwrites
    gone: Sequence[KnownPhoto] = ()  # known photos that the feed no longer has
    touched_listing_ids: Sequence[int] = ()  # known listings that this batch changes


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What a batch put to work: photos still pending, in the order of the feed, for the caller to shard."""

    pending_photo_ids: Sequence[int]
    photos: int
    quarantined: int
    recognised: int  # their content was already enriched by this model version
