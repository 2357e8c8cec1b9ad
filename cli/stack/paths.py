"""Where the stack keeps what, below MODISTE_HOME, and where its sockets fit.

A Unix socket's address holds about a hundred bytes, and URLs and PostgreSQL's settings give some characters a
meaning, so a home that is long or oddly named has its sockets in a short private folder whose name follows
from the home's.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

POSTGRES_PORT = 5432
_SOCKET_BYTES = 100
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class StackPaths:
    """The files of one home."""

    home: Path
    run: Path

    @classmethod
    def of(cls, home: Path) -> "StackPaths":
        home = home.expanduser().resolve()
        return cls(home=home, run=_socket_folder(home))

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def valkey(self) -> Path:
        return self.home / "valkey"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def postgres_log(self) -> Path:
        return self.logs / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        return self.logs / "valkey.log"

    @property
    def postgres_socket(self) -> Path:
        return self.run / f".s.PGSQL.{POSTGRES_PORT}"

    @property
    def valkey_socket(self) -> Path:
        return self.run / "valkey.sock"

    @property
    def users_lock(self) -> Path:
        return self.home / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.home / "start.lock"


def _socket_folder(home: Path) -> Path:
    inside = home / "run"
    longest = inside / f".s.PGSQL.{POSTGRES_PORT}"
    if len(os.fsencode(longest)) <= _SOCKET_BYTES and _PLAIN.fullmatch(str(inside)):
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    # Not tempfile.gettempdir(): every process of this home must find the same folder, whatever its TMPDIR.
    return Path("/tmp") / f"modiste-{os.geteuid()}-{name}"  # noqa: S108
