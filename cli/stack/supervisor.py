"""Keeps a set of processes running: starts again what dies, looks after the servers, drains at the end.

It knows neither what the processes do nor what the servers are: the caller gives it commands and a hook.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from cli.stack.child import Child, ChildSpec
from cli.stack.errors import ChildDidNotStartError, StackError
from cli.stack.guard import Guard
from cli.stack.logs import tail

_log = logging.getLogger(__name__)

_HEALTH_EVERY_S = 1.0
_POLL_EVERY_S = 0.2
_DRAIN_POLL_S = 0.05
# The guard lets a process drain a little longer than the supervisor would have.
_GUARD_EXTRA_S = 2.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChildExit:
    """A process that ended without being asked to. `status` is negative for a signal, as in subprocess."""

    name: str
    status: int
    again_in_s: float


class Supervisor:
    """Runs the processes of `specs`.

    Their output is appended to `logs`/NAME.log, or goes where the caller's goes without `logs`. `health` is
    called about every second; a `StackError` from it is logged and the call repeated.
    """

    def __init__(
        self, specs: Sequence[ChildSpec], *, logs: Path | None, health: Callable[[], object] | None = None
    ) -> None:
        self._children = {spec.name: Child(spec, log=logs / f"{spec.name}.log" if logs else None) for spec in specs}
        self._logs = logs
        self._health = health
        self._health_due_at = 0.0
        self._unhealthy = ""
        self._guard = Guard()
        self._hurry = False
        self._started = False

    def start(self) -> None:
        """Starts every process and returns. Raises ChildDidNotStartError, with nothing left running."""
        self._started = True
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
        self._guard.ensure_running()
        try:
            for child in self._children.values():
                self._start(child)
        except ChildDidNotStartError:
            self.stop()
            raise

    def poll(self) -> tuple[ChildExit, ...]:
        """Starts again what ended and is due, calls the health hook, returns what ended since the last call.

        Call it several times a second. Every restart of a process is made here, in the caller's thread.
        """
        self._guard.ensure_running()
        self._check_health()
        exits = tuple(exited for child in self._children.values() if (exited := self._reap(child)))
        for child in self._children.values():
            if child.is_due(time.monotonic()):
                self._restart(child)
        return exits

    def stop(self) -> None:
        """Sends SIGTERM to each process in order, waits up to each one's time, and kills what is left.

        A signal to stop that comes meanwhile kills at once, and raises nothing: whoever is impatient leaves no process
        behind whose servers go away under it.
        """
        with _hurrying(self._be_quick):
            for child in self._children.values():
                child.signal(signal.SIGTERM)
            asked_at = time.monotonic()
            while any(self._still_drains(child, asked_at) for child in self._children.values()):
                time.sleep(_DRAIN_POLL_S)
            self._guard.stop()

    def run_until_stopped(self) -> None:
        """Starts what is not started, polls until SIGINT, SIGTERM or SIGHUP, drains; a second signal ends that at once.

        Call it in the main thread. A signal that the caller ignores (nohup) stays ignored.
        """
        stopping = threading.Event()
        with _signals(stopping, self._be_quick):
            if not self._started:
                self.start()
            try:
                while not stopping.wait(_POLL_EVERY_S):
                    self.poll()
            finally:
                self.stop()

    def pids(self) -> dict[str, int | None]:
        """Process ids by name; None for one that waits to be started again."""
        return {name: child.pid for name, child in self._children.items()}

    def tail(self, name: str, *, lines: int = 12) -> list[str]:
        """The last lines that a process wrote, for an error message."""
        log = self._children[name].log
        return tail(log, lines=lines) if log else []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, child: Child) -> None:
        group = child.start(time.monotonic())
        self._guard.watch(group, drain_s=child.spec.stop_timeout_s + _GUARD_EXTRA_S)

    def _restart(self, child: Child) -> None:
        try:
            self._start(child)
        except ChildDidNotStartError as error:
            child.put_off(time.monotonic())
            _log.warning("%s; trying again in %g s", error, child.delay_s)

    def _reap(self, child: Child) -> ChildExit | None:
        group, status = child.pid, child.reap(time.monotonic())
        if group is None or status is None:
            return None
        self._guard.forget(group)
        name = child.spec.name
        _log.warning("%s ended with status %d; starting it again in %g s", name, status, child.delay_s)
        return ChildExit(name=name, status=status, again_in_s=child.delay_s)

    def _still_drains(self, child: Child, asked_at: float) -> bool:
        group = child.pid
        if group is None:
            return False
        if self._hurry or time.monotonic() - asked_at > child.spec.stop_timeout_s:
            why = "is not waited for" if self._hurry else "did not drain in time"
            _log.warning("%s %s and is killed", child.spec.name, why)
            child.kill()
        if child.reap(time.monotonic()) is None:
            return True
        self._guard.forget(group)
        return False

    def _check_health(self) -> None:
        if self._health is None or time.monotonic() < self._health_due_at:
            return
        try:
            self._health()
            self._unhealthy = ""
        except StackError as error:
            if str(error) != self._unhealthy:
                _log.error("%s", error)
            self._unhealthy = str(error)
        self._health_due_at = time.monotonic() + _HEALTH_EVERY_S

    def _be_quick(self) -> None:
        self._hurry = True


@contextmanager
def _hurrying(quick: Callable[[], None]) -> Iterator[None]:
    """Every stop signal calls `quick`. Only the main thread may hear signals; another waits its time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = threading.Event()
    asked.set()
    with _signals(asked, quick):
        yield


@contextmanager
def _signals(stopping: threading.Event, again: Callable[[], None]) -> Iterator[None]:
    """The first stop signal sets `stopping`, the next ones call `again`; the former handlers come back."""

    def handle(sent: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            again()
        else:
            _log.warning("asked to stop by %s: what is held is finished; once more ends it", signal.Signals(sent).name)
        stopping.set()

    heard = [sent for sent in _STOP_SIGNALS if signal.getsignal(sent) is not signal.SIG_IGN]
    former = {sent: signal.signal(sent, handle) for sent in heard}
    try:
        yield
    finally:
        for sent, handler in former.items():
            signal.signal(sent, handler)
