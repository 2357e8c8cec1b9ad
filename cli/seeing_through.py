"""An import from the command line, from its feed to its last photo: with a worker of its own where no other runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import Progress, TaskID

from broker import dispatch, living_workers
from cli.opening import Stack
from cli.output import err, progress
from cli.services import DRAIN_S, log_folder, supervise, worker_spec
from cli.stack.supervisor import Supervisor
from cli.watching import follow
from db.engine import is_connected, transaction
from db.imports import ImportStatus, import_status, photos_waiting, unfinished_imports
from worker.planning import Order, Tally, plan_import
from worker.settings import WORKER_NAME

Done = Callable[[ImportStatus], object]


def run_import(stack: Stack, order: Order, *, watch: bool, done: Done = lambda _: None) -> ImportStatus:
    """Plans the feed, and stays with it where nobody else works or `watch` is asked for."""
    with saying_what_stays(stack), OwnWorker(stack) as own:
        import_id = plan(stack, order, own.tend)
        return see_through(stack, own, import_id, watch=watch, done=done)


def go_on(stack: Stack, import_id: int, *, watch: bool, done: Done) -> ImportStatus:
    """The same for an import whose photos wait again: it was resumed, or its quarantine is played again."""
    with saying_what_stays(stack), OwnWorker(stack) as own:
        dispatch(stack.engine, stack.app)
        return see_through(stack, own, import_id, watch=watch, done=done)


def see_through(stack: Stack, own: "OwnWorker", import_id: int, *, watch: bool, done: Done) -> ImportStatus:
    """Stays until the import is done or rests, where nobody else works or `watch` is asked for; then calls `done`.

    What other imports have left to do is seen to after that: the worker here is the only one.
    """
    if unfinished(stack):
        own.start()
    status = stay(stack, own, import_id, watch=watch)
    done(status)
    stay_for_others(stack, own)
    return status


def stay(stack: Stack, own: "OwnWorker", import_id: int, *, watch: bool) -> ImportStatus:
    """Until the import is done or rests, where the worker is one's own or `watch` is asked for."""
    if own.runs:
        follow(stack.engine, import_id, tend=own.poll, stalled=hint(stack))
    elif watch:
        follow(stack.engine, import_id, stalled="Does a worker run? See modiste doctor.")
    with transaction(stack.engine) as connection:
        return import_status(connection, import_id)


def stay_for_others(stack: Stack, own: "OwnWorker") -> None:
    """Of an import that was stopped, or that began beside this one, nobody else would see to what is left."""
    while own.runs and (left := unfinished(stack)):
        err.print(f"Import {left[0]} has photos left to do; staying until they are done too. Ctrl-C keeps them queued.")
        follow(stack.engine, left[0], tend=own.poll, stalled=hint(stack))


def hint(stack: Stack) -> str:
    return f"See {log_folder(stack) / 'worker.log'}."


@contextmanager
def saying_what_stays(stack: Stack) -> Iterator[None]:
    """Tells whoever stops an import what was kept of it, and how to go on.

    It stands around the worker: what that finished while it stopped is not queued any more.
    """
    try:
        yield
    except KeyboardInterrupt:
        with transaction(stack.engine) as connection:
            waiting = photos_waiting(connection)
        queued = f"{waiting:,} photos are queued: `modiste up`, or the next import, goes on with them."
        err.print(
            f"Stopped. {queued if waiting else 'No photo is left to do.'} "
            "Of a feed that was not read to its end, import it again: what was read is kept.",
            soft_wrap=True,
        )
        raise


class OwnWorker:
    """A worker for the time of an import, where this is the embedded pair and no other worker runs on it."""

    def __init__(self, stack: Stack) -> None:
        self._supervisor: Supervisor | None = None
        self._stack = stack
        if stack.pair is None and not living_workers(stack.app):
            err.print("[yellow]No worker answers; the work waits in the queue.[/] Start one with `modiste worker`.")

    @property
    def runs(self) -> bool:
        return self._supervisor is not None

    def start(self) -> None:
        """Starts it, unless it runs or another does."""
        if self._stack.pair is not None and self._supervisor is None and not is_worked_on(self._stack):
            self._supervisor = supervise(self._stack, worker_spec(self._stack))
            self._supervisor.start()

    def tend(self, tally: Tally) -> None:
        """Called while the feed is read: there is work as soon as there is a photo."""
        if tally.photos:
            self.start()
        self.poll()

    def poll(self) -> None:
        """Starts it again if it died, and the servers too."""
        if self._supervisor is not None:
            self._supervisor.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._supervisor is None:
            return
        say_draining(kind)
        self._supervisor.stop()


def say_draining(kind: type[BaseException] | None, *_: object) -> None:
    """Tells a person who asked to stop why that takes a while. On the way out of what a worker stands in."""
    if kind is not None and issubclass(kind, KeyboardInterrupt):
        err.print(f"Finishing what is held, up to {DRAIN_S:.0f} s; Ctrl-C again ends at once.")


def is_worked_on(stack: Stack) -> bool:
    """Whether a worker is connected to the embedded database: a quicker answer than a ping over the broker."""
    with transaction(stack.engine) as connection:
        return is_connected(connection, WORKER_NAME)


def unfinished(stack: Stack) -> list[int]:
    with transaction(stack.engine) as connection:
        return unfinished_imports(connection)


def plan(stack: Stack, order: Order, tend: Callable[[Tally], object]) -> int:
    """Reads the feed to its end; work begins with its first batch. `tend` looks after whoever does it."""
    with progress() as bar:
        task = bar.add_task("reading the feed", total=None, says="")

        def on_batch(_: int, tally: Tally) -> None:
            dispatch(stack.engine, stack.app)
            tend(tally)
            say_rows(bar, task, tally)

        return plan_import(stack.engine, stack.store, order, on_batch=on_batch)


def say_rows(bar: Progress, task: TaskID, tally: Tally) -> None:
    bar.update(task, says=f"{sum(tally.rows.values()):,} rows, {tally.photos:,} photos to look at")
