"""The store in a folder (of this machine or mounted). Plain system calls: photos come by the thousand."""

import os
import shutil
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from store.errors import os_errors_as_store_errors

_serial = count()


class LocalFiles:
    """Files below one folder, written beside their place and then renamed: never half there."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self.where = self._root

    def path(self, relative: str) -> Path:
        """Where the file or folder stands on this machine's disk, there or not."""
        return Path(self._root, relative)

    def size(self, relative: str) -> int | None:
        """Bytes of the file, None where there is none."""
        try:
            return os.stat(f"{self._root}/{relative}").st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def keep_young(self, relative: str, size: int) -> bool:
        """Whether a file of this size is there, which is then as young as one that was just written."""
        path = f"{self._root}/{relative}"
        if self.size(relative) != size:
            return False
        try:
            os.utime(path)
        except OSError:  # not its owner, or gone this moment: it is to be written again
            return False
        return True

    def read(self, relative: str) -> bytes:
        """The file's bytes; raises FileNotFoundError, StoreUnreachable."""
        with (
            os_errors_as_store_errors(self.where),
            open(f"{self._root}/{relative}", "rb", buffering=0) as file,
        ):
            return file.read()

    def write(self, relative: str, data: bytes, *, durable: bool) -> None:
        """Write or replace the file in one step; raises StoreFull, StoreUnreachable."""
        target = f"{self._root}/{relative}"
        temporary = _temporary(target)
        with os_errors_as_store_errors(self.where):
            try:
                _write_new(temporary, data, durable=durable)
                os.replace(temporary, target)
            except OSError:
                _remove_if_there(temporary)
                raise

    def copy_in(self, relative: str, source: Path, *, durable: bool) -> None:
        """Copy in a file of this machine; raises FileNotFoundError (its own), StoreFull, StoreUnreachable."""
        target = f"{self._root}/{relative}"
        temporary = _temporary(target)
        with os_errors_as_store_errors(self.where):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                shutil.copyfile(source, temporary)
                if durable:
                    _flush(temporary)
                os.replace(temporary, target)
            except OSError:
                _remove_if_there(temporary)
                raise

    def copy_out(self, relative: str, target: Path) -> None:
        """Copy a file to `target` on this machine; raises FileNotFoundError, StoreUnreachable."""
        with os_errors_as_store_errors(self.where):
            shutil.copyfile(f"{self._root}/{relative}", target)

    def remove(self, relative: str) -> None:
        """Remove the file; one that is not there is no error."""
        with os_errors_as_store_errors(self.where):
            _remove_if_there(f"{self._root}/{relative}")

    def remove_folder(self, relative: str) -> None:
        """Remove a folder and what is in it; one that is not there is no error."""
        with os_errors_as_store_errors(self.where):
            try:
                shutil.rmtree(f"{self._root}/{relative}")
            except FileNotFoundError:
                return

    def walk(self, relative: str) -> Iterator[str]:
        """Paths below `relative`, relative to it, of all files; half-written ones left out."""
        top = f"{self._root}/{relative}"
        for folder, _, files in os.walk(top):
            for file in files:
                if not file.startswith("."):
                    yield os.path.relpath(f"{folder}/{file}", top)

    def walk_old(self, relative: str, older_than_s: float) -> Iterator[tuple[str, int]]:
        """Path and bytes of files that were not written for so long."""
        before_s = time.time() - older_than_s
        for path in self.walk(relative):
            try:
                found = os.stat(f"{self._root}/{relative}/{path}")
            except FileNotFoundError:
                continue
            if found.st_mtime < before_s:
                yield path, found.st_size


def _temporary(target: str) -> str:
    folder, name = os.path.split(target)
    return f"{folder}/.{name[:64]}.{os.getpid()}.{next(_serial)}"


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except FileNotFoundError as error:  # as /proc says it: no folder can be made there at all
        raise PermissionError(error.errno, "no folder can be made there", path) from error


def _write_new(path: str, data: bytes, *, durable: bool) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileNotFoundError:
        _make_folder(os.path.dirname(path))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush(path: str) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _remove_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return
