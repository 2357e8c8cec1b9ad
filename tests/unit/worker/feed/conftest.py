"""Writes feeds and reads them back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.rows import FeedRow, RowRejection
from db.states import RejectionReason
from worker.feed import FeedError, open_feed


@dataclass(frozen=True, kw_only=True)
class WasRead:
    """What came of a feed: its rows, and the error that ended them."""

    described: str
    rows: list[FeedRow | RowRejection]
    error: FeedError | None

    @property
    def good(self) -> list[FeedRow]:
        return [row for row in self.rows if isinstance(row, FeedRow)]

    @property
    def ids(self) -> list[str]:
        return [row.listing.external_id for row in self.good]

    @property
    def rejected(self) -> list[tuple[int, str, RejectionReason]]:
        return [(row.line, row.column, row.reason) for row in self.rows if isinstance(row, RowRejection)]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., WasRead]:
    """Reads bytes, text or a path as a feed; keywords map columns."""

    def read(content: bytes | str | Path, **mapping: str) -> WasRead:
        path = content if isinstance(content, Path) else tmp_path / "feed"
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        rows: list[FeedRow | RowRejection] = []
        with open_feed(path, mapping=mapping, scratch=tmp_path) as feed:
            try:
                for row in feed.rows():
                    rows.append(row)  # noqa: PERF402 - what came before an error counts
            except FeedError as error:
                return WasRead(described=feed.described, rows=rows, error=error)
        return WasRead(described=feed.described, rows=rows, error=None)

    return read
