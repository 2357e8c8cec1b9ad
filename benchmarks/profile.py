"""Where the processor time of an import goes: a table of steps, from a real worker on a real feed.

    python -m benchmarks.profile FEED --photos FOLDER_OR_ZIP [--engine onnx-int8 --model FOLDER]

An embedded stack of its own; this process plans, one worker enriches. The worker is the ordinary one, started through
this module so that its steps are timed, each by the processor time of the thread that does it; of the network that of
ONNX Runtime's own threads too. Servers are told by what the kernel counted for their processes. What is left of the
worker is all else: Celery, queues between threads, heartbeats, garbage collection, starting.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from broker import dispatch, living_workers
from cli.opening import Stack, open_stack
from cli.settings import Settings
from cli.watching import follow
from worker.cores import usable_cores
from worker.feed import open_feed
from worker.photos import open_photos
from worker.planning import Order, plan_import

CHILD = "--as-worker"
TICKS = os.sysconf("SC_CLK_TCK")
NETWORK = "network"
Spent = defaultdict[str, float]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Processor seconds by step, of `photos` that took `wall_s` from the first row to the last commit."""

    steps: dict[str, float]
    photos: int
    wall_s: float
    cores: int


def main() -> None:
    if sys.argv[1:2] == [CHILD]:
        work(Path(sys.argv[2]), sys.argv[3:])
        return
    options = parse()
    with tempfile.TemporaryDirectory(prefix="modiste-bench-") as home:
        report(profile(options, Path(home)), as_json=options.json)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("feed", type=Path, help="a feed, or a folder of photos")
    parser.add_argument("--photos", type=Path, help="folder or zip of the feed's photos")
    parser.add_argument("--model", type=Path, help="a model folder; default: the one that ships")
    parser.add_argument("--engine", default="onnx", choices=["onnx", "onnx-int8", "torch"])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def profile(options: argparse.Namespace, home: Path) -> Profile:
    given = {"modiste_model": options.model} if options.model else {}
    settings = Settings(modiste_home=home, database_url=None, broker_url=None, **given)
    with open_stack(settings) as stack:
        with worker(stack, options.engine, home / "steps.json"):
            servers = {name: cpu_of(name, home) for name in ("postgres", "valkey")}
            began, own = time.perf_counter(), time.process_time()
            with open_feed(options.feed) as feed:
                photos = open_photos(options.photos or options.feed)
                order = Order(catalogue="profile", feed_name=options.feed.name, feed=feed, photos=photos)
                import_id = plan_import(
                    stack.engine, stack.store, order, on_batch=lambda *_: dispatch(stack.engine, stack.app)
                )
            planned = time.process_time() - own
            status = follow(stack.engine, import_id)
            wall_s = time.perf_counter() - began
            spent = {f"{name} (server)": cpu_of(name, home) - before for name, before in servers.items()}
        steps = json.loads((home / "steps.json").read_text())
    return Profile(
        steps={"plan: read feed, hash and store photos": planned, **steps, **spent},
        photos=status.photos_inferred,
        wall_s=wall_s,
        cores=usable_cores(),
    )


@contextmanager
def worker(stack: Stack, engine: str, steps: Path) -> Iterator[None]:
    """A timed worker that is ready; when it has ended, `steps` is written."""
    running = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.profile", CHILD, str(steps), "worker", "--engine", engine],
        env={**os.environ, **stack.environment()},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not living_workers(stack.app):
            assert running.poll() is None, "the worker did not start"
        yield
    finally:
        running.terminate()
        running.wait()


def work(steps: Path, arguments: list[str]) -> None:
    """`modiste worker`, its steps timed."""
    spent: Spent = defaultdict(float)
    guard = threading.Lock()
    time_steps(spent, guard)
    sys.argv = ["modiste", *arguments]
    from cli.main import main as modiste

    at_first = time.process_time()
    try:
        modiste()
    finally:
        total = time.process_time() - at_first
        spent["all else in the worker"] = total - sum(spent.values())
        steps.write_text(json.dumps(dict(spent)))


