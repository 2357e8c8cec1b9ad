"""Who stays until when: the one decision of `modiste import` that has no servers in it."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import seeing_through

OWN = 7


class Worker:
    """In place of OwnWorker: it runs once started, if it may."""

    def __init__(self, *, may_run: bool) -> None:
        self.may_run, self.runs = may_run, False

    def start(self) -> None:
        self.runs = self.may_run

    def tend(self, _: object) -> None: ...

    def poll(self) -> None: ...

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[int]:
    """Runs an import of its own while others are unfinished as given; returns the imports it stayed for."""
    left, may_run, watch = request.param
    stayed: list[int] = []
    answers = iter(left)
    monkeypatch.setattr(seeing_through, "OwnWorker", lambda _: Worker(may_run=may_run))
    monkeypatch.setattr(seeing_through, "saying_what_stays", lambda _: nullcontext())
    monkeypatch.setattr(seeing_through, "plan", lambda *_: OWN)
    monkeypatch.setattr(seeing_through, "unfinished", lambda _: next(answers))
    monkeypatch.setattr(seeing_through, "follow", lambda _engine, import_id, **_: stayed.append(import_id))
    monkeypatch.setattr(seeing_through, "transaction", lambda _: nullcontext())
    monkeypatch.setattr(seeing_through, "import_status", lambda *_: None)
    monkeypatch.setattr(seeing_through, "log_folder", lambda _: Path("logs"))
    stack: Any = SimpleNamespace(engine=None)
    seeing_through.run_import(stack, None, watch=watch)  # type: ignore[arg-type]
    return stayed


@pytest.mark.parametrize("followed", [([[OWN], [3, 9], [9], []], True, False)], indirect=True)
def test_its_own_worker_stays_for_imports_stopped_before_and_begun_beside_it(followed: list[int]) -> None:
    assert followed == [OWN, 3, 9]


@pytest.mark.parametrize("followed", [([[]], True, False)], indirect=True)
def test_nothing_to_do_starts_no_worker(followed: list[int]) -> None:
    assert followed == []


@pytest.mark.parametrize("followed", [([[OWN]], False, False)], indirect=True)
def test_where_another_works_it_returns_once_everything_is_queued(followed: list[int]) -> None:
    assert followed == []


@pytest.mark.parametrize("followed", [([[OWN]], False, True)], indirect=True)
def test_asked_to_watch_it_stays_for_its_own_import(followed: list[int]) -> None:
    assert followed == [OWN]


@pytest.mark.parametrize(
    ("left", "says"), [(0, "Stopped. No photo is left to do."), (1200, "Stopped. 1,200 photos are queued")]
)
def test_whoever_stops_an_import_is_told_to_wait_and_then_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], left: int, says: str
) -> None:
    heard: list[str] = []

    class Draining:
        """In place of a supervisor: while it stops, photos are finished."""

        def start(self) -> None: ...

        def stop(self) -> None:
            heard.append(capsys.readouterr().err)

    def stopped_by_a_person(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(seeing_through, "transaction", lambda _: nullcontext())
    monkeypatch.setattr(seeing_through, "plan", lambda *_: OWN)
    monkeypatch.setattr(seeing_through, "unfinished", lambda _: [OWN])
    monkeypatch.setattr(seeing_through, "is_worked_on", lambda _: False)
    monkeypatch.setattr(seeing_through, "worker_spec", lambda _: None)
    monkeypatch.setattr(seeing_through, "supervise", lambda *_: Draining())
    monkeypatch.setattr(seeing_through, "hint", lambda _: "")
    monkeypatch.setattr(seeing_through, "follow", stopped_by_a_person)
    # What is queued is counted after the worker has stopped.
    monkeypatch.setattr(seeing_through, "photos_waiting", lambda _: left if heard else 99_999)
    stack: Any = SimpleNamespace(engine=None, pair=object())
    with pytest.raises(KeyboardInterrupt):
        seeing_through.run_import(stack, None, watch=False)  # type: ignore[arg-type]
    assert heard == ["Finishing what is held, up to 40 s; Ctrl-C again ends at once.\n"]
    assert says in capsys.readouterr().err
