import re
from pathlib import Path

import pytest

from worker.photos.errors import FetchFault
from worker.photos.retry import POLICIES, RETRY_AFTER_CAP_S, USUAL, Backoff, HostSign

GUIDE = Path(__file__).parents[4] / "docs" / "import.md"


def test_every_fault_has_its_policy_and_the_guide_shows_it() -> None:
    shown = dict(re.findall(r"^\| (\w+) \| [^|]+ \| (`\w+` \| \d+ \|[^|\n]*)\|$", GUIDE.read_text(), re.MULTILINE))
    assert set(POLICIES) == set(FetchFault)
    assert {FetchFault(name) for name in shown} == set(FetchFault)
    for fault, policy in POLICIES.items():
        backoff = policy.backoff
        waits = [min(backoff.base_s * backoff.factor**place, backoff.cap_s) for place in range(policy.tries - 1)]
        says = f"`{policy.reason.value}` | {policy.tries} | {', '.join(f'{wait:.0f}' for wait in waits)}"
        assert shown[fault].strip() == says.strip(), fault


def test_waits_grow_to_their_cap_and_vary_by_their_jitter() -> None:
    backoff = Backoff(base_s=5.0, factor=4.0, cap_s=60.0, jitter=0.2)
    for before, wait_s in ((0, 5.0), (1, 20.0), (2, 60.0), (10_000, 60.0)):
        drawn = [backoff.wait_s(before) for _ in range(50)]
        assert wait_s * 0.8 <= min(drawn) < max(drawn) <= wait_s * 1.2


@pytest.mark.parametrize("fault", FetchFault)
def test_no_fault_is_tried_for_ever(fault: FetchFault) -> None:
    policy, failed = POLICIES[fault], 0
    while policy.retry_in_s(failed, None) is not None:
        failed += 1
    assert failed + 1 == policy.tries


@pytest.mark.parametrize(("asked_s", "at_least_s", "at_most_s"), [(1.0, 4, 6), (42.0, 42, 42), (86_400.0, 300, 300)])
def test_a_retry_after_is_obeyed_where_it_is_longer_and_up_to_its_cap(
    asked_s: float, at_least_s: float, at_most_s: float
) -> None:
    wait_s = POLICIES[FetchFault.RATE_LIMITED].retry_in_s(0, asked_s)
    assert wait_s is not None
    assert at_least_s <= wait_s <= at_most_s <= RETRY_AFTER_CAP_S


def test_what_counts_against_a_host_is_also_worth_another_try() -> None:
    for fault, policy in POLICIES.items():
        if policy.host in (HostSign.FAILING, HostSign.BUSY):
            assert policy.tries > 1, fault
    assert POLICIES[FetchFault.TIMEOUT].backoff == USUAL
