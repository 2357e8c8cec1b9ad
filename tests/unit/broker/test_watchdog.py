import threading
from collections.abc import Callable, Iterator

import pytest

from broker.watchdog import Mouth, Watchdog

EVERY_S = 0.01


class Watched:
    """A watchdog over one mouth of one slot; `plate` is what its queue holds at each look."""

    def __init__(self, plate: Callable[[], int]) -> None:
        self.mouth = Mouth("bulk", slots=1)
        self.stuck = threading.Event()
        self._plate = plate
        self._looked = threading.Condition()
        self._looks = 0
        self.dog = Watchdog([self.mouth], waiting=self._waiting, on_stuck=self._bark, every_s=EVERY_S, looks=3)

    def _waiting(self, queue: str) -> int:
        assert queue == "bulk"
        with self._looked:
            self._looks += 1
            self._looked.notify_all()
        return self._plate()

    def _bark(self, mouth: Mouth) -> None:
        assert mouth is self.mouth
        self.stuck.set()

    def looked(self, times: int) -> None:
        """Returns when it has looked so often."""
        with self._looked:
            assert self._looked.wait_for(lambda: self._looks >= times, timeout=20)


@pytest.fixture
def watched() -> Iterator[Callable[[Callable[[], int]], Watched]]:
    made: list[Watched] = []

    def watch(plate: Callable[[], int]) -> Watched:
        made.append(Watched(plate))
        return made[-1]

    yield watch
    for one in made:
        one.dog.close()


Watch = Callable[[Callable[[], int]], Watched]


def test_a_free_mouth_that_takes_nothing_from_a_full_queue_is_stuck(watched: Watch) -> None:
    assert watched(lambda: 1).stuck.wait(20)


def test_one_before_an_empty_queue_is_not(watched: Watch) -> None:
    one = watched(lambda: 0)
    one.looked(8)
    assert not one.stuck.is_set()


def test_one_that_takes_now_and_then_is_not(watched: Watch) -> None:
    def plate() -> int:
        with one.mouth.taking():  # between this look and the next
            return 1

    ready = threading.Event()
    one = watched(lambda: plate() if ready.wait(20) else 0)
    ready.set()
    one.looked(12)
    assert not one.stuck.is_set()


def test_one_that_works_on_all_it_can_is_not(watched: Watch) -> None:
    one = watched(lambda: 1)
    with one.mouth.taking():
        assert not one.stuck.wait(20 * EVERY_S)
    assert one.stuck.wait(20)  # its slot is free again, and the queue still full


def test_while_the_broker_is_away_nobody_is_to_blame(watched: Watch) -> None:
    def away() -> int:
        raise ConnectionError

    one = watched(away)
    one.looked(8)
    assert not one.stuck.is_set()
