"""A zip that holds a feed beside its photos: which of its files is the feed, and how that comes to the disk."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from worker.feed.content import bounded
from worker.feed.errors import SeveralFeeds, UnreadableFeed, listed
from worker.photos import PhotosError, ZipPhotos

_FEED_SUFFIXES = frozenset(
    (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".parquet", ".pq", ".xlsx", ".xls", ".ods")
)
_PACKED_SUFFIXES = frozenset((".gz", ".zst"))


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedWithin:
    """The feed of a zip: what it is called in there, the file it was unpacked to, and whether photos lie beside it."""

    member: str
    path: Path
    has_photos: bool


def feed_within(name: str, path: Path, *, scratch: Path | None, cleanup: ExitStack) -> FeedWithin | None:
    """The feed of a zip, or None where none is in it; the unpacked file goes when `cleanup` closes.

    Raises SeveralFeeds, UnpacksTooLarge, and UnreadableFeed where the zip or the feed in it is damaged.
    """
    try:
        with closing(ZipPhotos(path)) as archive:
            member = _only_feed(name, archive.others())
            if member is None:
                return None
            folder = cleanup.enter_context(tempfile.TemporaryDirectory(dir=scratch, prefix="modiste-feed-"))
            target = Path(folder, "feed")  # never the member's own name: it is not ours
            packed = archive.packed_bytes(member)
            with target.open("wb") as file:
                file.writelines(bounded(f"{member} in {name}", archive.blocks(member), lambda: packed))
            return FeedWithin(member=member, path=target, has_photos=any(archive.images()))
    except PhotosError as error:
        raise UnreadableFeed(feed=name, reason=error) from error


def _only_feed(name: str, files: Sequence[str]) -> str | None:
    feeds = [file for file in files if _is_feed_name(file)]
    if len(feeds) > 1:
        raise SeveralFeeds(feed=name, names=listed(tuple(feeds)))
    return feeds[0] if feeds else None


def _is_feed_name(file: str) -> bool:
    path = PurePosixPath(file.lower())
    return path.suffix in _FEED_SUFFIXES or (
        path.suffix in _PACKED_SUFFIXES and PurePosixPath(path.stem).suffix in _FEED_SUFFIXES
    )
