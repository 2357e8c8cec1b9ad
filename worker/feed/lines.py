"""Text and lines of a feed in any usual encoding, in bounded memory whatever the file."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator

from worker.feed.build import SUSPECT
from worker.feed.rows import MAX_LINE_CHARS

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_RIGHT = re.compile("[^\x00-\x7f\ud800-\udfff]")
_WRONG = re.compile("[\udc80-\udcff]")


def detect_encoding(sample: bytes) -> str:
    """The encoding of a text by its first bytes: what its BOM says, UTF-16 by its zeros, UTF-8, else Windows-1252.

    A few broken bytes do not turn UTF-8 into Windows-1252: their rows are rejected one by one.
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


def decoded(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text of the blocks, each line of it ended by a newline alone, whatever ended it there (CR LF, CR or LF).

    What is no text in the encoding becomes lone surrogates, which SUSPECT finds and no right text holds.
    """
    errors = "surrogateescape" if encoding in ("utf-8", "utf-8-sig", "cp1252") else _SURROGATES
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(errors), translate=True)
    for block in blocks:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


class Lines:
    """The lines of a feed, each with a final newline, in bounded memory.

    `suspect_to` is the last line that may hold controls or broken bytes; `overlong_to` the last line that was cut
    at MAX_LINE_CHARS. Both count from 1 and grow as lines are handed out.
    """

    def __init__(self, blocks: Iterable[bytes], encoding: str) -> None:
        self._texts = decoded(blocks, encoding)
        self.suspect_to = 0
        self.overlong_to = 0

    def __iter__(self) -> Iterator[str]:
        line, rest = 0, ""
        for block in self._texts:
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


def _surrogate(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


_SURROGATES = "modiste.surrogate"
codecs.register_error(_SURROGATES, _surrogate)


def _is_mostly_utf8(sample: bytes) -> bool:
    """Whether more characters beyond ASCII are right UTF-8 than bytes are wrong in it."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        text = sample.decode("utf-8", "surrogateescape")
        return len(_RIGHT.findall(text)) > len(_WRONG.findall(text))
    return True
