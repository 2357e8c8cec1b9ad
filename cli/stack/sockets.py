"""Asking a server's Unix socket whether anybody listens: the sign of life that no kill -9 leaves behind."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

_TIMEOUT_S = 5.0


def is_listening(path: Path) -> bool:
    """Whether a process listens. One too busy to answer counts: it must not get a second one beside it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_TIMEOUT_S)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except (TimeoutError, BlockingIOError):
            return True
    return True


def ask(path: Path, line: bytes) -> bytes:
    """The first answer to a line; empty where the server is away or closes the connection instead."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_TIMEOUT_S)
        try:
            client.connect(str(path))
            client.sendall(line + b"\r\n")
            return client.recv(256)
        except OSError:
            return b""


def wait_until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.02) -> bool:
    """Whether the condition became true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
