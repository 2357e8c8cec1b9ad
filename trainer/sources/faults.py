"""What is wrong in a source's files, collected: a person who corrects a table wants all of it at once, not the
first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer.errors import MalformedError

SHOWN = 20  # faults in an error's message
KEPT = 10_000  # of more, only the number is known: a list that is wrong in every line has one cause


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong. line 0: the file as a whole. column: "" where it is the whole line."""

    file: str
    what: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        where = [self.file, f"line {self.line}" if self.line else "", f"column {self.column}" if self.column else ""]
        return f"{', '.join(part for part in where if part)}: {self.what}"


class Faults:
    """A list of faults that stops growing before memory does; `len` is how many there were."""

    def __init__(self) -> None:
        self._kept: list[Fault] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, file: Path, what: str, *, line: int = 0, column: str = "") -> None:
        """One more."""
        self._count += 1
        if len(self._kept) < KEPT:
            self._kept.append(Fault(file=str(file), what=what, line=line, column=column))

    @property
    def found(self) -> tuple[Fault, ...]:
        """Those that were kept, by file and line."""
        return tuple(sorted(self._kept, key=lambda fault: (fault.file, fault.line)))

    def check(self) -> None:
        """Raises MalformedError with the first of them and their number, where there are any."""
        if not self._count:
            return
        shown = [str(fault) for fault in self.found[:SHOWN]]
        if self._count == 1:
            raise MalformedError(shown[0])
        if self._count > SHOWN:
            shown.append(f"… and {self._count - SHOWN} more; `python -m trainer inspect` lists them.")
        raise MalformedError("\n  ".join([f"{self._count} faults.", *shown]))
