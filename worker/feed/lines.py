"""Lines of a text file in any usual encoding, in bounded memory whatever the file."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from worker.feed.build import SUSPECT
from worker.feed.rows import MAX_LINE_CHARS

_BLOCK_BYTES = 1 << 18
_SAMPLE_BYTES = 1 << 22
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def detect_encoding(sample: bytes) -> str:
    """The encoding of a text by its first bytes: what its BOM says, UTF-16 by its zeros, UTF-8, else Windows-1252.

    A few broken lines do not turn UTF-8 into Windows-1252: they are rejected one by one.
    """
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    head = sample[:4096]
    if head[1::2].count(0) > 0.4 * len(head[1::2]):
        return "utf-16-le"
    if head[::2].count(0) > 0.4 * len(head[::2]):
        return "utf-16-be"
    return "utf-8" if _is_mostly_utf8(sample) else "cp1252"


def read_sample(path: Path) -> bytes:
    """The first bytes of a file, enough to tell its format and encoding by."""
    with path.open("rb") as file:
        return file.read(_SAMPLE_BYTES)


class Lines:
    """The lines of a file, each with a final newline, whatever ended it there (CR LF, CR or LF).

    `suspect_to` is the last line that may hold controls or broken bytes; `overlong_to` the last line that was cut
    at MAX_LINE_CHARS. Both count from 1 and grow as lines are handed out.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        # Broken UTF-8 becomes lone surrogates, which SUSPECT finds and no right text holds.
        errors = "surrogateescape" if encoding in ("utf-8", "utf-8-sig", "cp1252") else _SURROGATES
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self.suspect_to = 0
        self.overlong_to = 0

    def __iter__(self) -> Iterator[str]:
        line, rest = 0, ""
        for block in self._blocks():
            parts = (rest + block).split("\n")
            rest = parts.pop()
            if SUSPECT.search(block):
                self.suspect_to = line + len(parts) + 1
            for part in parts:
                line += 1
                yield self._cut(part, line)
            # One character more than the most marks the line as cut; what follows of it is forgotten.
            rest = rest[: MAX_LINE_CHARS + 1]
        if rest:
            yield self._cut(rest, line + 1)

    def _cut(self, text: str, line: int) -> str:
        if len(text) > MAX_LINE_CHARS:
            self.overlong_to = line
            text = text[:MAX_LINE_CHARS]
        return f"{text}\n"

    def _blocks(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            while data := file.read(_BLOCK_BYTES):
                yield self._decoder.decode(data)
            yield self._decoder.decode(b"", final=True)


def _surrogate(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


_SURROGATES = "modiste.surrogate"
codecs.register_error(_SURROGATES, _surrogate)


def _is_mostly_utf8(sample: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        good = bad = 0
        for line in sample.splitlines():
            if not line.isascii():
                is_good = _is_utf8(line)
                good, bad = good + is_good, bad + (not is_good)
        return good > bad
    return True


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
