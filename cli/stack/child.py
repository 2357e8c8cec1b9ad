"""One supervised process: how it is started, when it is started again, how it is ended."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.stack.errors import ChildDidNotStartError
from cli.stack.guard import signal_group
from cli.stack.logs import rotate

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
_SETTLED_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildSpec:
    """What to run. `env` is added to the supervisor's own environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stop_timeout_s: float = 30.0


def next_delay_s(last_delay_s: float, *, lived_s: float) -> float:
    """How long to wait before the next start: doubled each time, from the beginning after a long life."""
    if lived_s >= _SETTLED_S or last_delay_s == 0:
        return FIRST_DELAY_S
    return min(last_delay_s * 2, LONGEST_DELAY_S)


class Child:
    """A process and its restarts. The clock is the caller's (`now`, seconds that only grow)."""

    def __init__(self, spec: ChildSpec, *, log: Path | None) -> None:
        self.spec = spec
        self.log = log
        self.delay_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._due_at = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id, and its process group's; None while it does not run."""
        return self._process.pid if self._process else None

    def is_due(self, now: float) -> bool:
        return self._process is None and now >= self._due_at

    def start(self, now: float) -> int:
        """Starts it in a session of its own, so that a terminal's Ctrl-C reaches only the supervisor."""
        self._started_at = now
        try:
            self._process = self._open()
        except OSError as error:
            raise ChildDidNotStartError(name=self.spec.name, reason=error) from error
        return self._process.pid

    def reap(self, now: float) -> int | None:
        """Its exit status if it has just ended. Kills what it left running and sets its next start."""
        if self._process is None or self._process.poll() is None:
            return None
        status, group = self._process.returncode, self._process.pid
        self._process = None
        signal_group(group, signal.SIGKILL)
        self.put_off(now)
        return status

    def put_off(self, now: float) -> None:
        self.delay_s = next_delay_s(self.delay_s, lived_s=now - self._started_at)
        self._due_at = now + self.delay_s

    def signal(self, sent: signal.Signals) -> None:
        """Signals the process alone: how its own children drain is its business."""
        if self._process is not None:
            self._process.send_signal(sent)

    def kill(self) -> None:
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _open(self) -> subprocess.Popen[bytes]:
        environment = dict(os.environ) | dict(self.spec.env)
        if self.log is None:
            return _spawn(self.spec.argv, environment, None)
        rotate(self.log)
        with self.log.open("ab") as output:
            return _spawn(self.spec.argv, environment, output.fileno())


def _spawn(argv: tuple[str, ...], environment: dict[str, str], output: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        list(argv),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output if output is None else subprocess.STDOUT,
        start_new_session=True,
    )
