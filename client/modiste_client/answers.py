"""What the API answers, as frozen values. Names and fields are those of its OpenAPI document; a test compares them.

What a newer API adds is passed over.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What all answers have in common."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class Attribute(Answer):
    """An attribute the model saw, and how sure it was."""

    name: str
    score: float


class Seen(Answer):
    """What the active model version sees in the photo."""

    category: str | None
    category_score: float | None
    abstained: bool
    attributes: tuple[Attribute, ...]


class SimilarListing(Answer):
    """One similar listing; the columns of `modiste.similar_listings`."""

    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    category: str
    score: float
    photo_id: int | None
    matched_photo_id: int
    folded: int
    why: Mapping[str, Any]
    how: str


class PhotoAnswer(Answer):
    """What is seen in the photo, and the listings similar to it, both by one model version."""

    seen: Seen
    model_version: str
    similar: tuple[SimilarListing, ...]


class OfBatch(Answer):
    """One of the asked listings. Empty for one that does not exist or no worker has looked at yet."""

    listing_id: int
    similar: tuple[SimilarListing, ...]


class Photo(Answer):
    """The photo that stands for a listing: its first enriched one, else its first."""

    id: int
    state: str
    thumbnail: str | None


class PhotoOfListing(Photo):
    """One photo of a listing, with what became of it."""

    position: int
    source: str
    reason: str | None
    detail: str | None
    width_px: int | None
    height_px: int | None


class Enrichment(Answer):
    """What the active model version says of a listing, over all its photos."""

    category: str
    category_score: float
    abstained: bool
    corrected: bool
    attributes: tuple[Attribute, ...]
    photos: int
    model_version: str
    enriched_at: datetime


class Card(Answer):
    """A listing as a list shows it."""

    id: int
    catalogue: str
    external_id: str
    title: str | None
    brand: str | None
    price: float | None
    currency: str | None
    gender: str | None
    colour: str | None
    size: str | None
    seller: str | None
    seller_category: str | None
    available: bool
    photo: Photo | None
    enrichment: Enrichment | None


class ListingPage(Answer):
    """`next` goes into the parameter `after` of the following question; null on the last page."""

    listings: tuple[Card, ...]
    next: str | None


class Listing(Card):
    """Everything that is known of one listing."""

    metadata: Mapping[str, Any]
    photos: tuple[PhotoOfListing, ...]
    created_at: datetime
    updated_at: datetime


class Catalogue(Answer):
    """A named set of listings."""

    name: str
    listings: int
    estimated: bool
    created_at: datetime


class PutListing(Answer):
    """What came of it: photos that were seen before need no worker."""

    listing_id: int
    outcome: str
    import_id: int
    photos_pending: int
    photos_known: int


class StoredPhoto(Answer):
    """A photo in the store. `source` may be named among the photos of a listing."""

    source: str
    width_px: int
    height_px: int


class Rows(Answer):
    """Rows of the feed by what became of them; `total` is their sum."""

    total: int
    new: int
    changed: int
    unchanged: int
    continued: int
    rejected: int


class Photos(Answer):
    """Photos by where they stand; `total` is the sum of the first four."""

    total: int
    enriched: int
    quarantined: int
    cancelled: int
    pending: int
    inferred: int


class Import(Answer):
    """One run over a feed."""

    id: int
    catalogue: str
    feed: str
    lane: str
    state: str
    model_version: str
    error: str | None
    full: bool
    listings_withdrawn: int
    refetch: bool
    rows: Rows
    photos: Photos
    progress: float | None
    paused_at: datetime | None
    started_at: datetime
    planned_at: datetime | None
    finished_at: datetime | None
    running_s: float


class ImportProgress(Import):
    """An import, and how fast it goes."""

    photos_per_s: float
    seconds_left: float | None


class RowsForecast(Answer):
    """Rows of the feed by what would become of them."""

    new: int
    changed: int
    unchanged: int
    continued: int
    rejected: int


class RejectedRow(Answer):
    """A row that would not be taken, and why."""

    line: int
    external_id: str | None
    column: str | None
    reason: str | None
    detail: str | None


class Forecast(Answer):
    """What an import would do, and what it would take. Photos and sizes are upper bounds; sizes in bytes.

    `columns`: field → the column taken for it; `metadata`: columns that are kept as they are.
    """

    rows: RowsForecast
    photos: int
    photos_to_fetch: int
    photos_asked_again: int
    photos_at_hand: int
    photos_known: int
    photos_without_file: int
    hosts: Mapping[str, int]
    photos_per_s: float | None
    seconds: float | None
    stored_bytes: int
    index_bytes: int
    withdrawn: int | None
    available: int | None
    refusal: str | None
    columns: Mapping[str, str]
    metadata: tuple[str, ...]
    rejected: tuple[RejectedRow, ...]


class ImportPage(Answer):
    """Newest first; `next` goes into the parameter `after`."""

    imports: tuple[Import, ...]
    next: str | None


class PlayedAgain(Answer):
    """What was put to work again, and what was not."""

    photos: int
    left: Mapping[str, int]
    without_file: int
    imported: Import


class RowOfReport(Answer):
    """What became of one row of the feed; or that a listing which a whole feed did not have was withdrawn."""

    line: int | None
    external_id: str | None
    outcome: str
    changed: tuple[str, ...] | None
    column: str | None
    reason: str | None
    detail: str | None


class ReportPage(Answer):
    """`next` goes into the parameter `after`; null on the last page."""

    rows: tuple[RowOfReport, ...]
    next: str | None


class QuarantinedPhoto(Answer):
    """A photo that cannot be enriched, and why."""

    photo_id: int
    import_id: int
    listing_id: int
    catalogue: str
    external_id: str
    source: str
    reason: str
    detail: str | None
    quarantined_at: datetime


class QuarantinePage(Answer):
    """`next` goes into the parameter `after`; null on the last page."""

    photos: tuple[QuarantinedPhoto, ...]
    next: str | None


class Correction(Answer):
    """What a person said of a listing. `was` and `now` are words, None for none; alike where it was right."""

    id: int
    listing_id: int
    catalogue: str
    external_id: str
    title: str | None
    photo_id: int | None
    field: str
    was: str | None
    now: str | None
    who: str
    made_at: datetime
    undone_at: datetime | None


class CorrectionPage(Answer):
    """`next` goes into the parameter `after`; null on the last page."""

    corrections: tuple[Correction, ...]
    next: str | None


class ModelVersion(Answer):
    """A registered model; at most one is active."""

    name: str
    state: str
    embedding_dim: int
    registered_at: datetime
    activated_at: datetime | None
    indexed: bool
    metrics: Mapping[str, float]


class Coverage(Answer):
    """Of the photo contents that answers rest on, those that a version has seen."""

    shown: int
    covered: int
    given_up: int
    lacking: int
    share: float


class ModelDetails(ModelVersion):
    """A model version with what it can say and what it learned from."""

    parent: str | None
    backbone: str | None
    categories: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    coverage: Coverage
