"""Hosts on a clock that stands until a test moves it."""

import logging
from types import SimpleNamespace

import pytest

from worker.photos import hosts as module
from worker.photos.errors import FetchError, FetchFault, HostBusy, HostGivenUp, HostResting, NotNow
from worker.photos.hosts import HostLimits, Hosts
from worker.photos.retry import Backoff

STEADY = Backoff(base_s=10.0, factor=2.0, cap_s=40.0, jitter=0.0)
LIMITS = HostLimits(
    at_once=4, per_second=float("inf"), failures=3, rest=STEADY, give_up_s=100.0, wait_here_s=2.0, remembered=5
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def hosts(clock: Clock) -> Hosts:
    return Hosts(LIMITS)


def answer(hosts: Hosts, host: str = "a") -> None:
    with hosts.asking(host):
        pass


def fail(
    hosts: Hosts, fault: FetchFault = FetchFault.TIMEOUT, host: str = "a", *, retry_after_s: float | None = None
) -> None:
    with pytest.raises(FetchError) as caught, hosts.asking(host):
        raise FetchError(fault, "as told", retry_after_s)
    assert not isinstance(caught.value, HostGivenUp)


def rest_of(hosts: Hosts, host: str = "a") -> float:
    with pytest.raises(HostResting) as caught, hosts.asking(host):
        pass
    return caught.value.due_in_s


def grow(hosts: Hosts) -> None:
    for _ in range(20):
        answer(hosts)


def at_once(hosts: Hosts, host: str = "a") -> int:
    """How many requests may be under way together now."""
    open_ = []
    while True:
        asking = hosts.asking(host)
        try:
            asking.__enter__()
        except NotNow:
            break
        open_.append(asking)
    for asking in open_:
        asking.__exit__(FetchError, FetchError(FetchFault.CUT_SHORT, "says nothing of the host"), None)
    return len(open_)


def test_a_host_gets_more_requests_at_once_as_it_answers_up_to_its_limit(hosts: Hosts) -> None:
    assert at_once(hosts) == 2
    answer(hosts)
    answer(hosts)
    answer(hosts)
    assert at_once(hosts) == 3
    grow(hosts)
    assert at_once(hosts) == 4
    assert at_once(hosts, "b") == 2


def test_an_urgent_photo_finds_a_place_where_bulk_work_has_taken_all_but_not_while_the_host_rests(
    hosts: Hosts, clock: Clock
) -> None:
    with hosts.asking("a"), hosts.asking("a"):
        assert hosts.is_busy("a")
        with hosts.asking("a", urgent=True), hosts.asking("a", urgent=True):
            assert hosts.is_busy("a", urgent=True)
    fail(hosts, FetchFault.RATE_LIMITED)
    with pytest.raises(HostResting), hosts.asking("a", urgent=True):
        pass
    clock.now += 10.0
    with hosts.asking("a"):
        assert hosts.is_busy("a", urgent=True)


def test_a_host_gets_no_more_requests_a_second_than_its_rate(clock: Clock) -> None:
    hosts = Hosts(HostLimits(at_once=4, per_second=10.0))
    asked = 0
    for _ in range(1000):
        if not hosts.is_busy("a"):
            answer(hosts)
            asked += 1
        clock.now += 0.01
    assert asked == pytest.approx(100, abs=6)  # ten seconds, and what may be asked in a row at first


@pytest.mark.parametrize("fault", [FetchFault.TIMEOUT, FetchFault.CONNECTION, FetchFault.SERVER_ERROR, FetchFault.DNS])
def test_a_host_that_fails_some_times_in_a_row_rests_and_its_rests_grow(
    hosts: Hosts, clock: Clock, fault: FetchFault
) -> None:
    for _ in range(2):
        fail(hosts, fault)
    answer(hosts)
    for _ in range(3):
        fail(hosts, fault)
    for rest_s in (10.0, 20.0, 40.0):
        assert rest_of(hosts) == pytest.approx(rest_s)
        clock.now += rest_s
        assert at_once(hosts) == 1  # one tries it
        fail(hosts, fault)
    assert rest_of(hosts) == pytest.approx(40.0)
    answer(hosts, "b")


@pytest.mark.parametrize("fault", [FetchFault.NOT_FOUND, FetchFault.WEB_PAGE, FetchFault.CUT_SHORT, FetchFault.BAD_URL])
def test_what_is_no_fault_of_the_host_is_not_held_against_it(hosts: Hosts, fault: FetchFault) -> None:
    for _ in range(20):
        fail(hosts, fault)
    answer(hosts)


def test_a_host_that_answers_after_its_rest_is_trusted_again(hosts: Hosts, clock: Clock) -> None:
    grow(hosts)
    for _ in range(3):
        fail(hosts)
    clock.now += 10.0
    assert at_once(hosts) == 1
    grow(hosts)
    assert at_once(hosts) == 4
    fail(hosts)
    fail(hosts)
    answer(hosts)


def test_while_one_tries_a_broken_host_the_others_are_put_off(hosts: Hosts, clock: Clock) -> None:
    for _ in range(3):
        fail(hosts)
    clock.now += 10.0
    with hosts.asking("a"):
        assert rest_of(hosts) == pytest.approx(10.0)
    answer(hosts)
    grow(hosts)
    fail(hosts, FetchFault.RATE_LIMITED, retry_after_s=1.0)
    clock.now += 1.0
    with hosts.asking("a"), pytest.raises(HostBusy), hosts.asking("a"):  # not broken: its answer will not take long
        pass


def test_requests_that_hang_while_others_are_answered_say_nothing_against_the_host(hosts: Hosts, clock: Clock) -> None:
    grow(hosts)
    hanging = [hosts.asking("a") for _ in range(3)]
    for asking in hanging:
        asking.__enter__()
    clock.now += 0.1
    answer(hosts)
    clock.now += 10.0
    for asking in hanging:
        asking.__exit__(FetchError, FetchError(FetchFault.TIMEOUT, "hung"), None)
    answer(hosts)


@pytest.mark.parametrize("fault", [FetchFault.RATE_LIMITED, FetchFault.SERVER_ERROR])
def test_a_host_rests_for_as_long_as_it_asks(hosts: Hosts, clock: Clock, fault: FetchFault) -> None:
    grow(hosts)
    fail(hosts, fault, retry_after_s=33.0)
    assert rest_of(hosts) == pytest.approx(33.0)
    clock.now += 33.0
    assert at_once(hosts) == 1
    fail(hosts, fault, retry_after_s=86_400.0)
    assert rest_of(hosts) == pytest.approx(300.0)


def test_a_host_that_is_asked_too_much_and_does_not_say_how_long_rests_at_once(hosts: Hosts) -> None:
    fail(hosts, FetchFault.RATE_LIMITED)
    assert rest_of(hosts) == pytest.approx(10.0)


def test_one_burst_of_refusals_is_one_rest_and_one_line_in_the_log(
    hosts: Hosts, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    grow(hosts)
    burst = [hosts.asking("a") for _ in range(4)]
    for asking in burst:
        asking.__enter__()
    for asking in burst:
        asking.__exit__(FetchError, FetchError(FetchFault.RATE_LIMITED, "too fast"), None)
    assert rest_of(hosts) == pytest.approx(10.0)
    assert [record.message for record in caplog.records] == ["a rests for 10 s: rate_limited: too fast"]
    clock.now += 10.0
    fail(hosts, FetchFault.RATE_LIMITED)
    assert rest_of(hosts) == pytest.approx(20.0)


def test_the_pace_of_a_host_is_that_of_its_answers_and_none_without_them(hosts: Hosts, clock: Clock) -> None:
    assert hosts.pace_s("a") == float("inf")
    grow(hosts)
    for _ in range(50):
        with hosts.asking("a"):
            clock.now += 2.0
    assert hosts.pace_s("a") == pytest.approx(2.0 / LIMITS.at_once, rel=0.01)
    clock.now += 5.1
    assert hosts.pace_s("a") == float("inf")


def test_a_short_rest_is_worth_waiting_for(hosts: Hosts, clock: Clock) -> None:
    fail(hosts, FetchFault.RATE_LIMITED, retry_after_s=1.5)
    assert hosts.is_busy("a")
    clock.now += 1.5
    assert not hosts.is_busy("a")
    answer(hosts)


def test_a_host_that_gives_nothing_for_long_is_given_up_with_its_last_fault_and_tried_now_and_then(
    hosts: Hosts, clock: Clock
) -> None:
    for _ in range(3):
        fail(hosts)
    while clock.now <= 1100.0:
        clock.now += rest_of(hosts)
        fail(hosts, FetchFault.CONNECTION)
    with pytest.raises(HostGivenUp, match=r"a has given nothing for 1.. s, last: as told") as caught:
        answer(hosts)
    assert caught.value.fault is FetchFault.CONNECTION
    clock.now += 40.0
    with hosts.asking("a"), pytest.raises(HostGivenUp), hosts.asking("a"):
        pass
    answer(hosts)


def test_what_was_found_out_before_a_long_silence_is_forgotten(hosts: Hosts, clock: Clock) -> None:
    for _ in range(3):
        fail(hosts)
    clock.now += 10.0 + 101.0
    for _ in range(2):
        fail(hosts)
    answer(hosts)


def test_as_many_hosts_are_remembered_as_told_and_none_that_is_being_asked_is_forgotten(hosts: Hosts) -> None:
    with hosts.asking("a"), hosts.asking("a"):
        for number in range(100):
            answer(hosts, f"host{number}")
        assert len(hosts._hosts) == LIMITS.remembered
        assert hosts.is_busy("a")


def test_an_error_that_is_no_fetchs_frees_the_place_and_passes(hosts: Hosts) -> None:
    for _ in range(20):
        with pytest.raises(OSError, match="disk"), hosts.asking("a"):
            raise OSError("the disk is full")
    assert at_once(hosts) == 2
