import json
import logging

from cli.logs import formatter_of, with_ids
from worker.logged import at_work_on


def record() -> logging.LogRecord:
    made = logging.LogRecord("worker.enrich", logging.WARNING, __file__, 1, "lost %s", ("it",), None)
    assert with_ids(made)
    return made


def test_json_carries_the_work_that_the_thread_is_at() -> None:
    with at_work_on(import_id=3), at_work_on(shard_id=7):
        said = json.loads(formatter_of("json").format(record()))
    assert {**said, "timestamp": ""} == {
        "timestamp": "", "level": "WARNING", "logger": "worker.enrich", "message": "lost it",
        "import_id": 3, "shard_id": 7,
    }  # fmt: skip
    assert "import_id" not in json.loads(formatter_of("json").format(record()))


def test_text_stays_a_line_for_people() -> None:
    assert formatter_of("text").format(record()).endswith("WARNING worker.enrich: lost it")
