"""Photos in a folder. Symbolic links that lead out of it are not followed."""

import os
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from worker.photos.errors import NoPhotosThere, PhotoDamaged, PhotoGone, PhotosError, PhotoTooLarge
from worker.photos.references import References
from worker.photos.sources import MAX_PHOTO_BYTES, PhotoFile


class FolderPhotos:
    """The files below a folder, as they were when first asked for. Thread-safe."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_PHOTO_BYTES) -> None:
        if not folder.is_dir():
            raise NoPhotosThere(path=folder)
        self._root = os.path.realpath(folder)
        self._max_bytes = max_bytes

    def find(self, reference: str) -> PhotoFile | None:
        """The one photo that a reference means, or None."""
        name = self._references.resolve(reference)
        return None if name is None else self._photo(name)

    def images(self) -> Iterator[PhotoFile]:
        """Every image file, sorted by name."""
        return (photo for name in self._references.images() if (photo := self._photo(name)) is not None)

    def read(self, photo: PhotoFile) -> bytes:
        """The photo's bytes; raises PhotoGone, PhotoDamaged, PhotoTooLarge."""
        path = f"{self._root}/{photo.name}"
        try:
            if not self._is_inside(path):
                raise PhotoGone(name=photo.name)
            # Without O_NONBLOCK a pipe put in the photo's place would hold this thread for ever.
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                return self._read_all(file, photo.name)
        except FileNotFoundError as error:
            raise PhotoGone(name=photo.name) from error
        except OSError as error:
            raise PhotoDamaged(name=photo.name, reason=error.strerror or error) from error

    def close(self) -> None:
        """Nothing is held open."""

    def _read_all(self, file: BinaryIO, name: str) -> bytes:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise PhotoDamaged(name=name, reason="it is not a file")
        if found.st_size > self._max_bytes:
            raise PhotoTooLarge(name=name, size=found.st_size, limit=self._max_bytes)
        return file.read(self._max_bytes)

    def _photo(self, name: str) -> PhotoFile | None:
        path = f"{self._root}/{name}"
        try:
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                found = os.stat(path) if self._is_inside(path) else found
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        validator = f"{found.st_mtime_ns}-{found.st_size}"
        return PhotoFile(name=name, validator=validator, size_bytes=found.st_size)

    def _is_inside(self, path: str) -> bool:
        return os.path.realpath(path).startswith(f"{self._root}/")

    @cached_property
    def _references(self) -> References:
        return References(self._walk())

    def _walk(self) -> Iterator[str]:
        for folder, subfolders, files in os.walk(self._root, onerror=_raise):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            base = folder[len(self._root) + 1 :]
            prefix = f"{base}/" if base else ""
            yield from (f"{prefix}{name}" for name in files if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise PhotosError(f"{error.filename} cannot be listed: {error.strerror}.") from error
