"""Locks between processes that share one home. The kernel holds them (flock): kill -9 releases them too."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.errors import HomeNotWritableError


class UserLock:
    """Says "I use the servers of this home" while it is held; any number of processes hold it at once."""

    def __init__(self, path: Path) -> None:
        self._fd = _open(path)
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Whether nobody else holds it. Ask while leaving: where the answer is no, it is no longer held."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        os.close(self._fd)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process is inside, then stays inside alone."""
    fd = _open(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HomeNotWritableError(path=path, reason=error.strerror) from error
