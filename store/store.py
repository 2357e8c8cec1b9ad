"""The store: areas, names and content over a folder or an object storage. Thread-safe; keeps no state."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from store.errors import BadStoreUrl, DamagedFolder, DifferentFolderInStore, NotInStore, StoreError
from store.folders import INDEX_NAME, FolderIndex, sha256_of
from store.local import LocalFiles
from store.locks import alone_with
from store.names import DURABLE, THUMBNAIL_SIDES_PX, Area, checked, relative_path, thumbnail_name
from store.remote import RemoteFiles


class Files(Protocol):
    """Where bytes are kept, by a path relative to the root of the store."""

    where: str

    def size(self, relative: str) -> int | None: ...
    def keep_young(self, relative: str, size: int) -> bool: ...
    def read(self, relative: str) -> bytes: ...
    def write(self, relative: str, data: bytes, *, durable: bool) -> None: ...
    def copy_in(self, relative: str, source: Path, *, durable: bool) -> None: ...
    def copy_out(self, relative: str, target: Path) -> None: ...
    def remove(self, relative: str) -> None: ...
    def remove_folder(self, relative: str) -> None: ...
    def walk(self, relative: str) -> Iterator[str]: ...
    def walk_old(self, relative: str, older_than_s: float) -> Iterator[tuple[str, int]]: ...


class Store:
    """Files by area and name. Content-named files (`put`) never change; others are replaced in one step.

    Every method raises InvalidName for a name that could leave its area, StoreFull and StoreUnreachable when
    the disk or the object storage says so.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    @classmethod
    def open(cls, url: str) -> "Store":
        """The store at a folder or an fsspec URL such as s3://bucket/prefix; raises BadStoreUrl."""
        if not url.strip():
            raise BadStoreUrl(url=url, reason="it is empty")
        if url.startswith("file://"):
            url = url.removeprefix("file://")
        if "://" in url or "::" in url:
            return cls(RemoteFiles(url))
        return cls(LocalFiles(Path(url).expanduser().absolute()))

    @property
    def where(self) -> str:
        """The folder or URL, for messages."""
        return self._files.where

    def put(self, area: Area, data: bytes) -> str:
        """Keep `data` under its SHA-256 and return that in hex; only made young again when it is there already."""
        name = hashlib.sha256(data).hexdigest()
        relative = relative_path(area, name)
        # A machine that lost power may have left the name without its bytes: the size tells, at no cost.
        if not self._files.keep_young(relative, len(data)):
            self._files.write(relative, data, durable=area in DURABLE)
        return name

    def put_file(self, area: Area, source: Path) -> str:
        """Keep a file of any size under its SHA-256 and return that; raises FileNotFoundError."""
        name = sha256_of(source)
        relative = relative_path(area, name)
        if not self._files.keep_young(relative, source.stat().st_size):
            self._files.copy_in(relative, source, durable=area in DURABLE)
        return name

    def write_file(self, area: Area, name: str, source: Path) -> None:
        """Keep a file of any size under `name`, in place of what was there; raises FileNotFoundError."""
        self._files.copy_in(relative_path(area, name), source, durable=area in DURABLE)

    def write(self, area: Area, name: str, data: bytes) -> None:
        """Keep `data` under `name`, in place of what was there."""
        self._files.write(relative_path(area, name), data, durable=area in DURABLE)

    def read(self, area: Area, name: str) -> bytes:
        """The bytes kept under `name`; raises NotInStore."""
        try:
            return self._files.read(relative_path(area, name))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotInStore(area=area, name=name, where=self.where) from error

    def exists(self, area: Area, name: str) -> bool:
        """Whether something is kept under `name`."""
        return self._files.size(relative_path(area, name)) is not None

    def remove(self, area: Area, name: str) -> None:
        """Forget the file kept under `name`; one that is not there is no error."""
        self._files.remove(relative_path(area, name))

    def find_photo(self, sha256: str) -> bytes | None:
        """A photo's bytes as they were handed in, else the small copy of a fetched one; None where neither is kept."""
        for area in (Area.PHOTOS, Area.COPIES):
            try:
                return self.read(area, sha256)
            except NotInStore:
                continue
        return None

    def copy_photo(self, sha256: str, target: Path, *, link: bool = False) -> bool:
        """A photo's bytes, as `find_photo` has them, as the file `target` in one step; False where none are kept.

        `link`: another name of the store's own file where the disk allows it. Nobody may change such a file in place.
        """
        unfinished = target.with_name(f".{target.name}.unfinished")
        for area in (Area.PHOTOS, Area.COPIES):
            unfinished.unlink(missing_ok=True)
            try:
                self._link_or_copy_out(relative_path(area, sha256), unfinished, link=link)
            except (FileNotFoundError, NotADirectoryError):
                continue
            os.replace(unfinished, target)
            return True
        return False

    def remove_content(self, sha256: str) -> None:
        """Forget a photo in every form it is kept in: bytes, small copy, thumbnails. None there is no error."""
        self.remove(Area.PHOTOS, sha256)
        self.remove(Area.COPIES, sha256)
        for side_px in THUMBNAIL_SIDES_PX:
            self.remove(Area.THUMBNAILS, thumbnail_name(sha256, side_px))

    def names(self, area: Area) -> Iterator[str]:
        """Every name of an area, in no order; folders count once."""
        if area is Area.MODELS:
            seen = {path.split("/", 1)[0] for path in self._files.walk(area.value)}
            return iter(seen)
        return (path.rsplit("/", 1)[-1] for path in self._files.walk(area.value))

    def old_names(self, area: Area, older_than_s: float) -> Iterator[tuple[str, int]]:
        """Names of an area's files, and their bytes, that nobody wrote or put again for so long. Not for folders.

        What is put is young: whoever puts a photo has a day to write down that it is there, before it is old.
        """
        return ((path.rsplit("/", 1)[-1], size) for path, size in self._files.walk_old(area.value, older_than_s))

    def has_photo(self, sha256: str) -> bool:
        """Whether `find_photo` finds one; reads nothing of it."""
        return self.exists(Area.PHOTOS, sha256) or self.exists(Area.COPIES, sha256)

    def fetch_file(self, area: Area, name: str, cache: Path) -> Path:
        """The file on this machine's disk: where it stands, or a copy kept in `cache`; raises NotInStore."""
        relative = relative_path(area, name)
        if not self.exists(area, name):
            raise NotInStore(area=area, name=name, where=self.where)
        if isinstance(self._files, LocalFiles):
            return self._files.path(relative)
        target = cache / relative
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            self._download(relative, target)
        return target

    def put_folder(self, area: Area, name: str, folder: Path, *, only: Collection[str] | None = None) -> bool:
        """Keep a folder, or `only` these files of it; says whether it is new. The same again mends what is gone of it.

        Raises DifferentFolderInStore, FileNotFoundError; nothing of a new folder stays in the store then.
        """
        known = self._index(area, name)
        index = FolderIndex.of(folder.resolve(strict=True), only=only)
        if known is not None and known != index:
            raise DifferentFolderInStore(area=area, name=name, where=self.where)
        try:
            self._copy_in_folder(f"{area.value}/{name}", index, folder, mend=known is not None)
        except BaseException:
            if known is None:
                with suppress(StoreError):  # what went wrong first is what to tell
                    self.remove_folder(area, name)
            raise
        return known is None

    def require_folder(self, area: Area, name: str) -> None:
        """Raises NotInStore, or DamagedFolder where files of it are gone. Reads none of them."""
        index = self._index(area, name)
        if index is None:
            raise NotInStore(area=area, name=name, where=self.where)
        missing = self._missing(area, name, index)
        if missing:
            raise DamagedFolder(area=area, name=name, where=self.where, reason=f"{', '.join(missing)} missing")

    def fetch_folder(self, area: Area, name: str, cache: Path) -> Path:
        """The folder on this machine's disk: where it stands, or a checked copy in `cache` (kept there).

        Raises NotInStore, also for a folder that was never put to its end, and DamagedFolder.
        """
        index = self._index(area, name)
        if index is None:
            raise NotInStore(area=area, name=name, where=self.where)
        if isinstance(self._files, LocalFiles):
            return self._files.path(f"{area.value}/{name}")
        target = cache / area.value / name
        if not is_whole(target, index):
            # Processes that share the cache: the second must not take away what the first has begun to read.
            with alone_with(target):
                if not is_whole(target, index):
                    self._download_folder(area, name, index, target)
        return target

    def remove_folder(self, area: Area, name: str) -> None:
        """Forget a folder, its index first; one that is not there is no error."""
        base = f"{area.value}/{checked(name)}"
        self._files.remove(f"{base}/{INDEX_NAME}")
        self._files.remove_folder(base)

    def _link_or_copy_out(self, relative: str, target: Path, *, link: bool) -> None:
        if link and isinstance(self._files, LocalFiles):
            try:
                os.link(self._files.path(relative), target)
            except (FileNotFoundError, NotADirectoryError):
                raise
            except OSError:  # another disk, or one without links
                self._files.copy_out(relative, target)
        else:
            self._files.copy_out(relative, target)

    def _copy_in_folder(self, base: str, index: FolderIndex, folder: Path, *, mend: bool) -> None:
        for file, _ in index.files:
            if not (mend and self._files.size(f"{base}/{file}") == (folder / file).stat().st_size):
                self._files.copy_in(f"{base}/{file}", folder / file, durable=True)
        if not mend:  # last, so that a folder with an index is a whole one
            self._files.write(f"{base}/{INDEX_NAME}", index.dump(), durable=True)

    def _missing(self, area: Area, name: str, index: FolderIndex) -> list[str]:
        """Files that the folder's index names and that are not there."""
        base = f"{area.value}/{name}"
        return [file for file, _ in index.files if self._files.size(f"{base}/{file}") is None]

    def _index(self, area: Area, name: str) -> FolderIndex | None:
        try:
            return FolderIndex.parse(self._files.read(f"{area.value}/{checked(name)}/{INDEX_NAME}"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as error:
            raise DamagedFolder(area=area, name=name, where=self.where, reason=error) from error

    def _download(self, relative: str, target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            self._files.copy_out(relative, Path(scratch, "file"))
            os.replace(Path(scratch, "file"), target)

    def _download_folder(self, area: Area, name: str, index: FolderIndex, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as scratch:
            whole = Path(scratch, "folder")
            for file, _ in index.files:
                (whole / file).parent.mkdir(parents=True, exist_ok=True)
                self._copy_out_or_damaged(area, name, file, whole / file)
            if FolderIndex.of(whole) != index:
                raise DamagedFolder(area=area, name=name, where=self.where, reason="a file differs from its SHA-256")
            shutil.rmtree(target, ignore_errors=True)
            os.replace(whole, target)

    def _copy_out_or_damaged(self, area: Area, name: str, file: str, target: Path) -> None:
        try:
            self._files.copy_out(f"{area.value}/{name}/{file}", target)
        except FileNotFoundError as error:
            raise DamagedFolder(area=area, name=name, where=self.where, reason=f"{file} is missing") from error


def is_whole(folder: Path, index: FolderIndex) -> bool:
    """Whether the folder is there with every file as the index has it."""
    return folder.is_dir() and FolderIndex.of(folder) == index
