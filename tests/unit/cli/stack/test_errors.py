import importlib.util

import pytest

from cli.stack.errors import HomeNotWritableError, ServerDidNotStartError, ServersNotInstalledError
from cli.stack.postgres import postgres_programs


def test_a_message_is_its_docstring_in_one_line_with_the_facts():
    error = HomeNotWritableError(path="/srv/modiste", reason="Read-only file system")
    assert str(error) == (
        "/srv/modiste cannot be written (Read-only file system). "
        "Point MODISTE_HOME at a folder that can, or free space on its disk."
    )


def test_a_server_that_did_not_start_shows_what_it_said_and_logged(tmp_path):
    log = tmp_path / "postgres.log"
    log.write_text("FATAL: no {space}\n")
    error = ServerDidNotStartError(server="PostgreSQL", log=log, said="could not start server")
    assert str(error).splitlines()[1:] == ["could not start server", "FATAL: no {space}"]


def test_a_missing_wheel_says_what_to_install_or_to_set(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ServersNotInstalledError, match=r"modiste\[embedded\].*DATABASE_URL and BROKER_URL"):
        postgres_programs()
