"""The items of an RSS or Atom document, one at a time, in bounded memory. Knows XML and Google's namespace, no feed.

expat is fed block by block. A document type is refused whole, and with it every entity that it could define; nothing
is looked up elsewhere.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from worker.feed.errors import BrokenOff
from worker.feed.rows import MAX_LINE_CHARS

_MAX_DEPTH = 32
_ROOTS = frozenset(("rss", "feed", "RDF"))
_ITEMS = frozenset(("item", "entry"))
_GOOGLE = "http://base.google.com/"


class NotAFeed(Exception):
    """The document is XML, and none that is read; the message says what it is."""


@lru_cache(maxsize=4_096)
def _split(name: str) -> tuple[str, bool]:
    """An element's name without its namespace, and whether that is Google's."""
    namespace, _, local = name.rpartition(" ")
    return local, namespace.startswith(_GOOGLE)


class _Element:
    """An element that is not over yet. There are twenty an item: no more is made for one than it needs."""

    __slots__ = ("children", "google_names", "has_own_text", "href", "is_google", "name", "texts")

    def __init__(self, name: str, is_google: bool, href: str) -> None:
        self.name = name
        self.is_google = is_google
        self.href = href
        self.texts: list[str] = []
        self.has_own_text = False
        self.children: dict[str, Any] | None = None
        self.google_names: set[str] | None = None

    def value(self) -> Any:
        """Its text; of an element that holds only others, an object of them; of an empty link, where it leads."""
        if self.children and not self.has_own_text:
            return self.children
        return "".join(self.texts).strip() or self.href

    def add(self, child: "_Element") -> None:
        """Takes in a child: of one name Google's counts and not RSS's or Atom's; what comes again makes a list."""
        value = child.value()
        if not value:
            return
        if self.children is None or self.google_names is None:
            self.children, self.google_names = {}, set()
        name = child.name
        if name not in self.children or (child.is_google and name not in self.google_names):
            self.children[name] = value
        elif child.is_google or name not in self.google_names:
            self._add_again(name, value)
        if child.is_google:
            self.google_names.add(name)

    def _add_again(self, name: str, value: Any) -> None:
        assert self.children is not None
        known = self.children[name]
        if isinstance(known, list):
            known.append(value)
        else:
            self.children[name] = [known, value]


class XmlItems:
    """Items as objects: the name of an element without its namespace is the key."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._depth = 0
        self._open: list[_Element] = []
        self._done: list[dict[str, Any]] = []
        self._since_item = 0

    def read(self, blocks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """Every item. Raises BrokenOff, after those that are whole, where it is no XML any more; NotAFeed."""
        for block in blocks:
            yield from self._items_of(block)
        yield from self._items_of(b"", is_last=True)

    def _items_of(self, block: bytes, *, is_last: bool = False) -> Iterator[dict[str, Any]]:
        broken = self._parse(block, is_last)
        self._since_item = 0 if self._done else self._since_item + len(block)
        yield from self._done
        self._done.clear()
        if broken is not None:
            raise broken
        if self._since_item > MAX_LINE_CHARS:
            raise BrokenOff(f"no item ends within {MAX_LINE_CHARS} bytes")

    def _parse(self, block: bytes, is_last: bool) -> BrokenOff | None:
        try:
            self._parser.Parse(block, is_last)
        except BrokenOff as error:
            return error
        except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: encodings it does not know
            return BrokenOff(f"it is no XML from there on ({error})")
        return None

    def _refuse_doctype(self, name: str, *_: object) -> None:
        raise NotAFeed("an HTML page" if name.lower() == "html" else "XML with a DOCTYPE, which no product feed needs")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        local, is_google = _split(name)
        if self._depth == 1 and local not in _ROOTS:
            raise NotAFeed(f"XML that begins with <{local[:40]}>, neither RSS nor Atom")
        if self._depth > _MAX_DEPTH:
            raise BrokenOff(f"elements stand more than {_MAX_DEPTH} deep in each other")
        if self._open or local in _ITEMS:
            self._open.append(_Element(local, is_google, attributes.get("href", "")))

    def _end(self, _: str) -> None:
        self._depth -= 1
        if not self._open:
            return
        element = self._open.pop()
        if not self._open:
            self._done.append(element.children or {})
            return
        parent = self._open[-1]
        parent.add(element)
        if len(self._open) > 1:  # of an item itself the text is not asked for
            parent.texts += element.texts

    def _text(self, text: str) -> None:
        if self._open:
            element = self._open[-1]
            element.texts.append(text)
            if not element.has_own_text and not text.isspace():
                element.has_own_text = True
