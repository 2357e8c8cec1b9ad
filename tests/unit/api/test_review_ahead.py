"""A review queue is worked out once for many answers, and never shows what was answered meanwhile."""

from typing import Any

import pytest

from api import review_ahead
from api.review_ahead import ReviewAhead
from db.review import Kind, Position, Queue, ReviewItem


def item(listing_id: int, worth: float) -> ReviewItem:
    return ReviewItem(
        listing_id=listing_id, field="category", kind=Kind.UNSURE, seen="Shirt", score=0.5, said=None, usual=None,
        share=0.0, alike=0, worth=worth,
    )  # fmt: skip


ITEMS = [item(9, 0.9), item(8, 0.8), item(7, 0.8), item(6, 0.6)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Position | None]:
    """Where each queue that was worked out began; the listing 7 is answered by somebody else meanwhile."""
    begun: list[Position | None] = []

    def work_out(_: Any, *, after: Position | None, **__: Any) -> Queue:
        begun.append(after)
        return Queue(items=ITEMS if after is None else [], left=10)

    monkeypatch.setattr(review_ahead, "review_queue", work_out)
    monkeypatch.setattr(review_ahead, "unanswered", lambda _, items: [one for one in items if one.listing_id != 7])
    return begun


def ask(ahead: ReviewAhead, after: Position | None) -> tuple[list[int], int]:
    connection: Any = None
    queue = ahead.queue(connection, catalogue="shop", kind=None, after=after)
    return [one.listing_id for one in queue.items], queue.left


def test_a_queue_is_worked_out_once_for_many_answers(asked: list[Position | None]) -> None:
    ahead = ReviewAhead()
    assert ask(ahead, None) == ([9, 8, 7, 6], 10)
    assert ask(ahead, ITEMS[0].position) == ([8, 6], 8)
    assert ask(ahead, ITEMS[1].position) == ([6], 7)
    assert asked == [None]
    assert ask(ahead, ITEMS[3].position) == ([], 10), "behind the last that was kept it is worked out again"
    assert ask(ahead, None) == ([9, 8, 7, 6], 10), "its beginning is always new"
    assert asked == [None, ITEMS[3].position, None]


def test_what_was_kept_is_forgotten_after_a_minute(
    asked: list[Position | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = ReviewAhead()
    ask(ahead, None)
    monkeypatch.setattr(review_ahead, "KEPT_S", -1.0)
    assert ask(ahead, ITEMS[0].position) == ([], 10)
    assert len(asked) == 2
