"""A worker with one fault built in: `python sabotage.py FAULT STATE_FOLDER [arguments of modiste worker]`.

Nothing of it is in the program: the fault is put over one of its functions before it starts. `STATE_FOLDER/struck` says
afterwards that it happened, a letter a time.
"""

import errno
import hashlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FULL_DISK_S = 6.0
CLOCK_JUMP_S = 7200.0
STAY_S = 120.0


def main() -> None:
    fault, state, *arguments = sys.argv[1:]
    if fault != "none":
        FAULTS[fault](Path(state))
    from cli.main import main as modiste

    sys.argv = ["modiste", "worker", *arguments]
    modiste()


def strike(state: Path) -> None:
    with open(state / "struck", "a") as struck:
        struck.write("x")


def die(state: Path) -> None:
    strike(state)
    os.kill(os.getpid(), signal.SIGKILL)


def put_over(owner: Any, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, around(getattr(owner, name)))


def nth(call: int, fault: Callable[[], None], *, after: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """The fault comes at the `call`-th call: before it does anything, or after it did everything."""
    calls = itertools.count(1)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*values: Any, **named: Any) -> Any:
            struck = next(calls) == call
            if struck and not after:
                fault()
            result = function(*values, **named)
            if struck and after:
                fault()
            return result

        return changed

    return around


def while_fetching(state: Path) -> None:
    from worker.preparation import Preparation

    put_over(Preparation, "read", nth(60, lambda: die(state)))


def while_inferring(state: Path) -> None:
    from vision.predictor import Predictor

    put_over(Predictor, "predict", nth(5, lambda: die(state), after=True))


def before_commit(state: Path) -> None:
    from worker import enrich

    put_over(enrich, "write_shard", nth(2, lambda: die(state), after=True))


def in_transaction(state: Path) -> None:
    """Stays, with all that it has written and locked, between its last statement and the commit."""
    from worker import enrich

    def stay() -> None:
        strike(state)
        until = time.monotonic() + STAY_S
        while not (state / "go-on").exists() and time.monotonic() < until:
            time.sleep(0.05)

    put_over(enrich, "write_shard", nth(2, stay, after=True))


def after_commit(state: Path) -> None:
    from worker import enrich

    put_over(enrich, "write", nth(2, lambda: die(state), after=True))


def deaf(state: Path) -> None:
    """Stays connected and answers pings, and asks Redis for no third message."""
    from kombu.transport.redis import Channel

    asks = itertools.count(1)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*values: Any, **named: Any) -> Any:
            if next(asks) <= 2:
                return function(*values, **named)
            return strike(state)

        return ask

    put_over(Channel, "_brpop_start", around)


def full_disk(state: Path) -> None:
    """The disk is full for some seconds from the first write on."""
    from store import local

    began: list[float] = []

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def write(*values: Any, **named: Any) -> Any:
            began.append(time.monotonic())
            if began[-1] < began[0] + FULL_DISK_S:
                strike(state)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*values, **named)

        return write

    put_over(local, "_write_new", around)


def clock_jumps(state: Path) -> None:
    """Two hours on, and at once four back: as a machine whose clock is set by hand, and badly."""
    began, true_time = time.monotonic(), time.time

    def jumping() -> float:
        passed = time.monotonic() - began
        return true_time() + (0 if passed < 3 else CLOCK_JUMP_S if passed < 5 else -CLOCK_JUMP_S)

    strike(state)
    time.time = jumping


def poison(state: Path) -> None:
    """Whoever decodes one of the contents in `STATE_FOLDER/poison` dies of it, every time."""
    from worker import preparation

    poisonous = set((state / "poison").read_text().split())

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def decode(data: bytes, *values: Any, **named: Any) -> Any:
            if hashlib.sha256(data).hexdigest() in poisonous:
                die(state)
            return function(data, *values, **named)

        return decode

    put_over(preparation, "open_photo", around)


def poison_engine(state: Path) -> None:
    """As on a GPU after an illegal access: from the first batch with a poisonous content on, all calls fail."""
    from vision.predictor import Predictor
    from worker.preparation import Preparation, Prepared

    poisonous = set((state / "poison").read_text().split())
    pixels_of: set[bytes] = set()
    broken: list[bool] = []

    def around_prepare(function: Callable[..., Any]) -> Callable[..., Any]:
        def prepare(*values: Any, **named: Any) -> Any:
            prepared = function(*values, **named)
            if isinstance(prepared, Prepared) and prepared.content.sha256.hex() in poisonous:
                pixels_of.add(prepared.pixels.tobytes())
            return prepared

        return prepare

    def around_predict(function: Callable[..., Any]) -> Callable[..., Any]:
        def predict(predictor: Any, pixels: Any) -> Any:
            if not broken and any(photo.tobytes() in pixels_of for photo in pixels):
                broken.append(True)
                strike(state)
            if broken:
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            return function(predictor, pixels)

        return predict

    put_over(Preparation, "prepare", around_prepare)
    put_over(Predictor, "predict", around_predict)


FAULTS: dict[str, Callable[[Path], None]] = {
    "while-fetching": while_fetching,
    "while-inferring": while_inferring,
    "before-commit": before_commit,
    "in-transaction": in_transaction,
    "after-commit": after_commit,
    "deaf": deaf,
    "full-disk": full_disk,
    "clock-jumps": clock_jumps,
    "poison": poison,
    "poison-engine": poison_engine,
}

if __name__ == "__main__":
    main()
