"""Review queues kept for a moment: working one out looks at every listing, and the next is asked for in seconds."""

import time

from sqlalchemy import Connection

from db.review import Kind, Position, Queue, review_queue, unanswered

AHEAD = 50
KEPT_S = 60.0
QUEUES = 100


class ReviewAhead:
    """The first items of each queue that is worked through in this process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, Kind | None], tuple[float, Queue]] = {}

    def queue(
        self, connection: Connection, *, catalogue: str | None, kind: Kind | None, after: Position | None
    ) -> Queue:
        """As `db.review.review_queue`; what lies behind `after` may be a minute old, its beginning is always new."""
        if after is not None and (found := self._behind(connection, catalogue, kind, after)) is not None:
            return found
        found = review_queue(connection, catalogue=catalogue, kind=kind, after=after, limit=AHEAD)
        if len(self._kept) >= QUEUES:
            self._kept.clear()
        self._kept[catalogue, kind] = time.monotonic(), found
        return found

    def _behind(
        self, connection: Connection, catalogue: str | None, kind: Kind | None, after: Position
    ) -> Queue | None:
        """None where nothing is kept, or all of it was answered."""
        made_s, kept = self._kept.get((catalogue, kind), (0.0, None))
        if kept is None or time.monotonic() - made_s > KEPT_S:
            return None
        behind = [one for one in kept.items if (one.worth, one.listing_id) < (after.worth, after.listing_id)]
        items = unanswered(connection, behind)
        return Queue(items=items, left=kept.left - len(kept.items) + len(items)) if items else None
