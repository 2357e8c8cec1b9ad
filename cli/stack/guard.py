"""Ends the children of a supervisor that was killed with -9 and could not do it itself.

A small process beside the supervisor holds the other end of a pipe and is told which process groups to watch.
When the pipe closes while some are left, it drains them and then kills them. A parent-death signal (prctl)
would be shorter, but it fires when the *thread* that forked ends, is Linux's alone, and reaches no
grandchildren.

This file is also the program of that process, so it imports nothing of ours.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable


class Guard:
    """The supervisor's end."""

    def __init__(self) -> None:
        self._watched: dict[int, float] = {}
        self._process: subprocess.Popen[str] | None = None

    def ensure_running(self) -> None:
        """Starts the process, or starts it again and repeats to it what to watch."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd="/",
            start_new_session=True,
        )
        for group, drain_s in self._watched.items():
            self._tell(f"+ {group} {drain_s}")

    def watch(self, group: int, *, drain_s: float) -> None:
        self._watched[group] = drain_s
        self._tell(f"+ {group} {drain_s}")

    def forget(self, group: int) -> None:
        self._watched.pop(group, None)
        self._tell(f"- {group}")

    def stop(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
        self._process = None

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # it died; ensure_running repeats everything to the next one


def read_watched(lines: Iterable[str]) -> dict[int, float]:
    """What is left to watch when the lines end: process group -> seconds it may drain."""
    watched: dict[int, float] = {}
    for line in lines:
        sign, group, *drain = line.split()
        if sign == "+":
            watched[int(group)] = float(drain[0])
        else:
            watched.pop(int(group), None)
    return watched


def end(groups: dict[int, float]) -> None:
    """Asks every group to end, and kills each that still runs when its time to drain is over."""
    for group in groups:
        signal_group(group, signal.SIGTERM)
    started = time.monotonic()
    left = dict(groups)
    while left:
        for group, drain_s in list(left.items()):
            over = time.monotonic() - started > drain_s
            if not signal_group(group, signal.SIGKILL if over else 0) or over:
                del left[group]
        time.sleep(0.1)


def signal_group(group: int, sent: int) -> bool:
    """Signals a process group (0 only looks) and says whether it exists."""
    try:
        os.killpg(group, sent)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


if __name__ == "__main__":
    end(read_watched(sys.stdin))
