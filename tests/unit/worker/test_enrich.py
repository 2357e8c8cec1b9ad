"""What a shard's outcomes are counted as."""

import pytest
from prometheus_client import REGISTRY

from cli.logs import with_ids
from db.enrichments import Outcome, Seen
from db.shards import Lease
from db.states import Lane, Reason
from worker.enrich import count, say_quarantined
from worker.logged import at_work_on

SEEN = Seen(
    categories=["Dress"], category_scores=[1.0], abstained=False, attributes=[], attribute_scores=[], embedding=[1.0]
)
LEASE = Lease(shard_id=1, token=1, import_id=1, model_version_id=1, lane=Lane.BULK, attempt=1, photos=())


def counted(outcome: str, reason: str = "") -> float:
    return REGISTRY.get_sample_value("modiste_photos_total", {"outcome": outcome, "reason": reason}) or 0.0


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(photo_id=1, seen=SEEN), ("enriched", "")),
        (Outcome(photo_id=1, recognised=True), ("recognised", "")),
        (Outcome(photo_id=1, reason=Reason.GONE), ("quarantined", "gone")),
        (Outcome(photo_id=1, retry_in_s=1.0), ("put off", "")),
    ],
)
def test_photos_are_counted_by_what_became_of_them(outcome: Outcome, told: tuple[str, str]) -> None:
    before = counted(*told)
    count(LEASE, [outcome, outcome])
    assert counted(*told) == before + 2


def test_a_record_of_a_photo_in_quarantine_carries_its_id_and_no_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(with_ids)
    caplog.set_level("INFO", "worker.enrich")
    said = "https://img.example/1.jpg?token=secret answered 410"
    outcomes = [Outcome(photo_id=7, reason=Reason.GONE, detail=said), Outcome(photo_id=8, recognised=True)]
    with at_work_on(import_id=3, shard_id=5):
        say_quarantined(LEASE, outcomes)
    (record,) = caplog.records
    assert (record.__dict__["import_id"], record.__dict__["shard_id"], record.__dict__["photo_id"]) == (3, 5, 7)
    assert record.getMessage() == "photo 7 is in quarantine: gone"


def test_a_shard_that_is_written_counts_once() -> None:
    labels = {"lane": "bulk", "outcome": "done"}
    before = REGISTRY.get_sample_value("modiste_shards_total", labels) or 0.0
    count(LEASE, [])
    assert REGISTRY.get_sample_value("modiste_shards_total", labels) == before + 1
