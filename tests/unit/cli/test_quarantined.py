from datetime import UTC, datetime

import pytest

from cli.quarantined import public, show_quarantine
from db.quarantine import QuarantineRow
from db.states import Reason


def photo(source: str) -> QuarantineRow:
    return QuarantineRow(
        photo_id=7, import_id=1, listing_id=2, catalogue="shop", external_id="a", title=None, source=source,
        reason=Reason.NOT_FOUND, detail="404", attempts=1, quarantined_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_the_table_after_an_import_names_photos_without_their_signatures(capsys: pytest.CaptureFixture[str]) -> None:
    show_quarantine([public(photo("https://ann:pw@b.example/a.jpg?token=1"))], 1200)
    shown = capsys.readouterr().out
    assert "in quarantine (1 of 1,200)" in shown
    assert "b.example" in shown
    assert "pw" not in shown
    assert "token=1" not in shown
