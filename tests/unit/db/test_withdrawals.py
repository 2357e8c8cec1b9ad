import pytest

from db.withdrawals import refusal


@pytest.mark.parametrize(("missing", "available", "share"), [(0, 0, 0.2), (0, 10, 0.0), (2, 10, 0.2), (10, 10, 1.0)])
def test_as_many_as_the_share_are_withdrawn(missing: int, available: int, share: float) -> None:
    assert refusal(missing, available, share) == ""


def test_more_are_refused_with_both_counts_and_what_to_do() -> None:
    says = refusal(2101, 4200, 0.2)
    assert "2,101 of 4,200" in says
    assert "more than 20 %" in says
    assert "--full --yes" in says
    assert "withdraw_share_max=0.51" in says  # at which it would pass
    assert refusal(2101, 4200, 0.51) == ""


def test_one_of_one_is_a_share_of_all() -> None:
    assert "withdraw_share_max=1" in refusal(1, 1, 0.2)
