"""Google Merchant's product feed as RSS 2.0 and as tab-separated text. What stands in it is `cli.export.google`'s."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from cli.export.google import Attributes, columns_for
from cli.export.writer import CsvLines, Writer
from db.found import FoundListing
from db.found_table import FoundTable

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
<channel>
<title>{title}</title>
<link></link>
<description></description>
"""
TAIL = "</channel>\n</rss>\n"
FURTHER = "additional_image_link"
# What XML 1.0 has no way to say.
UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
PIECE_CHARS = 1 << 18


class GoogleXmlWriter(Writer):
    """An item a listing, an element an attribute; one that has several values, or parts, has them as Google does."""

    def __init__(self, out: BinaryIO, catalogue: str) -> None:
        super().__init__()
        self._out = out
        self._attributes = Attributes(self.missing, self.left_out)
        self._pieces = [HEAD.format(title=sayable(catalogue))]
        self._chars = 0

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        texts = self._attributes.of(listing, marketplace_category)
        values: dict[str, Any] = {name: structured(text) for name, text in texts.items() if ELEMENT.fullmatch(name)}
        self.left_out.update(texts.keys() - values.keys())
        if listing.photos[1:]:
            values[FURTHER] = list(listing.photos[1:])
        item = f"<item>\n{''.join(elements(values))}</item>\n"
        self._pieces.append(item)
        self._chars += len(item)
        if self._chars > PIECE_CHARS:
            self._flush()

    def finish(self) -> None:
        self._pieces.append(TAIL)
        self._flush()

    def _flush(self) -> None:
        self._out.write("".join(self._pieces).encode())
        self._pieces.clear()
        self._chars = 0


class GoogleTsvWriter(Writer):
    """A line of attribute names, then a row a listing. Attributes that have parts need XML and are left out."""

    def __init__(self, lines: CsvLines, table: FoundTable) -> None:
        super().__init__()
        self._lines = lines
        self._attributes = Attributes(self.missing, self.left_out)
        self._columns = columns_for(table.keys)
        lines.write(self._columns.values())

    def write(self, listing: FoundListing, marketplace_category: str | None) -> None:
        texts = self._attributes.of(listing, marketplace_category)
        texts[FURTHER] = several(listing.photos[1:])
        self._lines.write([self._cell(name, texts.get(name, "")) for name in self._columns])

    def finish(self) -> None:
        self._lines.flush()

    def _cell(self, name: str, text: str) -> str:
        value = structured(text)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return several(value)
        self.left_out[name] += 1
        return ""


def structured(text: str) -> Any:
    """What a feed's repeated or parted element was kept as: a list or an object of texts; else the text itself."""
    if not text.startswith(("[", "{")):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if is_of_texts(value) else text


def is_of_texts(value: Any) -> bool:
    """Whether it holds nothing but texts, and names that an element may have."""
    if isinstance(value, dict):
        return all(ELEMENT.fullmatch(name) and is_of_texts(part) for name, part in value.items())
    if isinstance(value, list):
        return all(is_of_texts(part) and not isinstance(part, list) for part in value)
    return isinstance(value, str)


def elements(values: dict[str, Any]) -> Iterator[str]:
    """An element each, and for a list one each of its values."""
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            inner = "".join(elements(one)) if isinstance(one, dict) else sayable(str(one))
            yield f"<g:{name}>{inner}</g:{name}>\n"


def sayable(text: str) -> str:
    return escape(UNSAYABLE.sub("", text), {"\r": "&#13;"})


def several(values: Sequence[str]) -> str:
    """Values between commas, as Google reads them: a comma within one would part it."""
    return ",".join(undivided(value) for value in values)


def undivided(value: str) -> str:
    if "," not in value:
        return value
    return value.replace(",", "%2C") if "://" in value else f'"{value}"'
