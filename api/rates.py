"""How often somebody may ask: so many times a minute, with a minute's worth at once. Kept in this process's memory.

Several API processes each count for themselves: what is shared would cost every request a round trip to Redis, and
answers would hang on one more server.
"""

import math
import time
from collections.abc import Callable, Hashable

from api.errors import TooManyRequests

WINDOW_S = 60.0
MANY = 10_000


class Rate:
    """A token bucket for everybody who asks, as one number each: when it will be full again. `per_minute` 0 is off."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}

    def check(self, who: Hashable) -> None:
        """Raises `TooManyRequests` where `who` has none left."""
        if self._per_minute:
            self._next(who)

    def take(self, who: Hashable) -> None:
        """Counts one. Raises `TooManyRequests`, and counts nothing, where `who` has none left."""
        if self._per_minute:
            self._full_at[who] = self._next(who)
            if len(self._full_at) > MANY:
                self._forget_full()

    def _next(self, who: Hashable) -> float:
        now = self._clock()
        full_at = max(self._full_at.get(who, now), now) + WINDOW_S / self._per_minute
        wait_s = full_at - now - WINDOW_S
        if wait_s > 1e-6:
            raise TooManyRequests(per_minute=self._per_minute, retry_after_s=math.ceil(wait_s))
        return full_at

    def _forget_full(self) -> None:
        now = self._clock()
        self._full_at = {who: full_at for who, full_at in self._full_at.items() if full_at > now}
