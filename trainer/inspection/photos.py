"""The photos themselves: which cannot be read, and which are the same file more than once."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trainer.crops import decode_box
from trainer.dataset import Dataset, Split
from vision.preprocess import PhotoError, PixelRule

WORKERS = 2
AT_ONCE = 64
Advance = Callable[[int, int], None]  # (photos done, of how many)


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """One file that several rows show, by its SHA-256. splits: those it stands in."""

    sha256: str
    splits: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PhotoFindings:
    """decoded: whether pixels were looked at, or the files only. unreadable: each with its place and why.
    repeated: rows whose file stands in an earlier row; across: files that stand in more than one split."""

    photos: int
    decoded: bool
    unreadable: tuple[str, ...]
    repeated: int
    across: tuple[Duplicate, ...]


def look_at_photos(data: Dataset, rule: PixelRule | None, advance: Advance) -> PhotoFindings:
    """Reads every photo, and decodes it by the rule where there is one."""
    rows: dict[str, list[int]] = defaultdict(list)
    unreadable = []
    for row, (content, fault) in enumerate(_looks(data, rule)):
        if content:
            rows[content].append(row)
        if fault:
            unreadable.append(f"{data.where(row)}: {fault}")
        advance(row + 1, len(data))
    return PhotoFindings(
        photos=len(data),
        decoded=rule is not None,
        unreadable=tuple(unreadable),
        repeated=sum(len(same) - 1 for same in rows.values()),
        across=tuple(_across(data, rows)),
    )


def _looks(data: Dataset, rule: PixelRule | None) -> Iterator[tuple[str, str]]:
    """SHA-256 of each row's file ("" where it cannot be read), and what is wrong with it ("": nothing)."""

    def look(row: int) -> tuple[str, str]:
        try:
            content = data.read(row)
        except KeyError:
            return "", "it is not there"
        except OSError as fault:
            return "", f"it cannot be read ({fault})"
        return hashlib.sha256(content).hexdigest(), _fault(content, data, row, rule)

    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(data), AT_ONCE):
            yield from pool.map(look, range(start, min(start + AT_ONCE, len(data))))


def _fault(content: bytes, data: Dataset, row: int, rule: PixelRule | None) -> str:
    if rule is None:
        return ""
    try:
        decode_box(content, rule, data.rows[row][1].box)
    except PhotoError as fault:
        return f"{fault.fault} ({fault.detail})"
    return ""


def _across(data: Dataset, rows: dict[str, list[int]]) -> Iterator[Duplicate]:
    for content, same in rows.items():
        splits = tuple(split for split in Split if split in data.splits[same])
        if len(splits) > 1:
            places = tuple(f"{data.where(row)} ({data.splits[row]})" for row in same)
            yield Duplicate(sha256=content, splits=splits, places=places)
