"""Server processes that outlived who started them, found by the folder they work in."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from cli.stack.sockets import wait_until

_END_TIMEOUT_S = 10.0


def end_processes(name: str, folder: Path, *sent: signal.Signals) -> None:
    """Ends the processes called `name` whose working folder is `folder`: by the first signal, or by the next one."""
    for one in sent:
        for pid in _processes(name, folder):
            _signal(pid, one)
        if wait_until(lambda: not any(_processes(name, folder)), timeout_s=_END_TIMEOUT_S):
            return


def _processes(name: str, folder: Path) -> Iterator[int]:
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter(["name", "cwd"]):
        if process.info["name"] == name and process.info["cwd"] == str(folder):
            yield process.pid


def _signal(pid: int, sent: signal.Signals) -> None:
    try:
        os.kill(pid, sent)
    except ProcessLookupError:
        return
