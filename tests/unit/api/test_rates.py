import pytest

from api.errors import TooManyRequests
from api.rates import MANY, WINDOW_S, Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    rate = Rate(6, clock=clock)
    for _ in range(6):
        rate.take("a")
    with pytest.raises(TooManyRequests) as refused:
        rate.take("a")
    assert refused.value.answer_headers() == {"Retry-After": "10"}
    rate.take("b")
    clock.now = 10.0
    rate.take("a")
    with pytest.raises(TooManyRequests):
        rate.take("a")


def test_checking_counts_nothing_and_what_was_refused_neither() -> None:
    clock = Clock()
    rate = Rate(1, clock=clock)
    for _ in range(3):
        rate.check("a")
    rate.take("a")
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            rate.check("a")
    clock.now = WINDOW_S
    rate.take("a")


def test_zero_is_off() -> None:
    rate = Rate(0)
    for _ in range(10_000):
        rate.take("a")


def test_who_has_not_asked_for_a_minute_takes_no_memory() -> None:
    clock = Clock()
    rate = Rate(60, clock=clock)
    for who in range(MANY):
        rate.take(who)
    clock.now = WINDOW_S
    rate.take("last")
    assert list(rate._full_at) == ["last"]
