"""How a feed names a photo and how that finds a file: exact path first, then forgiving, never outside."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
    )
)


def is_image_name(name: str) -> bool:
    """Whether the name ends like an image's."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def clean_reference(reference: str) -> str | None:
    """The reference as a relative path with '/', or None for one that is empty, absolute or climbs out."""
    path = reference.strip().replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    if not path or path.startswith("/") or "\0" in path or (len(path) > 1 and path[1] == ":"):
        return None
    parts = path.split("/")
    return None if ".." in parts else path


class References:
    """Finds the one name a reference means among the relative paths of a folder or zip.

    In order: the exact path; the path with folders more or fewer in front; the file's name alone, whatever
    its case; its stem with any image extension. What could mean two files means none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def __len__(self) -> int:
        return len(self._names)

    def images(self) -> list[str]:
        """Every name that ends like an image's, sorted."""
        return sorted(name for name in self._names if is_image_name(name))

    def resolve(self, reference: str) -> str | None:
        """The one name meant, or None."""
        if reference in self._names:
            return reference
        path = clean_reference(reference)
        if path is None:
            return None
        if path in self._names:
            return path
        return self._by_file_name(path) or self._by_stem(path)

    def _by_file_name(self, path: str) -> str | None:
        same = self._of_file_name.get(_file_name(path), ())
        nested = [name for name in same if name.endswith(f"/{path}") or path.endswith(f"/{name}")]
        return _only(nested) or _only(same)

    def _by_stem(self, path: str) -> str | None:
        same = self._of_stem.get(_stem(path), ())
        folder = path.rpartition("/")[0]
        return _only([name for name in same if name.rpartition("/")[0] == folder]) or _only(same)

    @cached_property
    def _of_file_name(self) -> dict[str, list[str]]:
        return _grouped((_file_name(name), name) for name in self._names)

    @cached_property
    def _of_stem(self) -> dict[str, list[str]]:
        return _grouped((_stem(name), name) for name in self._names if is_image_name(name))


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return found


def _file_name(path: str) -> str:
    return path.rpartition("/")[2].casefold()


def _stem(path: str) -> str:
    name = _file_name(path)
    head, dot, suffix = name.rpartition(".")
    return head if dot and f".{suffix}" in IMAGE_SUFFIXES else name


def _only(names: Iterable[str]) -> str | None:
    found = list(names)
    return found[0] if len(found) == 1 else None
