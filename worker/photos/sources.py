"""The one protocol behind which photos stand, whether in a folder or a zip."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from worker.photos.errors import NoPhotosThere

MAX_PHOTO_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PhotoFile:
    """A photo in a folder or zip. `validator` changes when the file does and is had without reading it."""

    name: str
    validator: str
    size_bytes: int


class Photos(Protocol):
    """Photos beside a feed. Thread-safe."""

    def find(self, reference: str) -> PhotoFile | None:
        """The one photo that a feed's reference means; None where there is none or it is ambiguous."""
        ...

    def read(self, photo: PhotoFile) -> bytes:
        """The photo's bytes; raises PhotoGone, PhotoDamaged, PhotoTooLarge."""
        ...

    def images(self) -> Iterator[PhotoFile]:
        """Every file that ends like an image's, sorted by name."""
        ...

    def close(self) -> None:
        """Let go of open files."""
        ...


def open_photos(path: Path, *, name: str | None = None) -> Photos:
    """The photos of a folder or a zip; raises NoPhotosThere, BadZip. `name`: what messages call it, else its path."""
    from worker.photos.folder import FolderPhotos
    from worker.photos.zipped import ZipPhotos

    if path.is_dir():
        return FolderPhotos(path)
    if path.is_file():
        return ZipPhotos(path, name=name)
    raise NoPhotosThere(path=path)
