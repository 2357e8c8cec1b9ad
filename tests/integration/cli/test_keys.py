"""`modiste keys`: a token is shown once and kept nowhere; keys are listed and revoked, and names are free again."""

import json
import re
from typing import Any

from db.keys import hash_of

Command = Any  # tests/integration/cli/conftest.py


def test_keys_are_made_listed_and_revoked(command: Command) -> None:
    made = json.loads(command.run("keys", "create", "shop", "--scope", "import", "--expires", "90d", "--json"))
    token = made["token"]
    assert token.startswith("modiste_")
    assert len(token) == len("modiste_") + 43
    (row,) = command.rows("SELECT *, expires_at - created_at AS lasts FROM modiste.api_key")
    assert bytes(row.hash) == hash_of(token)
    assert token not in str(row)
    assert token.startswith(row.prefix)
    assert row.lasts.days == 90
    assert "standing API key has this name" in command.refuse("keys", "create", "shop", "--scope", "read")
    (listed,) = json.loads(command.run("keys", "list", "--json"))
    assert (listed["name"], listed["scope"], listed["last_used_at"]) == ("shop", "import", None)
    assert token not in command.run("keys", "list")
    assert "open to this machine again" in command.run("keys", "revoke", "shop")
    assert "There is no key" in command.run("keys", "list")
    assert "no such standing API key" in command.refuse("keys", "revoke", "shop")
    assert "shop" in command.run("keys", "list", "--revoked")
    assert re.fullmatch(r"modiste_[\w-]{43}\n", command.run("keys", "create", "shop", "--scope", "read"))
    (standing,) = json.loads(command.run("keys", "list", "--json"))
    command.run("keys", "create", str(standing["id"]), "--scope", "admin")
    command.run("keys", "revoke", str(standing["id"]))
    assert [row["name"] for row in json.loads(command.run("keys", "list", "--json"))] == ["shop"]


def test_what_is_no_name_or_time_span_is_said(command: Command) -> None:
    assert "is no name for a key" in command.refuse("keys", "create", "a b", "--scope", "read")
    for span in ("0d", "90", "d", "999999w"):
        assert "is no time span" in command.refuse("keys", "create", "a", "--scope", "read", "--expires", span)


def test_the_role_for_reading_cannot_read_them(command: Command) -> None:
    (row,) = command.rows("""
        SELECT bool_or(has_any_column_privilege('modiste_reader', oid, 'SELECT')) AS may
        FROM pg_class WHERE relname = 'api_key'
    """)
    assert row.may is False
