"""How commands speak: tables and progress for people on stderr or stdout, `--json` for machines on stdout."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

# Columns that are copied and pasted: never broken over two lines.
WHOLE = frozenset({"listing", "import", "begun", "state", "reason"})
# Names that people choose at any length: cut where there is no room, so that the other columns keep theirs.
CUT = frozenset({"catalogue", "feed"})
# What people call their listings is shown as it stands: `a:x:b` is no emoji.
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    out.print_json(json.dumps(plain(value)), indent=2)


def plain(value: Any) -> Any:
    """Values as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, Path) else value


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Numbers to the right, everything else to the left. No cell is markup: they hold what a feed brought."""
    table = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
        whole = numbers or column in WHOLE
        table.add_column(
            cell_of(column, column), justify="right" if numbers else "left", overflow="fold", no_wrap=whole
        )
    for row in rows:
        table.add_row(*(cell_of(column, cell) for column, cell in zip(columns, row, strict=True)))
    out.print(table)


def cell_of(column: str, value: Any) -> Text:
    said = "" if value is None else str(value)
    return Text(said, no_wrap=True, overflow="ellipsis") if column in CUT else Text(said)


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def progress() -> Iterator[Progress]:
    """A live bar on a terminal, nothing elsewhere (see `cli.watching.Plain` for logs)."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[says]}", markup=False),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
    with bar:
        yield bar
