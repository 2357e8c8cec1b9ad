"""Imports as HTTP shows them: counters that add up, progress, rate and time left."""

from datetime import datetime
from pathlib import PurePath
from typing import Any

from pydantic import Field

from api.cards import Shown
from db.imports import ImportStatus
from db.states import ImportState, Lane


class Rows(Shown):
    """Rows of the feed by what became of them; `total` is their sum."""

    total: int = Field(examples=[4200])
    new: int = Field(examples=[0])
    changed: int = Field(examples=[5])
    unchanged: int = Field(examples=[4193])
    continued: int = Field(description="Rows that continue the listing of the row before.", examples=[0])
    rejected: int = Field(examples=[2])


class Photos(Shown):
    """Photos by where they stand; `total` is the sum of the first four."""

    total: int = Field(examples=[1])
    enriched: int = Field(examples=[1])
    quarantined: int = Field(examples=[0])
    cancelled: int = Field(examples=[0])
    pending: int = Field(examples=[0])
    inferred: int = Field(description="Of the enriched, those that went through the network.", examples=[1])


class Import(Shown):
    """One run over a feed."""

    id: int = Field(examples=[2])
    catalogue: str = Field(examples=["default"])
    feed: str = Field(examples=["feed.csv"])
    lane: Lane = Field(examples=["bulk"])
    state: ImportState = Field(examples=["done"])
    model_version: str = Field(examples=["lite0-staged-5"])
    error: str | None = Field(
        description="Why its feed was not read to the end; what was read is enriched, unless it is cancelled.",
        examples=[None],
    )
    full: bool = Field(description="The feed is all there is.", examples=[False])
    listings_withdrawn: int = Field(
        description="Listings that became unavailable, as a full feed does not have them.", examples=[0]
    )
    refetch: bool = Field(description="Known photo URLs were asked again.", examples=[False])
    rows: Rows
    photos: Photos
    progress: float | None = Field(
        description="Share of the photos known so far that are done; null while none is known.", examples=[1.0]
    )
    paused_at: datetime | None = Field(
        description="Since when nothing of it is handed out; `resume` lets it go on.", examples=[None]
    )
    started_at: datetime = Field(examples=["2026-11-23T12:00:00Z"])
    planned_at: datetime | None = Field(description="When the last row was read.", examples=["2026-11-23T12:00:10Z"])
    finished_at: datetime | None = Field(examples=["2026-11-23T12:00:40Z"])
    running_s: float = Field(examples=[40.0])


class ImportProgress(Import):
    """An import, and how fast it goes."""

    photos_per_s: float = Field(
        description="Over the last minute; once it is finished, on average over its running time.", examples=[96.0]
    )
    seconds_left: float | None = Field(
        description="Null while nothing moves, rows are still read, or it is paused.", examples=[31.0]
    )


class ImportPage(Shown):
    """Newest first; `next` goes into the parameter `after`."""

    imports: list[Import]
    next: str | None = Field(examples=[None])


def import_of(status: ImportStatus) -> Import:
    return Import(**_values(status))


def progress_of(status: ImportStatus, photos_per_s: float) -> ImportProgress:
    """`photos_per_s`: over the last minute."""
    if status.finished:
        return ImportProgress(**_values(status), photos_per_s=average_of(status), seconds_left=0.0)
    known = status.planned_at is not None and status.paused_at is None and photos_per_s > 0
    left = status.photos_pending / photos_per_s if known else None
    return ImportProgress(**_values(status), photos_per_s=photos_per_s, seconds_left=left)


def average_of(status: ImportStatus) -> float:
    """Photos that became something a second, over the whole running time."""
    done = status.photos_enriched + status.photos_quarantined
    return done / status.running_s if status.running_s > 0 else 0.0


def _values(status: ImportStatus) -> dict[str, Any]:
    own = {name: getattr(status, name) for name in Import.model_fields if hasattr(status, name)}
    done = status.photos_total - status.photos_pending
    share = done / status.photos_total if status.photos_total else 1.0 if status.finished else None
    return own | {
        "feed": public_feed(status.feed),
        "full": status.whole,
        "rows": _rows(status),
        "photos": _photos(status),
        "progress": share,
    }


def public_feed(feed: str) -> str:
    """Without the folders of whichever machine it was read on."""
    return feed if "://" in feed else PurePath(feed).name


def _rows(status: ImportStatus) -> Rows:
    counted = {name: getattr(status, f"rows_{name}") for name in Rows.model_fields if name != "total"}
    return Rows(**counted, total=status.rows)


def _photos(status: ImportStatus) -> Photos:
    return Photos(**{name: getattr(status, f"photos_{name}") for name in Photos.model_fields})
