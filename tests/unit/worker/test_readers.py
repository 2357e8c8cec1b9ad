import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from worker.photos.errors import HostBusy
from worker.readers import Readers


class SlowHost:
    """A host that takes so many at once, each until it is let go, and says when it is busy."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)
        self.at_once = at_once
        self.under_way = 0
        self.most_under_way = 0
        self.go_on = threading.Event()
        self._guard = threading.Lock()

    def is_busy(self, _: str, *, urgent: bool) -> bool:
        return self.under_way >= self.at_once

    def pace_s(self, _: str) -> float:
        return 0.5

    def ask(self) -> str:
        if not self._free.acquire(blocking=False):
            raise HostBusy("slow")
        with self._guard:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        assert self.go_on.wait(10)
        with self._guard:
            self.under_way -= 1
        self._free.release()
        return "slow"


@pytest.fixture
def slow() -> SlowHost:
    return SlowHost(at_once=2)


@pytest.fixture
def readers(slow: SlowHost) -> Iterator[Readers]:
    readers = Readers(3, hosts=slow)
    yield readers
    slow.go_on.set()
    readers.close()


def test_photos_of_a_busy_host_hold_no_thread_and_are_read_when_it_is_free(slow: SlowHost, readers: Readers) -> None:
    waiting = [readers.submit(slow.ask) for _ in range(20)]
    others = [readers.submit(lambda: "other") for _ in range(20)]
    assert [future.result(5) for future in others] == ["other"] * 20
    assert not any(future.done() for future in waiting)
    assert readers.line_s("slow") == 18 * 0.5
    assert readers.line_s("another") == 0
    slow.go_on.set()
    assert [future.result(5) for future in waiting] == ["slow"] * 20
    assert slow.most_under_way == 2


def test_errors_belong_to_whoever_waits_and_the_threads_go_on(readers: Readers) -> None:
    def fail() -> None:
        raise ValueError("unreadable")

    failed = [readers.submit(fail) for _ in range(10)]
    for future in failed:
        with pytest.raises(ValueError, match="unreadable"):
            future.result(5)
    assert readers.submit(lambda: 1).result(5) == 1


def test_work_that_runs_can_be_let_go_and_its_result_is_dropped(slow: SlowHost, readers: Readers) -> None:
    running = [readers.submit(slow.ask) for _ in range(2)]
    while slow.under_way < 2:
        threading.Event().wait(0.001)
    aside = readers.submit(slow.ask)
    for future in (*running, aside):
        assert future.cancel()
        with pytest.raises(CancelledError):
            future.result(5)
    slow.go_on.set()
    assert readers.submit(slow.ask).result(5) == "slow"


def test_closing_waits_for_what_runs_and_cancels_what_waits(slow: SlowHost) -> None:
    readers = Readers(2, hosts=slow)
    looks: list[Future[str]] = [readers.submit(slow.ask) for _ in range(5)]
    while slow.under_way < 2:
        threading.Event().wait(0.001)
    closing = threading.Thread(target=readers.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    assert sum(future.cancelled() for future in looks) == 3
    slow.go_on.set()
    closing.join(5)
    assert [future.result(0) for future in looks if not future.cancelled()] == ["slow"] * 2
