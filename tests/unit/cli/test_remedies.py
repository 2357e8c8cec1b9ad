from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.remedies import remedy
from db.quarantine import QuarantineRow
from db.remedies import REMEDIES
from db.states import Reason

PHOTO = QuarantineRow(
    photo_id=7, import_id=3, listing_id=42, catalogue="shop", external_id="TEE-1", title=None,
    source="https://img.example/1.jpg", reason=Reason.TIMEOUT, detail=None, attempts=3,
    quarantined_at=datetime(2026, 11, 23, tzinfo=UTC),
)  # fmt: skip


def test_every_reason_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Reason)


@pytest.mark.parametrize(
    ("reason", "source", "then"),
    [
        (Reason.TIMEOUT, PHOTO.source, "modiste retry 3"),
        (Reason.CRASHED_WORKER, "1.jpg", "modiste retry 3"),
        (Reason.NOT_FOUND, PHOTO.source, "modiste retry 3 --reason not_found"),
        (Reason.NOT_FOUND, "1.jpg", "import the feed again with its photos."),
        (Reason.BAD_URL, "https://", "import the feed again."),
    ],
)
def test_a_remedy_ends_with_what_looks_at_the_photo_again(reason: Reason, source: str, then: str) -> None:
    assert remedy(replace(PHOTO, reason=reason, source=source)).endswith(f"Then: {then}")
