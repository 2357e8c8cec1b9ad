"""Notices a consumer that is alive and takes nothing, as Celery's do now and then after a broker came back."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


class Mouth:
    """What takes messages out of `queues` in this process, and works on at most `slots` of them at once."""

    def __init__(self, *queues: str, slots: int) -> None:
        self.queues = queues
        self._slots = slots
        self._running = 0
        self._taken = 0
        self._guard = threading.Lock()

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Around the work on one message."""
        with self._guard:
            self._running += 1
            self._taken += 1
        try:
            yield
        finally:
            with self._guard:
                self._running -= 1

    @property
    def taken(self) -> int:
        """Messages taken so far."""
        return self._taken

    @property
    def is_free(self) -> bool:
        """Whether it could take another message now."""
        return self._running < self._slots


class Watchdog:
    """Calls `on_stuck`, once and from a thread of its own, where a mouth starves before a full plate.

    That is: at each of `looks` looks, `every_s` apart, it had a free slot, one of its queues held a message, and it
    took none in between. Looks are counted and not seconds, since a machine that slept has not been stuck for an hour.
    `waiting` tells how many messages a queue holds; while the broker does not answer nobody is to blame.
    """

    def __init__(
        self,
        mouths: Sequence[Mouth],
        *,
        waiting: Callable[[str], int],
        on_stuck: Callable[[Mouth], object],
        every_s: float,
        looks: int = 6,
    ) -> None:
        self._starved = dict.fromkeys(mouths, 0)
        self._taken = {mouth: mouth.taken for mouth in mouths}
        self._waiting, self._on_stuck = waiting, on_stuck
        self._every_s, self._looks = every_s, looks
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Looks no more. Also from `on_stuck`."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            for mouth in self._starved:
                taken = mouth.taken
                starves = taken == self._taken[mouth] and self._starves(mouth)
                self._starved[mouth] = self._starved[mouth] + 1 if starves else 0
                self._taken[mouth] = taken
                if self._starved[mouth] >= self._looks:
                    self._on_stuck(mouth)
                    return

    def _starves(self, mouth: Mouth) -> bool:
        try:
            return mouth.is_free and any(self._waiting(queue) for queue in mouth.queues)
        except (OperationalError, OSError):
            return False
