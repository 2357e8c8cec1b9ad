"""What this process knows of each photo host, and whether it may be asked now.

A host gets a few requests at once and so many a second. After a 429, or a Retry-After, it rests; after some faults in a
row it rests too, longer each time, and one request tries it after each rest (a circuit breaker). Without a sign of life
for `give_up_s` it is given up: its photos are not waited for, so that an import ends without a person.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from worker.photos.errors import FetchError, FetchFault, HostBusy, HostGivenUp, HostResting, NotNow
from worker.photos.retry import POLICIES, RETRY_AFTER_CAP_S, Backoff, HostSign

logger = logging.getLogger(__name__)

# A host nobody asked before may be dead: it shows that it answers before it gets many of the threads.
_AT_FIRST = 2.0
_REST = Backoff(base_s=5.0, factor=2.0, cap_s=30.0)
_SHORTEST_REST_S = 0.5
_LATELY_S = 5.0
# Beyond a host's limit, for photos that a person waits for: a bulk import would leave them no place.
_FOR_THE_URGENT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class HostLimits:
    """Bounds for each host, in this process.

    `at_once` and `per_second` requests; a rest after `failures` in a row, of `rest` seconds, given up after `give_up_s`
    of them. A rest of up to `wait_here_s` is worth waiting for. `remembered` hosts are known at most.
    """

    at_once: int = 8
    per_second: float = 200.0
    failures: int = 5
    rest: Backoff = _REST
    give_up_s: float = 300.0
    wait_here_s: float = 2.0
    remembered: int = 4096


@dataclass(kw_only=True, slots=True)
class _Host:
    """Moments are on the monotonic clock."""

    name: str
    under_way: int = 0
    at_once: float = _AT_FIRST
    paced_until: float = 0.0
    rests_until: float = 0.0
    rests: int = 0  # since the last sign of life
    failures: int = 0  # likewise
    failing_since: float | None = None
    alive_at: float = 0.0
    took_s: float = 0.0  # an answer, the latest ones weighing most
    seen_at: float = 0.0
    last: tuple[FetchFault, str] | None = None  # not the error, whose traceback holds a body


class Hosts:
    """Lets requests to hosts through, or says why not, and learns from what became of them. Thread-safe."""

    def __init__(self, limits: HostLimits) -> None:
        self._limits = limits
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._guard = threading.Lock()

    @contextmanager
    def asking(self, host: str, *, urgent: bool = False) -> Iterator[None]:
        """Around one request to `host`. Raises HostBusy, HostResting or HostGivenUp, and then nothing was asked."""
        started = time.monotonic()
        with self._guard:
            known = self._known(host, started)
            refusal = self._refusal(known, started, urgent=urgent)
            if refusal is not None:
                raise refusal
            known.under_way += 1
            known.paced_until = max(known.paced_until, started) + 1 / self._limits.per_second
        error: FetchError | None = None
        sign = HostSign.NOTHING
        try:
            yield
            sign = HostSign.ALIVE
        except FetchError as raised:
            error, sign = raised, POLICIES[raised.fault].host
            raise
        finally:
            with self._guard:
                self._learn(known, sign, error, started, time.monotonic())

    def is_busy(self, host: str, *, urgent: bool = False) -> bool:
        """Whether a request would meet HostBusy now."""
        now = time.monotonic()
        with self._guard:
            return isinstance(self._refusal(self._known(host, now), now, urgent=urgent), HostBusy)

    def pace_s(self, host: str) -> float:
        """Seconds a photo of the host takes while it is busy, by its latest answers; infinite without any lately."""
        with self._guard:
            known = self._hosts.get(host)
            if known is None or time.monotonic() - known.alive_at > max(_LATELY_S, 2 * known.took_s):
                return float("inf")
            return known.took_s / int(known.at_once)

    def _known(self, host: str, now: float) -> _Host:
        known = self._hosts.get(host)
        if known is None or self._is_stale(known, now):
            known = self._hosts[host] = _Host(name=host, seen_at=now)
        self._hosts.move_to_end(host)
        if len(self._hosts) > self._limits.remembered:
            idle = next((name for name, other in self._hosts.items() if not other.under_way), host)
            if idle != host:
                del self._hosts[idle]
        return known

    def _is_stale(self, known: _Host, now: float) -> bool:
        """What was found out before a long silence is not held against a host."""
        return not known.under_way and now - max(known.seen_at, known.rests_until) > self._limits.give_up_s

    def _refusal(self, known: _Host, now: float, *, urgent: bool) -> NotNow | HostGivenUp | None:
        rests_s = known.rests_until - now
        beyond = _FOR_THE_URGENT if urgent and not known.rests else 0
        full = known.under_way >= int(known.at_once) + beyond
        if known.failing_since is not None and known.rests and known.last and (rests_s > 0 or full):
            failing_s = now - known.failing_since
            if failing_s > self._limits.give_up_s:
                fault, detail = known.last
                return HostGivenUp(fault, f"{known.name} has given nothing for {failing_s:.0f} s, last: {detail}")
        if rests_s > self._limits.wait_here_s:
            return HostResting(known.name, rests_s)
        if full and self._is_broken(known):  # one tries it, and may wait for long: nobody else should
            return HostResting(known.name, self._limits.rest.base_s)
        too_soon = known.paced_until - now > (self._limits.at_once + beyond) / self._limits.per_second
        return HostBusy(known.name) if rests_s > 0 or full or too_soon else None

    def _is_broken(self, known: _Host) -> bool:
        return known.failures >= self._limits.failures

    def _learn(self, known: _Host, sign: HostSign, error: FetchError | None, started: float, now: float) -> None:
        known.under_way -= 1
        known.seen_at = now
        if sign is HostSign.ALIVE:
            known.alive_at, known.failing_since, known.failures, known.rests = now, None, 0, 0
            known.took_s += ((now - started) - known.took_s) * (0.2 if known.took_s else 1.0)
            known.at_once = min(known.at_once + 1 / known.at_once, float(self._limits.at_once))
        elif error is not None and sign is not HostSign.NOTHING:
            asked_to = sign is HostSign.BUSY or error.retry_after_s is not None
            # A request that hangs while later ones are answered says nothing against the host.
            if asked_to or started >= known.alive_at:
                self._count_failure(known, error, started, now, rest_at_once=asked_to)

    def _count_failure(
        self, known: _Host, error: FetchError, started: float, now: float, *, rest_at_once: bool
    ) -> None:
        known.last = (error.fault, error.detail)
        known.failing_since = started if known.failing_since is None else known.failing_since
        known.failures += not rest_at_once
        if not (rest_at_once or known.rests or self._is_broken(known)):
            return
        resting = known.rests_until > now
        if not resting or error.retry_after_s is not None:
            known.rests_until = max(known.rests_until, now + self._rest_s(known, error))
        if not resting:
            known.rests += 1
            known.at_once = 1.0
            if known.rests == 1:
                logger.info("%s rests for %.0f s: %s", known.name, known.rests_until - now, error)

    def _rest_s(self, known: _Host, error: FetchError) -> float:
        if error.retry_after_s is None:
            return self._limits.rest.wait_s(known.rests)
        return min(max(error.retry_after_s, _SHORTEST_REST_S), RETRY_AFTER_CAP_S)
