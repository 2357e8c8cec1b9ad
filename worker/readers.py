"""Threads that read photos. A photo whose host is busy is put aside and holds no thread meanwhile.

So one slow host cannot keep the others' photos waiting.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from worker.photos.errors import HostBusy

Result = TypeVar("Result")

# How often it is looked whether a host is still busy, where nothing here tells: its rest is over, or its next second
# has begun, or another lane's request has ended.
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class _Task:
    work: Callable[[], Any]
    future: "Future[Any]" = field(default_factory=Future)


class Pace(Protocol):
    """What is needed of `worker.photos.hosts.Hosts`."""

    def is_busy(self, host: str, *, urgent: bool) -> bool: ...

    def pace_s(self, host: str) -> float: ...


class Readers:
    """Runs work that may raise HostBusy, and runs it anew when that host is not busy any more.

    Unlike an Executor's, a future may be cancelled while its work runs: its result is dropped then.
    """

    def __init__(self, threads: int, *, hosts: Pace, urgent: bool = False, name: str = "read") -> None:
        self._hosts = hosts
        self._urgent = urgent
        self._fresh: deque[_Task] = deque()
        self._aside: dict[str, deque[_Task]] = {}  # by host, never empty
        self._changed = threading.Condition()
        self._looks_out = False  # one thread looks whether hosts are free, and wakes the next when it has work
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Callable[[], Result]) -> "Future[Result]":
        """The future holds what the work returns or raises."""
        task = _Task(work)
        with self._changed:
            self._fresh.append(task)
            self._changed.notify()
        return task.future

    def line_s(self, host: str) -> float:
        """Seconds until all photos that wait for the host here are read, by its pace."""
        with self._changed:
            waiting = len(self._aside.get(host, ()))
            return waiting * self._hosts.pace_s(host) if waiting else 0.0

    def close(self) -> None:
        """Returns when the work that runs has ended; what waits is cancelled."""
        with self._changed:
            self._closed = True
            for task in (*self._fresh, *(task for tasks in self._aside.values() for task in tasks)):
                task.future.cancel()
            self._fresh.clear()
            self._aside.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (task := self._next()) is not None:
            try:
                result = task.work()
            except HostBusy as busy:
                self._put_aside(task, busy.host)
            except BaseException as error:  # noqa: BLE001 - as in an Executor: whatever it is belongs to whoever waits
                if task.future.set_running_or_notify_cancel():
                    task.future.set_exception(error)
            else:
                if task.future.set_running_or_notify_cancel():
                    task.future.set_result(result)

    def _next(self) -> _Task | None:
        """The next task worth running, waited for; None when it is time to end."""
        with self._changed:
            while not self._closed:
                task = self._put_aside_before() or (self._fresh.popleft() if self._fresh else None)
                if task is None:
                    self._wait()
                elif not task.future.cancelled():
                    if self._aside:
                        self._changed.notify()
                    return task
            return None

    def _wait(self) -> None:
        if self._looks_out or not self._aside:
            self._changed.wait()
            return
        self._looks_out = True
        self._changed.wait(_LOOK_AGAIN_S)
        self._looks_out = False

    def _put_aside_before(self) -> _Task | None:
        host = next((host for host in self._aside if not self._hosts.is_busy(host, urgent=self._urgent)), None)
        if host is None:
            return None
        tasks = self._aside.pop(host)
        task = tasks.popleft()
        if tasks:
            self._aside[host] = tasks  # last in line now: hosts take turns
        return task

    def _put_aside(self, task: _Task, host: str) -> None:
        with self._changed:
            if self._closed:
                task.future.cancel()
                return
            self._aside.setdefault(host, deque()).append(task)
            self._changed.notify()  # a thread that waits without a limit would not look again
