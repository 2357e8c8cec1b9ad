"""A JSON document pulled apart value by value, in bounded memory. Knows no feed.

The standard library decodes each value, so that numbers and texts are what they are in JSON Lines. (ijson's own objects
are no way out: it builds a path at each depth, and a hundred thousand open brackets take all the memory there is.)
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from worker.feed.errors import BrokenOff
from worker.feed.rows import MAX_LINE_CHARS

KeyPath = tuple[str, ...]

_MAX_DEPTH = 3
_MIN_READ_CHARS = 1 << 16
_SPACE = re.compile(r"[ \t\n\r]*")
_decode = json.JSONDecoder().raw_decode


class JsonValues:
    """The values of one JSON text. Its methods raise BrokenOff where the text is no JSON, or a value of it too long."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._text = ""
        self._at = 0
        self._broken: BrokenOff | None = None

    def arrays(self, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
        """Each element of each array that no other array holds, with the keys that lead to the array."""
        opening = self._next_char()
        if opening == "[":
            yield from ((path, element) for element in self._elements())
        elif opening == "{" and len(path) < _MAX_DEPTH:
            for key in self._keys():
                yield from self.arrays((*path, key))
        else:
            self._value()

    def end(self) -> None:
        """The document has to be over here."""
        if follows := self._next_char():
            raise BrokenOff(f"the document is over and {follows!r} follows")

    def _elements(self) -> Iterator[Any]:
        self._expect("[")
        if self._take("]"):
            return
        yield self._value()
        while not self._take("]"):
            self._expect(",")
            yield self._value()

    def _keys(self) -> Iterator[str]:
        """The keys of an object; whoever asks has read the value of one before the next."""
        self._expect("{")
        if self._take("}"):
            return
        yield self._key()
        while not self._take("}"):
            self._expect(",")
            yield self._key()

    def _key(self) -> str:
        key = self._value()
        if not isinstance(key, str):
            raise BrokenOff(f"a key is to be a text, not {str(key)[:40]!r}")
        self._expect(":")
        return key

    def _value(self) -> Any:
        self._next_char()
        while True:
            try:
                found, end = _decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if not self._read_on():
                    # Its place is one in what was read last, which says nothing to anyone.
                    said = error.msg if isinstance(error, json.JSONDecodeError) else error
                    raise BrokenOff(f"it is no JSON from there on ({said})") from error
                continue
            # A number at the end of what was read may go on.
            if end < len(self._text) or not self._read_on():
                self._at = end
                return found

    def _next_char(self) -> str:
        """The next character that is no space, which is left there; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def _take(self, char: str) -> bool:
        if self._next_char() != char:
            return False
        self._at += 1
        return True

    def _expect(self, char: str) -> None:
        if not self._take(char):
            found = self._next_char()
            raise BrokenOff(f"{char!r} is missing before {found!r}" if found else f"it ends before {char!r}")

    def _read_on(self) -> bool:
        """Whether there is more text. What is left is doubled, so that a long value is not tried again too often."""
        rest = self._text[self._at :]
        if len(rest) > MAX_LINE_CHARS:
            raise BrokenOff(f"a value has more than {MAX_LINE_CHARS} characters")
        more = self._read(max(len(rest), _MIN_READ_CHARS))
        self._text, self._at = rest + more, 0
        return bool(more)

    def _read(self, chars: int) -> str:
        """About so many characters, or what there is; damage is raised once all before it was handed out."""
        if self._broken is not None:
            raise self._broken
        parts: list[str] = []
        try:
            while chars > 0 and (part := next(self._texts, None)) is not None:
                parts.append(part)
                chars -= len(part)
        except BrokenOff as error:
            self._broken = error
        text = "".join(parts)
        if not text and self._broken is not None:
            raise self._broken
        return text
