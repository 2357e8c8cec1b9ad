from hypothesis import given
from hypothesis import strategies as st

from db.enrichments import Outcome, due_together


def later(*waits_s: float) -> list[Outcome]:
    return [Outcome(photo_id=number, retry_in_s=wait_s) for number, wait_s in enumerate(waits_s)]


def test_photos_that_are_due_at_about_the_same_time_go_on_together() -> None:
    assert due_together(later(5.0, 4.0, 300.0, 6.0, 290.0)) == [(6.0, [1, 0, 3]), (300.0, [4, 2])]
    assert due_together([]) == []


@given(st.lists(st.floats(0, 400), max_size=60))
def test_every_photo_goes_on_once_never_before_its_time_and_in_few_shards(waits_s: list[float]) -> None:
    groups = due_together(later(*waits_s))
    assert sorted(photo for _, photos in groups for photo in photos) == list(range(len(waits_s)))
    for delay_s, photos in groups:
        assert max(waits_s[photo] for photo in photos) == delay_s <= 2 * min(waits_s[photo] for photo in photos) + 1
    assert len(groups) <= 9
