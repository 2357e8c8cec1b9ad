"""How far something is whose end is known: a bar on a terminal, a line now and then elsewhere. On stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.output import duration, err, progress
from cli.watching import LINE_EVERY_S, Rate


@contextmanager
def telling(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """`what` names it, `unit` is what is counted up to `total`. Call it with how many are done."""
    rate, line_s = Rate(), time.monotonic()
    with progress() as bar:
        task = bar.add_task(what, total=total, says="")

        def tell(done: int) -> None:
            nonlocal line_s
            now_s = time.monotonic()
            says = told(done, total, unit, rate.add(now_s, done))
            bar.update(task, completed=done, says=says)
            if not err.is_terminal and now_s - line_s >= LINE_EVERY_S:
                err.print(f"{what}: {says}", markup=False)
                line_s = now_s

        yield tell


def told(done: int, total: int, unit: str, rate: float | None) -> str:
    """`1,200 of 4,200 photos, 96/s, 31 s left`."""
    said = f"{done:,} of {total:,} {unit}"
    return f"{said}, {rate:,.0f}/s, {duration((total - done) / rate)} left" if rate else said
