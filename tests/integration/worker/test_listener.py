import threading
import time
from collections.abc import Callable

import pytest
import redis
from kombu.mixins import ConsumerMixin

from broker import ENRICH_SHARD, Listener, make_app
from broker.messages import Message, send


def wait_until(true: Callable[[], bool], within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def tell(broker_url: str, *numbers: int, queue: str = "interactive") -> None:
    assert not send(make_app(broker_url), [Message(ENRICH_SHARD, number, queue) for number in numbers])


def test_each_message_is_handled_once_and_one_that_fails_stops_nothing(broker_url: str) -> None:
    seen: list[int] = []

    def handle(number: int) -> None:
        seen.append(number)
        if number == 1:
            raise RuntimeError("this one is bad")

    listener = Listener(make_app(broker_url), "interactive", slots=1, handle=handle)
    tell(broker_url, 1, 2, 3)
    tell(broker_url, 9, queue="bulk")
    assert wait_until(lambda: len(seen) == 3)
    listener.close()
    assert seen == [1, 2, 3]


def test_closing_waits_for_what_was_taken(broker_url: str) -> None:
    may_end, began, ended = threading.Event(), threading.Event(), threading.Event()

    def handle(_: int) -> None:
        began.set()
        may_end.wait(10)
        ended.set()

    listener = Listener(make_app(broker_url), "interactive", slots=1, handle=handle)
    tell(broker_url, 1)
    assert began.wait(10)
    threading.Timer(0.3, may_end.set).start()
    listener.close()
    assert ended.is_set()


def test_it_goes_on_after_the_broker_cut_its_connections(broker_url: str) -> None:
    seen: list[int] = []
    listener = Listener(make_app(broker_url), "interactive", slots=1, handle=seen.append)
    tell(broker_url, 1)
    assert wait_until(lambda: seen == [1])
    redis.Redis(unix_socket_path=broker_url.removeprefix("redis+socket://")).client_kill_filter(_type="normal")
    tell(broker_url, 2)
    assert wait_until(lambda: seen == [1, 2], within_s=20)
    listener.close()


def test_it_goes_on_whatever_ended_its_listening(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    run, failures = ConsumerMixin.run, iter([True])

    def fails_once(self: ConsumerMixin) -> None:
        if next(failures, False):
            raise RuntimeError("nobody thought of this")
        run(self)

    monkeypatch.setattr(ConsumerMixin, "run", fails_once)
    listener = Listener(make_app(broker_url), "interactive", slots=1, handle=seen.append)
    tell(broker_url, 1)
    assert wait_until(lambda: seen == [1])
    listener.close()


@pytest.mark.parametrize("slots", [1, 2])
def test_as_many_are_handled_at_once_as_there_are_slots(broker_url: str, slots: int) -> None:
    running: list[int] = []
    may_end = threading.Event()

    def handle(number: int) -> None:
        running.append(number)
        may_end.wait(10)

    listener = Listener(make_app(broker_url), "interactive", slots=slots, handle=handle)
    tell(broker_url, 1, 2, 3)
    assert wait_until(lambda: len(running) == slots)
    time.sleep(0.3)
    assert len(running) == slots
    may_end.set()
    listener.close()