def time_steps(spent: Spent, guard: threading.Lock) -> None:
    """Puts a clock around each step, where the worker looks it up."""
    import worker.enrich
    import worker.preparation
    from vision.answers import Reader
    from vision.engines.onnx import OnnxEngine

    steps: list[tuple[Any, str, str]] = [
        (worker.preparation.Preparation, "read", "read bytes out of the store"),
        (worker.preparation, "original_size", "read its header"),
        (worker.preparation, "open_photo", "decode"),
        (worker.preparation, "to_pixels", "resize, pad"),
        (worker.preparation, "fingerprint", "fingerprint"),
        (OnnxEngine, "run", NETWORK),
        (Reader, "read", "calibrate, threshold"),
        (worker.enrich, "claim", "take a shard"),
        (worker.enrich, "write_shard", "write a shard"),
    ]
    for place, name, step in steps:
        setattr(place, name, timed(getattr(place, name), step, spent, guard))


def timed(function: Callable[..., Any], step: str, spent: Spent, guard: threading.Lock) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        began, helpers = time.thread_time(), helpers_s() if step == NETWORK else 0.0
        try:
            return function(*args, **kwargs)
        finally:
            took = time.thread_time() - began
            if step == NETWORK:
                took += helpers_s() - helpers
            with guard:
                spent[step] += took

    return inner


def helpers_s() -> float:
    """Processor seconds of this process' threads that Python did not start: the engine's."""
    ours = {str(thread.native_id) for thread in threading.enumerate()}
    return sum(ticks(task / "stat")[0] for task in Path("/proc/self/task").iterdir() if task.name not in ours) / TICKS


def cpu_of(name: str, home: Path) -> float:
    """Processor seconds of the server of this name that works in `home`, and of its children, ended ones too."""
    processes = {int(path.name): path for path in Path("/proc").iterdir() if path.name.isdigit()}
    about = {}
    for pid, path in processes.items():
        try:
            about[pid] = ((path / "cmdline").read_bytes().decode(errors="replace"), *ticks(path / "stat"))
        except OSError:  # it has ended
            continue
    heads = {pid for pid, (line, *_) in about.items() if name in line.split("\0")[0] and str(home) in line}
    found = [(own, ended, pid in heads) for pid, (_, own, ended, parent) in about.items() if {pid, int(parent)} & heads]
    return sum(own + (ended if is_head else 0) for own, ended, is_head in found) / TICKS


def ticks(stat: Path) -> tuple[float, float, float]:
    """(own, of children that ended and were waited for, parent's id); zeros where it has just ended."""
    try:
        fields = stat.read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0, 0.0, 0.0
    return float(fields[11]) + float(fields[12]), float(fields[13]) + float(fields[14]), float(fields[1])


def report(found: Profile, *, as_json: bool) -> None:
    total = sum(found.steps.values())
    had = found.wall_s * found.cores
    if as_json:
        print(json.dumps(asdict(found)))
        return
    print(
        f"{found.photos:,} photos in {found.wall_s:.1f} s on {found.cores} cores: {found.photos / found.wall_s:.0f} a s"
    )
    print(f"{'step':42} {'CPU s':>7} {'ms/photo':>9} {'share':>6}")
    for step, cpu_s in sorted(found.steps.items(), key=lambda one: -one[1]):
        print(f"{step:42} {cpu_s:7.2f} {1000 * cpu_s / found.photos:9.2f} {cpu_s / total:6.1%}")
    print(f"{'together':42} {total:7.2f} {1000 * total / found.photos:9.2f}")
    idle = "cores idle, or with other processes"
    print(f"{idle:42} {had - total:7.2f} {'':9} {1 - total / had:6.1%} of the cores' time")


if __name__ == "__main__":
    main()
