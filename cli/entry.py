"""Where `modiste` begins: with nothing imported, as that takes a second in which a person may want out already."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Runs a command. Ctrl-C ends it with status 130 and no traceback, from its first moment on."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"{name_and_version()}\n")
        return
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        # Nothing is open yet that would have to be closed, and an exception may be lost in a library's import.
        signal.signal(signal.SIGINT, end_at_once)
    from cli.main import main as run

    signal.signal(signal.SIGINT, heard)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def name_and_version() -> str:
    from importlib.metadata import version

    return f"modiste {version('modiste')}"


def end_at_once(_signal: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
