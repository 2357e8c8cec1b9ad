"""The text lists of DeepFashion: a count line, a header line, then a name and some values a line.

Columns are cut by runs of spaces; a name may itself hold spaces, so lines are cut from the right. Line ends
may be `\\r\\n`. The fine annotations have lists without count and header, in step with a list of photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from trainer.sources.faults import Faults
from trainer.sources.spec import Box
from trainer.sources.table import parse_box

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a list: its number, the name it begins with, and the values behind it."""

    line: int
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[Value]):
    """A list by name: the line of each, and the values of those that could be read."""

    path: Path
    lines: dict[str, int] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)


def entries(path: Path, faults: Faults, *, values: int) -> Iterator[Entry]:
    """The lines below count and header that have a name and so many values; all others are faults."""
    texts = _texts(path, faults)
    said = _count(path, next(texts, (1, ""))[1], faults)
    _check_header(path, next(texts, (2, ""))[1], faults)
    found = 0
    for line, text in texts:
        if not text:
            continue
        found += 1
        parts = text.rsplit(None, values) if values else [text]
        if len(parts) == values + 1 and not _has_more(parts[0], values):
            yield Entry(line=line, name=parts[0], values=tuple(parts[1:]))
        else:
            faults.add(path, f"a name and {values} values are needed: {_shown(text)}", line=line)
    if said is not None and said != found:
        faults.add(path, f"it says that {said} lines follow, and {found} do", line=1)


def plain(path: Path, faults: Faults, *, values: int) -> list[Entry]:
    """A list without count and header: each line is so many values, or one name where that is 0."""
    lines = []
    texts = list(_texts(path, faults))
    while texts and not texts[-1][1]:
        texts.pop()
    for line, text in texts:
        parts = tuple(text.split()) if values else ()
        if len(parts) != values or not text:
            what = f"{values} values are needed" if values else "a name is needed"
            faults.add(path, f"{what}: {_shown(text)}", line=line)
        lines.append(Entry(line=line, name="" if values else text, values=parts))
    return lines


def listed(path: Path, faults: Faults, *, values: int, parse: Callable[[Entry], Value]) -> Listed[Value]:
    """A list by name. What `parse` refuses with ValueError, and names that stand twice, are faults."""
    found = Listed[Value](path=path)
    for entry in entries(path, faults, values=values):
        if entry.name in found.lines:
            first = found.lines[entry.name]
            faults.add(path, f"{entry.name!r} stands there twice, first in line {first}", line=entry.line)
            continue
        found.lines[entry.name] = entry.line
        try:
            found.values[entry.name] = parse(entry)
        except ValueError as fault:
            faults.add(path, str(fault), line=entry.line)
    return found


def check_agreement(lists: Sequence[Listed[Any]], faults: Faults) -> None:
    """A name of one list that is missing from another is a fault, at the line that has it."""
    for one in lists:
        for other in lists:
            if other.lines:  # else it is not there or wholly unreadable, which is a fault of its own
                for name in one.lines.keys() - other.lines.keys():
                    faults.add(one.path, f"{name!r} is not in {other.path.name}", line=one.lines[name])


def one_of(entry: Entry, count: int, what: str) -> int:
    """The entry's one value, a number from 1 to count, as a place from 0. Raises ValueError."""
    word = entry.values[0]
    if not word.isdecimal() or not 1 <= int(word) <= count:
        raise ValueError(f"{what} {word!r} is out of range; it is 1 to {count}")
    return int(word) - 1


def box_of(entry: Entry) -> Box:
    """Corners from the last four values. Raises ValueError."""
    box = parse_box(" ".join(entry.values[-4:]))
    assert box is not None  # four values are there
    return box


def _texts(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    """Every line, stripped, by its number; a file that is not there is a fault."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            yield from ((line, text.strip()) for line, text in enumerate(file, start=1))
    except OSError as fault:
        faults.add(path, f"{fault.strerror}")


def _count(path: Path, text: str, faults: Faults) -> int | None:
    if text.isdecimal():
        return int(text)
    if path.is_file():
        faults.add(path, f"the number of lines is needed, not {_shown(text)}", line=1)
    return None


def _check_header(path: Path, text: str, faults: Faults) -> None:
    """A header names columns; a photo's path or a number in its place is a line of data."""
    if path.is_file() and (not text or "/" in text or text.rsplit(maxsplit=1)[-1].lstrip("-").isdecimal()):
        faults.add(path, f"the names of the columns are needed, not {_shown(text)}", line=2)


def _has_more(name: str, values: int) -> bool:
    """Whether a number was left over before the values; attributes' own names may end with one."""
    is_no_label = values > 1 or (values == 1 and "/" in name)
    return is_no_label and " " in name and name.rsplit(maxsplit=1)[-1].lstrip("-").isdecimal()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
