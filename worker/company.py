"""Who works beside whom: shards share a process, but for one that may bring it down."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Company:
    """Lets many work at once, or one alone. Whoever wants to be alone goes before those who come later.

    A shard that was in a process when it died is a suspect; tried again beside others, it would make suspects of them,
    and in the end have innocent photos quarantined with it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working = 0
        self._wanting = 0
        self._is_alone = False

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        """Waits while somebody is alone, or wants to be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_alone and not self._wanting)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until nobody else works."""
        with self._changed:
            self._wanting += 1
            self._changed.wait_for(lambda: not self._is_alone and not self._working)
            self._wanting -= 1
            self._is_alone = True
        try:
            yield
        finally:
            with self._changed:
                self._is_alone = False
                self._changed.notify_all()
