"""The photos of a source: files in a folder, or members of a zip; safe in many threads and processes."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainer.errors import SourceError

Read = Callable[[str], bytes]


def open_photos(photos: Path) -> Read:
    """Reads a photo's bytes by its name; KeyError where it is missing, OSError where it cannot be read.

    Raises SourceError where there is neither a folder nor a zip.
    """
    if photos.is_dir():
        return FolderPhotos(folder=photos.resolve())
    try:
        with zipfile.ZipFile(photos) as archive:
            return ZipPhotos(archive=photos, members=_members(archive))
    except (OSError, zipfile.BadZipFile) as fault:
        raise SourceError(f"{photos}: neither a folder nor a zip of photos ({fault}).") from fault


@dataclass(frozen=True, kw_only=True)
class FolderPhotos:
    """Files below a folder (a resolved path), never beside it."""

    folder: Path

    def __call__(self, name: str) -> bytes:
        """The bytes of one."""
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder) or not path.is_file():
            raise KeyError(name)
        return path.read_bytes()


class ZipPhotos:
    """Members of a zip by their path in it, or by file name alone where only one bears it.

    The archive is opened anew in each process: after a fork two would move one position in one file.
    """

    def __init__(self, *, archive: Path, members: dict[str, str]) -> None:
        self._path, self._members = archive, members
        self._opened: tuple[int, zipfile.ZipFile] | None = None

    def __call__(self, name: str) -> bytes:
        """The bytes of one."""
        member = self._members[name]
        try:
            return self._archive().read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as fault:  # RuntimeError: it is encrypted
            raise OSError(f"{self._path}, {member}: {fault}") from fault

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_opened": None}

    def _archive(self) -> zipfile.ZipFile:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), zipfile.ZipFile(self._path)
        return self._opened[1]


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    times = Counter(PurePosixPath(name).name for name in names)
    alone = {PurePosixPath(name).name: name for name in names if times[PurePosixPath(name).name] == 1}
    return alone | {name: name for name in names}
