"""A feed's bytes as they come off the disk, unpacked on the way where they are packed. Knows no format of rows.

Nothing is held but a block and the first bytes, however large the file and whatever it unpacks to.
"""

import gzip
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import BinaryIO

from worker.feed.errors import BrokenOff, UnpacksTooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_FEED_BYTES = 16 * 1024**3
MAX_RATIO = 1_000
"""Bytes out per byte in. Rows that repeat a long description reach some hundreds; gzip ends at 1,032, zstd nowhere."""
RATIO_FREE_BYTES = 64 * 1024**2
"""So much may come out of however few."""

_BLOCK_BYTES = 1 << 18
_SAMPLE_BYTES = 1 << 22
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zstd.ZstdError)


class Packing(StrEnum):
    """How a whole feed may be packed; the values are what messages call it."""

    NONE = ""
    GZIP = "gzip"
    ZSTD = "zstd"


_MAGIC = ((b"\x1f\x8b\x08", Packing.GZIP), (b"\x28\xb5\x2f\xfd", Packing.ZSTD))


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The bytes of a feed. `name` is what messages call it; `sample` is what it begins with, unpacked, to tell by."""

    name: str
    path: Path
    packing: Packing
    sample: bytes

    @classmethod
    def of(cls, name: str, path: Path) -> "Content":
        """The content of a file; what breaks off early has a shorter sample. Raises OSError, UnpacksTooLarge."""
        with path.open("rb") as file:
            head = file.read(4)
        packing = next((packing for magic, packing in _MAGIC if head.startswith(magic)), Packing.NONE)
        return cls(name=name, path=path, packing=packing, sample=_first(_blocks(name, path, packing)))

    def blocks(self) -> Iterator[bytes]:
        """All of it, from the start at each call. Raises OSError, BrokenOff where it is damaged, UnpacksTooLarge."""
        return _blocks(self.name, self.path, self.packing)


def bounded(name: str, blocks: Iterable[bytes], consumed: Callable[[], int]) -> Iterator[bytes]:
    """The blocks that something packed gives; raises UnpacksTooLarge once they are more than a feed may be.

    `consumed` tells how many packed bytes went in so far.
    """
    total = 0
    for block in blocks:
        total += len(block)
        if total > MAX_FEED_BYTES or total > max(RATIO_FREE_BYTES, MAX_RATIO * consumed()):
            raise UnpacksTooLarge(feed=name, size=total, packed=consumed())
        yield block


def _blocks(name: str, path: Path, packing: Packing) -> Iterator[bytes]:
    with path.open("rb") as file:
        if packing is Packing.NONE:
            yield from iter(partial(file.read, _BLOCK_BYTES), b"")
        else:
            yield from bounded(name, _unpacked(file, packing), file.tell)


def _unpacked(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """`read1` rather than `read`: it hands out what came before the damage and raises only then."""
    try:
        with gzip.open(file) if packing is Packing.GZIP else zstd.open(file) as unpacked:
            yield from iter(partial(unpacked.read1, _BLOCK_BYTES), b"")
    except _DAMAGE as error:
        raise BrokenOff(f"the {packing} is damaged: {error}") from error


def _first(blocks: Iterator[bytes]) -> bytes:
    sample = bytearray()
    try:
        while len(sample) < _SAMPLE_BYTES and (block := next(blocks, b"")):
            sample += block
    except BrokenOff:
        pass  # told when the rows are read, after those that are whole
    return bytes(sample[:_SAMPLE_BYTES])
