"""A database that is cut off in the middle of a shard: one line in the log, no traceback, and the work comes again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.engine import open_engine
from worker import enrich
from worker.enrich import Workshop
from worker.process import do_shard

Import = Callable[..., int]
Network = Any  # the fixture's class, in conftest.py


@pytest.fixture
def cut_off(engine: Engine) -> Iterator[Callable[[], None]]:
    """Ends every session of the test's database, and lets none in until the test is over."""
    name = engine.url.database
    other = open_engine(engine.url.set(database="postgres").render_as_string(hide_password=False))

    def do(statement: str) -> None:
        with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))

    def cut() -> None:
        do(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        do(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")

    yield cut
    do(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    other.dispose()


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_a_database_that_is_cut_off_costs_a_line_and_the_traceback_comes_with_debug(
    level: str,
    workshop: Workshop,
    network: Network,
    import_rows: Import,
    photo_folder: Path,
    make_jpeg: Callable[..., bytes],
    due_shards: Callable[[], list[int]],
    cut_off: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(enrich, "WRITE_WAITS_S", (0.0,))
    (photo_folder / "a.jpg").write_bytes(make_jpeg((200, 0, 0)))
    import_rows({"a": ("a.jpg",)})
    (shard,) = due_shards()
    predict = network.predict

    def cut_then_predict(pixels: Any) -> Any:
        cut_off()
        return predict(pixels)

    monkeypatch.setattr(network, "predict", cut_then_predict)
    with caplog.at_level(level, logger="worker"):
        do_shard(workshop, shard)
    told = [record for record in caplog.records if f"shard {shard} is dropped" in record.getMessage()]
    assert len(told) == 1
    assert "\n" not in told[0].getMessage()
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert [record.levelname for record in tracebacks] == (["DEBUG"] if level == "DEBUG" else [])


def test_what_the_database_refuses_is_a_fault_with_its_traceback(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(*_: object, **__: object) -> None:
        with workshop.engine.begin() as connection:
            connection.execute(text("SELECT no_such_column"))

    monkeypatch.setattr(enrich, "has_failed", mistaken)
    with pytest.raises(Exception, match="no_such_column"):
        do_shard(workshop, 1)
