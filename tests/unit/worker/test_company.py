import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from worker.company import Company

PATIENCE_S = 20.0


class Guest(threading.Thread):
    """Comes, stays until it may go, and says when it was in."""

    def __init__(self, enter: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(daemon=True)
        self._enter = enter
        self.is_in, self.may_go = threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with self._enter():
            self.is_in.set()
            self.may_go.wait(PATIENCE_S)

    def leave(self) -> None:
        self.may_go.set()
        self.join(PATIENCE_S)


def test_many_work_at_once() -> None:
    company = Company()
    first, second = Guest(company.beside_others), Guest(company.beside_others)
    assert first.is_in.wait(PATIENCE_S)
    assert second.is_in.wait(PATIENCE_S)
    first.leave()
    second.leave()


def test_one_who_wants_to_be_alone_waits_for_those_at_work_and_goes_before_those_who_come_later() -> None:
    company = Company()
    early = Guest(company.beside_others)
    assert early.is_in.wait(PATIENCE_S)
    suspect = Guest(company.alone)
    while not company._wanting:  # it has asked
        threading.Event().wait(0.001)
    late = Guest(company.beside_others)
    assert not suspect.is_in.wait(0.05)
    assert not late.is_in.is_set()
    early.leave()
    assert suspect.is_in.wait(PATIENCE_S)
    assert not late.is_in.wait(0.05)
    suspect.leave()
    assert late.is_in.wait(PATIENCE_S)
    late.leave()


def test_two_who_want_to_be_alone_are_not_together() -> None:
    company = Company()
    guests = [Guest(company.alone) for _ in range(2)]
    while sum(guest.is_in.is_set() for guest in guests) < 1:
        threading.Event().wait(0.001)
    first = next(guest for guest in guests if guest.is_in.is_set())
    second = next(guest for guest in guests if guest is not first)
    assert not second.is_in.wait(0.05)
    first.leave()
    assert second.is_in.wait(PATIENCE_S)
    second.leave()
