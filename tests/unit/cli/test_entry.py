"""The first second of `modiste`, in processes of their own: a person may want out before anything is imported."""

import signal
import subprocess
import sys

import pytest

# When a module of this name is looked for, the process gets Ctrl-C.
INTERRUPTED_AT = """
import os, signal, sys
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
from cli.entry import main
main()
"""
WITHOUT_COMMANDS = """
import sys
sys.modules["cli.main"] = None
from cli.entry import main
main()
"""
INTERRUPTED_AS_IT_RUNS = """
import sys
import cli.main
def interrupted():
    raise KeyboardInterrupt
cli.main.app = interrupted
from cli.entry import main
main()
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Where the tests run in the background, SIGINT is ignored from birth.
    heeds = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, text=True, capture_output=True, timeout=60, check=False, preexec_fn=heeds)


@pytest.mark.parametrize("module", ["cli.main", "typer", "sqlalchemy", "numpy"])
def test_ctrl_c_while_modules_are_imported_ends_without_a_word(module: str) -> None:
    ended = run(INTERRUPTED_AT, "status", module)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_ctrl_c_before_a_command_has_begun_ends_without_a_word() -> None:
    ended = run(INTERRUPTED_AS_IT_RUNS, "status")
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_the_version_is_told_without_importing_commands() -> None:
    said = run(WITHOUT_COMMANDS, "--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("modiste ")
