"""Areas and names: where a file of the store stands below its root. Knows no disk and no network."""

import re
from enum import StrEnum

from store.errors import InvalidName

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", re.ASCII)
_CONTENT_NAME = re.compile(r"[0-9a-f]{64}(?![0-9a-f])")


class Area(StrEnum):
    """The kinds of files the store keeps."""

    FEEDS = "feeds"
    """Feeds and zips that were handed in, until they are planned."""
    PHOTOS = "photos"
    """Photos out of zips, folders and uploads, by SHA-256."""
    COPIES = "copies"
    """256-pixel JPEG copies of fetched photos, by the SHA-256 of the photo they were made from."""
    THUMBNAILS = "thumbnails"
    """Small pictures for pages, by the SHA-256 of the photo they were made from."""
    MODELS = "models"
    """Model artifacts: folders, by model version."""
    REPORTS = "reports"
    """How well model versions do, as pages, by model version."""


THUMBNAIL_SIDES_PX = (256, 512)
"""The sizes of thumbnails there are, so that whoever erases a photo knows their names."""

DURABLE = frozenset({Area.FEEDS, Area.MODELS, Area.REPORTS})
"""Areas whose files are flushed to disk before a call returns: few, large, not to be had again elsewhere."""


def thumbnail_name(sha256: str, side_px: int) -> str:
    """The name of a photo's thumbnail in `Area.THUMBNAILS`."""
    return f"{sha256}-{side_px}.webp"


def report_name(model_version: str) -> str:
    """The name of a model version's report in `Area.REPORTS`."""
    return f"{model_version}.html"


def checked(name: str) -> str:
    """`name` itself if it may name a file of the store; raises InvalidName."""
    if _NAME.fullmatch(name) is None:
        raise InvalidName(name=name)
    return name


def relative_path(area: Area, name: str) -> str:
    """`area/ab/cd/name` for names that begin with a SHA-256, `area/name` for others; raises InvalidName."""
    checked(name)
    if _CONTENT_NAME.match(name):
        return f"{area.value}/{name[:2]}/{name[2:4]}/{name}"
    return f"{area.value}/{name}"
