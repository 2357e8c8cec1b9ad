"""From what stands in a cell to text and to photo references."""

import json
import re
from math import isnan

from worker.photos.references import is_image_name

_MAY_BE_SEVERAL = re.compile(r"[\s|,;]")
_BETWEEN_URLS = re.compile(r"[\s|]+|[,;]\s*(?=[a-z][a-z0-9+.-]*://)|[,;]\s+", re.IGNORECASE)
_BETWEEN_NAMES = (re.compile(r"\s*[|;\n]\s*"), re.compile(r"\s*[|;\n,]\s*"), re.compile(r"[\s|;,]+"))
_URL_KEYS = ("url", "src", "link", "href", "path", "file", "image")


def cell_text(value: object) -> str:
    """A JSON or Parquet value as the text a table would hold; structured values as JSON; raises ValueError."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return str(value)


def photo_text(value: object) -> str:
    """A value of a photo column as text: a list's items a line each, of an object its URL; raises ValueError."""
    if isinstance(value, list | tuple):
        return "\n".join(filter(None, (photo_text(item) for item in value)))
    if isinstance(value, dict):
        return next((photo_text(value[key]) for key in _URL_KEYS if value.get(key)), "")
    return cell_text(value)


def photo_references(cell: str) -> list[str]:
    """The references in one cell of a photo column: URLs or file names between commas, bars, spaces or lines.

    A comma, a space or a semicolon inside a URL or a file name does not end it where that can be told.
    """
    if _MAY_BE_SEVERAL.search(cell) is None:
        return [cell]
    if "://" in cell:
        parts = (_BETWEEN_URLS.split(line) for line in cell.split("\n"))
        return [part.strip(" ,;") for line in parts for part in line if part.strip(" ,;")]
    return _file_names(cell)


def _file_names(cell: str) -> list[str]:
    for between in _BETWEEN_NAMES:
        parts = [part for part in between.split(cell) if part]
        if len(parts) > 1 and all(is_image_name(part) for part in parts):
            return parts
    return [line.strip() for line in cell.split("\n") if line.strip()]
