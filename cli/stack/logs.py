"""Log files of the servers and of the supervised processes: appended to, kept small, read from their end."""

import os
from pathlib import Path

KEPT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 16 * 1024


def rotate(path: Path) -> None:
    """Sets a log aside as NAME.1 once it has grown past `KEPT_BYTES`; only before its writer starts."""
    if path.exists() and path.stat().st_size > KEPT_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def tail(path: Path, *, lines: int = 12) -> list[str]:
    """The last lines of a log, without reading the rest of it; none where there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]
