"""Where an export goes: a file that appears when it is complete, or stdout."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cli.errors import UsageError


@contextmanager
def opened(file: Path | None) -> Iterator[BinaryIO]:
    """What is written to goes to `file`, under its name once the block is left without an error; None: to stdout.

    Raises UsageError where the file cannot be written.
    """
    if file is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = file.expanduser().resolve()
    try:
        # A pipe or a device takes what is written to it; to rename another file to its name would destroy it.
        with target.open("wb") if is_special(target) else replacing(target) as out:
            yield out
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error


def is_special(target: Path) -> bool:
    return target.exists() and not target.is_file() and not target.is_dir()


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
