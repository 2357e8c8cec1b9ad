"""Which of many attributes hold of a photo, as DeepFashion marks them: 1 yes, -1 no, 0 unknown.

A thousand marks a photo are kept as bits: as sets of names, those of the full list would not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.sources.lists import Entry
from trainer.sources.spec import SEPARATOR

YES, NO, UNKNOWN = "1", "n", "0"  # a letter each
MARKS = YES + NO + UNKNOWN


@dataclass(frozen=True, kw_only=True)
class AttributeList:
    """The attributes in the order of the marks: each one's group and name."""

    attributes: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.attributes)

    @cached_property
    def groups(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.object_]]]:
        """Of each group, the places of its attributes among the marks, and their names."""
        names = dict.fromkeys(group for group, _ in self.attributes)
        places = {name: [i for i, (group, _) in enumerate(self.attributes) if group == name] for name in names}
        words = np.array([name for _, name in self.attributes], dtype=np.object_)
        return {name: (np.array(at, dtype=np.int64), words[at]) for name, at in places.items()}

    def values(self, group: str) -> tuple[str, ...]:
        """A group's names, each once."""
        return tuple(dict.fromkeys(self.groups[group][1].tolist()))

    def words(self, bits: bytes) -> dict[str, str]:
        """What is marked, by group, joined by `;`."""
        return {group: SEPARATOR.join(self.marked(group, bits)) for group in self.groups}

    def marked(self, group: str, bits: bytes) -> list[str]:
        """The names of a group that are marked."""
        places, names = self.groups[group]
        marked: list[str] = names[np.unpackbits(np.frombuffer(bits, np.uint8))[places].view(np.bool_)].tolist()
        return marked


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The marks of one photo as bits, in the order of the attribute list."""

    yes: bytes
    no: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Denied(Mapping[str, Sequence[str]]):
    """Of every group the attributes that are marked as not there."""

    attributes: AttributeList
    bits: bytes

    def __getitem__(self, group: str) -> Sequence[str]:
        return self.attributes.marked(group, self.bits)

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes.groups)

    def __len__(self) -> int:
        return len(self.attributes.groups)


def marks_of(entry: Entry) -> Marks:
    """The values of a line as marks. Raises ValueError.

    They are read as one string, a letter a mark: the full list has 289 million of them.
    """
    letters = "".join(entry.values).replace("-1", NO).encode()
    if len(letters) != len(entry.values) or letters.translate(None, MARKS.encode()):
        wrong = next(value for value in entry.values if value not in ("1", "-1", "0"))
        raise ValueError(f"{wrong!r} is no mark of an attribute; 1 is yes, -1 no, 0 unknown")
    marks = np.frombuffer(letters, np.uint8)
    return Marks(yes=np.packbits(marks == ord(YES)).tobytes(), no=np.packbits(marks == ord(NO)).tobytes())
