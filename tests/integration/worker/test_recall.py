"""The scheduler's check of recall: seldom, one process at a time, and loud where less is found than should be."""

import logging
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from db.engine import transaction
from db.recall import Check, checks_alone
from worker import recall
from worker.recall import watch_recall

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_check_that_is_due_is_made_once_and_what_it_finds_wrong_is_logged(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[object] = []
    due = iter([True, False])
    monkeypatch.setattr(recall, "recall_is_due", lambda *_: next(due))
    monkeypatch.setattr(recall, "warnings", lambda *_: ["look at the index"])
    monkeypatch.setattr(
        recall,
        "check_recall",
        lambda *_, **given: made.append(given) or Check(checked_at=NOW, model_version="v1", rows=[]),
    )
    with caplog.at_level(logging.WARNING):
        assert watch_recall(engine, every_h=24)
    assert caplog.messages == ["look at the index"]
    assert not watch_recall(engine, every_h=24)
    with transaction(engine) as another:
        assert checks_alone(another)
        assert not watch_recall(engine, every_h=24)
    assert made == [{"queries": 20, "k": 10, "limit_s": 120.0}]
