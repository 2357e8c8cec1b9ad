"""The supervisor with real processes."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cli.stack.child import ChildSpec
from cli.stack.errors import ChildDidNotStartError, StackError
from cli.stack.sockets import wait_until
from cli.stack.supervisor import Supervisor

_LOCK = "import fcntl, sys, time; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
SLEEPER = _LOCK + "time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER
DRAINER = """
import signal, sys, time
def drain(*_):
    time.sleep(0.3)
    print("drained", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, drain)
print("ready", flush=True)
time.sleep(60)
"""
SUPERVISED = """
import sys
from pathlib import Path
from cli.stack.child import ChildSpec
from cli.stack.supervisor import Supervisor
specs = [ChildSpec(name="child", argv=tuple(sys.argv[2:]), stop_timeout_s=1)]
supervisor = Supervisor(specs, logs=Path(sys.argv[1]))
supervisor.run_until_stopped()
"""


def child(name: str, code: str, *arguments: object, stop_timeout_s: float = 10) -> ChildSpec:
    argv = (sys.executable, "-S", "-c", code, *map(str, arguments))
    return ChildSpec(name=name, argv=argv, stop_timeout_s=stop_timeout_s)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock of `path`: unlike a pid, it is gone with a zombie too."""
    if not path.exists():
        return False
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def supervised(tmp_path):
    """A supervisor in a process of its own, with one child that holds the lock of tmp_path/held."""
    started = []

    def start(code: str) -> subprocess.Popen:
        command = [sys.executable, "-c", SUPERVISED, tmp_path, *child("x", code, tmp_path / "held").argv]
        # Where the tests run in the background, SIGINT is ignored from birth, and a supervisor keeps it so.
        heeds = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
        started.append(subprocess.Popen(command, start_new_session=True, preexec_fn=heeds))  # noqa: PLW1509
        assert wait_until(lambda: is_held(tmp_path / "held"), timeout_s=20)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_killed_process_is_started_again(tmp_path):
    with Supervisor([child("sleeper", SLEEPER, tmp_path / "held")], logs=tmp_path) as supervisor:
        first = supervisor.pids()["sleeper"]
        os.kill(first, signal.SIGKILL)
        exits = []
        assert wait_until(lambda: bool(exits.extend(supervisor.poll()) or exits), timeout_s=10)
        assert (exits[0].name, exits[0].status, exits[0].again_in_s) == ("sleeper", -9, 0.5)
        assert supervisor.pids() == {"sleeper": None}
        assert wait_until(lambda: supervisor.poll() == () and supervisor.pids()["sleeper"], timeout_s=10)
        assert supervisor.pids()["sleeper"] != first


def test_a_process_that_keeps_failing_is_started_less_and_less_often(tmp_path):
    with Supervisor([child("failing", "raise SystemExit(3)")], logs=tmp_path) as supervisor:
        exits = []
        assert wait_until(lambda: exits.extend(supervisor.poll()) or len(exits) == 3, timeout_s=20)
    assert [(exited.status, exited.again_in_s) for exited in exits] == [(3, 0.5), (3, 1.0), (3, 2.0)]


def test_stop_lets_a_process_drain_and_keeps_what_it_wrote(tmp_path):
    supervisor = Supervisor([child("drainer", DRAINER)], logs=tmp_path)
    supervisor.start()
    assert wait_until(lambda: supervisor.tail("drainer") == ["ready"], timeout_s=10)
    supervisor.stop()
    assert supervisor.tail("drainer") == ["ready", "drained"]


def test_a_process_that_does_not_drain_is_killed_when_its_time_is_over(tmp_path):
    held = tmp_path / "held"
    supervisor = Supervisor([child("deaf", DEAF, held, stop_timeout_s=0.3)], logs=tmp_path)
    supervisor.start()
    assert wait_until(lambda: is_held(held), timeout_s=10)
    supervisor.stop()
    assert not is_held(held)


def test_a_process_is_out_of_reach_of_the_terminals_ctrl_c(tmp_path):
    with Supervisor([child("sleeper", SLEEPER, tmp_path / "held")], logs=tmp_path) as supervisor:
        pid = supervisor.pids()["sleeper"]
        assert os.getsid(pid) == os.getpgid(pid) == pid


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_run_until_stopped_drains_on_a_signal_and_returns(supervised, tmp_path, sent):
    process = supervised(SLEEPER)
    process.send_signal(sent)
    assert process.wait(timeout=20) == 0
    assert not is_held(tmp_path / "held")


def test_a_second_signal_ends_the_draining_at_once(tmp_path):
    code = SUPERVISED.replace("stop_timeout_s=1", "stop_timeout_s=600")
    held = tmp_path / "held"
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path, *child("deaf", DEAF, held).argv])
    assert wait_until(lambda: is_held(held), timeout_s=20)
    process.terminate()
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == 0
    assert not is_held(held)


def test_a_signal_while_it_stops_kills_at_once_and_raises_nothing(tmp_path):
    held = tmp_path / "held"
    supervisor = Supervisor([child("deaf", DEAF, held, stop_timeout_s=60)], logs=tmp_path)
    supervisor.start()
    assert wait_until(lambda: is_held(held), timeout_s=10)
    former = signal.getsignal(signal.SIGTERM)
    impatient = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGTERM])
    impatient.start()
    began = time.monotonic()
    supervisor.stop()
    assert 0.4 < time.monotonic() - began < 10
    assert not is_held(held)
    assert signal.getsignal(signal.SIGTERM) is former


def test_children_and_grandchildren_end_with_a_killed_supervisor(supervised, tmp_path):
    parent = DEAF.replace("time.sleep(60)", "") + (
        "import subprocess\n"
        f"subprocess.run([sys.executable, '-S', '-c', {SLEEPER!r}, sys.argv[1] + '-grandchild'])\n"
        "time.sleep(60)"
    )
    process = supervised(parent)
    assert wait_until(lambda: is_held(tmp_path / "held-grandchild"), timeout_s=20)
    process.kill()
    assert wait_until(lambda: not is_held(tmp_path / "held-grandchild"), timeout_s=20)
    assert wait_until(lambda: not is_held(tmp_path / "held"), timeout_s=20)


def test_a_failing_health_hook_is_reported_once_and_asked_again(tmp_path, caplog):
    asked = []

    def fail() -> None:
        asked.append(1)
        raise StackError

    with Supervisor([], logs=tmp_path, health=fail) as supervisor:
        assert wait_until(lambda: supervisor.poll() or len(asked) == 2, timeout_s=10)
    assert [record.message for record in caplog.records] == ["The one-machine stack failed."]


def test_a_program_that_does_not_exist_is_an_error_and_leaves_nothing_running(tmp_path):
    held = tmp_path / "held"
    missing = ChildSpec(name="missing", argv=(str(tmp_path / "nowhere"),))
    supervisor = Supervisor([child("sleeper", SLEEPER, held), missing], logs=tmp_path)
    with pytest.raises(ChildDidNotStartError, match="missing"):
        supervisor.start()
    assert supervisor.pids()["sleeper"] is None
    assert not is_held(held)
