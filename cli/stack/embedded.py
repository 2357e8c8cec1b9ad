"""The embedded pair: one PostgreSQL and one Valkey for a home, shared by every process that uses the home.

The first process starts the servers and the last to leave stops them. Who uses them is known from a lock that
the kernel holds, not from a list of pids; whether they run is known from their sockets, not from pid files.
So nothing has to be cleaned up by hand after kill -9: servers that nobody uses any more are found, used and
stopped by the next process.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.stack.account import server_account
from cli.stack.errors import HomeNotWritableError
from cli.stack.locks import UserLock, alone
from cli.stack.paths import StackPaths
from cli.stack.postgres import PostgresServer, postgres_programs
from cli.stack.valkey import ValkeyServer, valkey_program


@dataclass(frozen=True, kw_only=True, slots=True)
class _Servers:
    paths: StackPaths
    postgres: PostgresServer
    valkey: ValkeyServer

    @classmethod
    def of(cls, home: Path) -> "_Servers":
        paths, account = StackPaths.of(home), server_account()
        return cls(
            paths=paths,
            postgres=PostgresServer(paths=paths, account=account, programs=postgres_programs()),
            valkey=ValkeyServer(paths=paths, account=account, program=valkey_program()),
        )

    def bring_up(self) -> tuple[str, ...]:
        """Starts what does not run, sees to the database, and returns the names of what it started."""
        self.postgres.account.own_folder(self.paths.run)
        started = {"valkey": self.valkey.bring_up(), "postgres": self.postgres.bring_up()}
        return tuple(name for name, was_started in started.items() if was_started)

    def all_run(self) -> bool:
        return self.valkey.is_running() and self.postgres.is_running()

    def stop(self) -> None:
        for server in (self.valkey, self.postgres):
            if server.is_running():
                server.stop()
        with suppress(OSError):  # a crash may have left a socket in it
            self.paths.run.rmdir()


class EmbeddedPair:
    """A process's use of the servers of one home: made by `start`, left by `stop` or as a context manager."""

    def __init__(self, servers: _Servers, users: UserLock) -> None:
        self._servers = servers
        self._users: UserLock | None = users
        self._process = os.getpid()

    @classmethod
    def start(cls, home: Path) -> Self:
        """Returns once both servers of `home` answer and the database with its extension is there.

        Raises a `StackError`: the home cannot be written, the wheels are not installed, a server did not
        start, the data was written by another version.
        """
        servers = _Servers.of(home)
        _make_home(servers.paths)
        servers.postgres.account.reach(servers.paths.run)
        servers.postgres.account.reach(servers.paths.postgres_log)
        with alone(servers.paths.start_lock):
            users = UserLock(servers.paths.users_lock)
            try:
                servers.bring_up()
            except BaseException:
                _leave(servers, users)
                raise
        return cls(servers, users)

    @property
    def database_url(self) -> str:
        """For SQLAlchemy."""
        return self._servers.postgres.url("postgresql+psycopg2")

    @property
    def psql_url(self) -> str:
        """For psql and psycopg2."""
        return self._servers.postgres.url("postgresql")

    @property
    def broker_url(self) -> str:
        """For Celery."""
        return self._servers.valkey.url

    @property
    def logs(self) -> tuple[Path, Path]:
        """The log files of PostgreSQL and Valkey."""
        return self._servers.paths.postgres_log, self._servers.paths.valkey_log

    def ensure_running(self) -> tuple[str, ...]:
        """Brings back what died, on the same URLs, and returns its names. Cheap enough for every second."""
        if self._users is None or self._servers.all_run():
            return ()
        with alone(self._servers.paths.start_lock):
            return self._servers.bring_up()

    def stop(self) -> None:
        """Leaves the servers, and stops them if nobody else uses them.

        Does nothing the second time, and nothing in a forked child, which has the lock from its parent.
        """
        if self._users is None or os.getpid() != self._process:
            return
        users, self._users = self._users, None
        with alone(self._servers.paths.start_lock):
            _leave(self._servers, users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _leave(servers: _Servers, users: UserLock) -> None:
    try:
        if users.is_last():
            servers.stop()
    finally:
        users.release()


def _make_home(paths: StackPaths) -> None:
    for folder in (paths.home, paths.logs):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeNotWritableError(path=folder, reason=error.strerror) from error
    if not os.access(paths.home, os.W_OK):
        raise HomeNotWritableError(path=paths.home, reason="no permission")
