"""Photos in a zip, read at their offsets without a lock. Bombs, paths that climb and links are refused."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from worker.photos.errors import BadZip, PhotoDamaged, PhotoGone, PhotoTooLarge
from worker.photos.references import References, clean_reference, is_image_name
from worker.photos.sources import MAX_PHOTO_BYTES, PhotoFile

MAX_RATIO = 200
"""Bytes out per byte in. Photos hardly compress: a black PNG of any size stays below, a bomb does not."""

_RATIO_FREE_BYTES = 1024 * 1024
_BLOCK_BYTES = 1 << 18
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BAD_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    OverflowError,
    EOFError,
    struct.error,
    OSError,
)


class ZipPhotos:
    """The members of a zip. Thread-safe; close it when done."""

    def __init__(self, path: Path, *, name: str | None = None, max_bytes: int = MAX_PHOTO_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._members = _members(path, name or str(path))
        self._references = References(self._members)
        self._descriptor = os.open(path, os.O_RDONLY)

    def find(self, reference: str) -> PhotoFile | None:
        """The one photo that a reference means, or None."""
        name = self._references.resolve(reference)
        return None if name is None else self._photo(name)

    def images(self) -> Iterator[PhotoFile]:
        """Every image member, sorted by name."""
        return (self._photo(name) for name in self._references.images())

    def read(self, photo: PhotoFile) -> bytes:
        """The photo's bytes, checked against their CRC; raises PhotoGone, PhotoDamaged, PhotoTooLarge."""
        member = self._members.get(photo.name)
        if member is None:
            raise PhotoGone(name=photo.name)
        self._refuse_bomb(member, photo.name)
        try:
            data = _inflate(member, self._packed(member))
        except (zlib.error, struct.error, OSError, ValueError, OverflowError) as error:
            raise PhotoDamaged(name=photo.name, reason=error) from error
        if len(data) != member.file_size or zlib.crc32(data) != member.CRC:
            raise PhotoDamaged(name=photo.name, reason="its bytes do not match the zip's checksum")
        return data

    def others(self) -> list[str]:
        """Every member that does not end like an image, sorted."""
        return sorted(name for name in self._members if not is_image_name(name))

    def packed_bytes(self, name: str) -> int:
        """How many bytes a member takes in the zip."""
        return self._members[name].compress_size

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, of any size and a piece at a time, checked against their CRC; raises PhotoDamaged."""
        member = self._members[name]
        try:
            if member.compress_type not in _METHODS or member.flag_bits & 0x1:
                raise ValueError("it is encrypted, or compressed otherwise than with deflate")
            with zipfile.ZipFile(self._path) as archive, archive.open(member) as file:
                yield from iter(partial(file.read, _BLOCK_BYTES), b"")
        except (*_BAD_ZIP, zlib.error) as error:
            raise PhotoDamaged(name=name, reason=error) from error

    def close(self) -> None:
        """Close the zip."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _photo(self, name: str) -> PhotoFile:
        member = self._members[name]
        return PhotoFile(name=name, validator=f"{member.CRC:08x}-{member.file_size}", size_bytes=member.file_size)

    def _refuse_bomb(self, member: zipfile.ZipInfo, name: str) -> None:
        if max(member.file_size, member.compress_size) > self._max_bytes:
            raise PhotoTooLarge(name=name, size=member.file_size, limit=self._max_bytes)
        if member.file_size > _RATIO_FREE_BYTES and member.file_size > MAX_RATIO * member.compress_size:
            raise PhotoDamaged(name=name, reason=f"it grows more than {MAX_RATIO} times when unpacked")
        if member.flag_bits & 0x1:
            raise PhotoDamaged(name=name, reason="it is encrypted")

    def _packed(self, member: zipfile.ZipInfo) -> bytes:
        header = os.pread(self._descriptor, _LOCAL_HEADER.size, member.header_offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        if magic != b"PK\x03\x04":
            raise ValueError("no member stands where the zip says")
        start = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        return os.pread(self._descriptor, member.compress_size, start)


def _inflate(member: zipfile.ZipInfo, packed: bytes) -> bytes:
    if member.compress_type == zipfile.ZIP_STORED:
        return packed
    if member.compress_type != zipfile.ZIP_DEFLATED:
        raise ValueError(f"its compression method {member.compress_type} is not read")
    # One byte more than promised is enough to see that a member lies about its size.
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.file_size + 1)


def _members(path: Path, called: str) -> dict[str, zipfile.ZipInfo]:
    """Name → member for the files a zip may honestly hold; raises BadZip."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except _BAD_ZIP as error:
        raise BadZip(path=called, reason=error) from error
    members: dict[str, zipfile.ZipInfo] = {}
    for member in found:
        name = clean_reference(member.filename)
        if name is not None and _is_plain_file(member, name):
            members.setdefault(name, member)
    return members


def _is_plain_file(member: zipfile.ZipInfo, name: str) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    hidden = name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
    return not member.is_dir() and kind in (0, stat.S_IFREG) and not hidden
