"""`modiste recall` and what `modiste doctor` says of it and of the reader's role."""

import json
from typing import Any

Command = Any  # tests/integration/cli/conftest.py


def finding(command: Command, what: str) -> dict[str, str]:
    (found,) = (one for one in json.loads(command.run("doctor", "--json")) if one["what"] == what)
    return dict(found)


def test_doctor_warns_of_a_low_recall_and_of_what_readers_lack_and_history_shows_the_check(command: Command) -> None:
    command.run("migrate")
    assert "no catalogue has more than 10" in command.refuse("recall")
    assert finding(command, "recall")["verdict"] == finding(command, "reader")["verdict"] == "ok"
    command.rows("""
        INSERT INTO modiste.recall_check (model_version_id, filter, inside, kept_share, estimated_share, k, queries,
                                          below_half, recall, p50_ms, p95_ms)
        SELECT id, '{"brand": "Oona"}', true, 0.1, 0.001, 10, 20, 1, 0.9, 2, 4 FROM modiste.model_version
    """)
    command.rows("REVOKE SELECT ON modiste.listing FROM modiste_reader")
    said = finding(command, "recall")
    assert (said["verdict"], "ANALYZE" in said["advice"]) == ("warning", True)
    said = finding(command, "reader")
    assert (said["verdict"], said["advice"]) == ("warning", "SELECT modiste.grant_reading()")
    assert "SELECT ON modiste.listing" in said["says"]
    (check,) = json.loads(command.run("recall", "--history", "--json"))
    assert check["rows"][0]["filter"] == {"brand": "Oona"}
    assert "0.900" in command.run("recall", "--history")
