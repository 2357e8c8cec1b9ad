"""Follows an import to its last photo: progress, rate and time left, read from its counters."""

import time
from collections import deque
from collections.abc import Callable

from rich.progress import Progress, TaskID
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cli.output import duration, err, progress
from db.engine import transaction
from db.errors import NotReachable
from db.imports import ImportStatus, import_status, retries

POLL_S = 0.5
LINE_EVERY_S = 10.0
STALLED_AFTER_S = 30.0
RATE_OVER_S = 30.0


class Rate:
    """Photos a second over the last half minute."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, moment_s: float, done: int) -> float | None:
        """The rate after `done` photos at `moment_s`; None until something was done."""
        self._points.append((moment_s, done))
        while len(self._points) > 2 and moment_s - self._points[0][0] > RATE_OVER_S:
            self._points.popleft()
        start_s, before = self._points[0]
        passed = moment_s - start_s
        if passed <= 0 or done <= before:
            return None
        return (done - before) / passed


def follow(
    engine: Engine, import_id: int, *, tend: Callable[[], object] = lambda: None, stalled: str = ""
) -> ImportStatus:
    """Shows progress until the import is finished, or rests and that is said, and returns its last status.

    `tend` is called twice a second: it looks after servers and workers. A database that is away for a moment is
    waited for. `stalled` is what to tell a person when nothing has moved for a while.
    """
    with progress() as bar:
        teller = _Teller(bar, bar.add_task(f"import {import_id}", total=None, says=""), stalled)
        while True:
            tend()
            status = _status(engine, import_id)
            if status is not None:
                teller.tell(status, engine)
                if status.paused_at and not status.finished:
                    err.print(f"Import {import_id} is paused; modiste resume {import_id} lets it go on.")
                    return status
                if status.waits:
                    err.print(f"Import {import_id} was looked at; modiste resume {import_id} starts it.")
                    return status
                if status.finished:
                    return status
            time.sleep(POLL_S)


class _Teller:
    """Keeps the bar, prints a line now and then where there is no terminal, and notices when nothing moves."""

    def __init__(self, bar: Progress, task: TaskID, stalled: str) -> None:
        self._bar, self._task, self._stalled = bar, task, stalled
        self._rate = Rate()
        self._done = -1
        self._moved_s = self._line_s = time.monotonic()

    def tell(self, status: ImportStatus, engine: Engine) -> None:
        now_s, done = time.monotonic(), status.photos_total - status.photos_pending
        says = describe(status, self._rate.add(now_s, done))
        self._bar.update(self._task, total=status.photos_total or 1, completed=done, says=says)
        if not err.is_terminal and now_s - self._line_s >= LINE_EVERY_S:
            err.print(f"import {status.id}: {says}")
            self._line_s = now_s
        if done != self._done:
            self._done, self._moved_s = done, now_s
        elif now_s - self._moved_s >= STALLED_AFTER_S:
            with transaction(engine) as connection:
                photos, due_s = retries(connection, status.id)
            waits = f"{photos:,} photos could not be fetched and are tried again in {duration(due_s)}."
            err.print(f"[yellow]No photo was finished for a while.[/] {waits if photos else self._stalled}")
            self._moved_s = now_s


def _status(engine: Engine, import_id: int) -> ImportStatus | None:
    try:
        with transaction(engine) as connection:
            return import_status(connection, import_id)
    except (OperationalError, NotReachable):
        return None


def describe(status: ImportStatus, rate: float | None) -> str:
    """`1,200 of 4,200 photos, 96/s, 31 s left`."""
    done = status.photos_total - status.photos_pending
    parts = [f"{done:,} of {status.photos_total:,} photos"]
    if rate:
        parts += [f"{rate:,.0f}/s", f"{duration(status.photos_pending / rate)} left"]
    if status.photos_quarantined:
        parts.append(f"{status.photos_quarantined} in quarantine")
    return ", ".join(parts)
