"""What a folder of files in the store contains: an index with every file's size and SHA-256, written last."""

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

INDEX_NAME = "index.modiste.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderIndex:
    """Relative path (with '/') → SHA-256 of each file, sorted by path. Equal indexes mean equal folders."""

    files: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, folder: Path, *, only: Collection[str] | None = None) -> "FolderIndex":
        """The index of a folder of this machine, or of `only` some files; without hidden files and the index itself."""
        paths = (path for path in folder.rglob("*") if path.is_file())
        named = sorted((path.relative_to(folder).as_posix(), path) for path in paths)
        return cls(files=tuple((name, sha256_of(path)) for name, path in named if _counts(name, only)))

    @classmethod
    def parse(cls, data: bytes) -> "FolderIndex":
        """Read what `dump` wrote; raises ValueError when it is something else."""
        files = json.loads(data)
        if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
            raise ValueError("the index is not a table of SHA-256 values")
        if any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
            raise ValueError("the index names files outside the folder")
        return cls(files=tuple(sorted(files.items())))

    def dump(self) -> bytes:
        """The index as JSON bytes."""
        return json.dumps(dict(self.files), indent=1).encode()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counts(name: str, only: Collection[str] | None) -> bool:
    if only is not None and name not in only:
        return False
    return name != INDEX_NAME and not os.path.basename(name).startswith(".")
