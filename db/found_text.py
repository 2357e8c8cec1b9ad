"""How a table of found listings says its values as text and as JSON: whoever writes one, and whoever reads it again.

Nothing in a guarded cell is a formula to a spreadsheet: what begins like one begins with an apostrophe instead.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# What Excel and its kin take for the beginning of a formula; and what looks as if it had been guarded already.
FIRST = frozenset("'=+-@\t\r")
FORMULA = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*", re.ASCII)
GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """`text` as a cell that no spreadsheet runs. Numbers stay numbers."""
    if text[:1] not in FIRST:  # nearly all: a look at one character for millions of cells
        return text
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def unguarded(cell: str) -> str:
    """The text that was guarded."""
    return cell[1:] if GUARDED.match(cell) else cell


def text_of(value: Any) -> str:
    """A value as the text of a cell: several a line each, moments in UTC."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple):
        return "\n".join(map(text_of, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def json_line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=json_value).encode() + b"\n"


def json_value(value: Any) -> Any:
    """What JSON has no word for. A price has two decimals at most, which a double holds exactly."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} is no value of a listing")


def moment(value: datetime) -> str:
    """ISO 8601 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
