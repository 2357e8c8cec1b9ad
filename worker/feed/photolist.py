"""A feed that is only photos: each file of a folder or zip is a listing, its id the file's stem."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from db.listings import ListingData
from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed.columns import ColumnMapping
from worker.feed.errors import EmptyFeed, UnreadableFeed
from worker.feed.rows import MAX_FIELD_CHARS
from worker.photos import PhotosError, open_photos


class PhotoListFeed:
    """One row an image file. Two files of one stem take their path without the extension, or with it, as ids."""

    columns = ("file",)
    mapping = ColumnMapping(fields={"external_id": "file"}, photos=("file",), metadata=())

    def __init__(self, name: str, path: Path) -> None:
        try:
            photos = open_photos(path)
            self._names = [photo.name for photo in photos.images()]
            photos.close()
        except PhotosError as error:
            raise UnreadableFeed(feed=name, reason=error) from error
        if not self._names:
            raise EmptyFeed(f"{name} holds no photos. Give a feed, or a folder or zip with photos in it.")

    def rows(self) -> Iterator[FeedRow | RowRejection]:
        """One row a photo, in the order of their names, numbered from 1."""
        stems = Counter(_stem(name) for name in self._names)
        paths = Counter(_path_without_suffix(name) for name in self._names)
        for number, name in enumerate(self._names, start=1):
            yield _row(number, name, _id(name, stems, paths))


def _id(name: str, stems: Counter[str], paths: Counter[str]) -> str:
    if stems[_stem(name)] == 1:
        return _stem(name)
    path = _path_without_suffix(name)
    return path if paths[path] == 1 else name


def _row(number: int, name: str, external_id: str) -> FeedRow | RowRejection:
    reason = _flaw(external_id)
    if reason is None:
        return FeedRow(line=number, listing=ListingData(external_id=external_id), photos=(name,))
    detail = f"the file name {name[:60]!r} makes no id"
    return RowRejection(line=number, column="file", reason=reason, detail=detail, external_id=None)


def _flaw(external_id: str) -> RejectionReason | None:
    if len(external_id) > MAX_FIELD_CHARS:
        return RejectionReason.TOO_LONG
    if not external_id.strip() or not external_id.isprintable():
        return RejectionReason.CONTROL_CHARACTERS if external_id.isascii() else RejectionReason.BAD_ENCODING
    return None


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _path_without_suffix(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
