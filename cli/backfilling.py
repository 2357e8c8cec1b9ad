"""A backfill from the command line: begun, seen through, begun again for what came meanwhile, its index built."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from broker import dispatch
from cli.opening import Stack
from cli.output import err
from cli.seeing_through import OwnWorker, stay, stay_for_others, unfinished
from db.backfills import begin_backfill
from db.coverage import Coverage, coverage
from db.engine import transaction
from db.gate import what_it_lacks
from db.imports import ImportStatus, import_status, photos_waiting
from db.indexes import VectorIndex, build_index, lacks_index
from db.models import model_by_name
from db.states import ImportState, ModelState

INDEX_LOOK_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfilled:
    """What a version has seen when the command ends; `imports` in the order they were followed.

    `lacks`: why it would not be activated, as `db.gate.what_it_lacks` says it.
    """

    version: str
    active: bool
    coverage: Coverage
    indexed: bool
    lacks: list[str]
    imports: list[ImportStatus]


def run_backfill(stack: Stack, version: str, *, watch: bool) -> Backfilled:
    """Has the version see what it lacks; stays, where nobody else works or `watch` is asked for, until nothing is left.

    Raises UnknownModelVersion.
    """
    with saying_what_waits(stack), OwnWorker(stack) as own:
        imports = follow_rounds(stack, own, version, watch=watch)
        stay_for_others(stack, own)
    if all(one.state is ImportState.DONE for one in imports):
        build_missing_index(stack, version)
    return standing(stack, version, imports)


def follow_rounds(stack: Stack, own: OwnWorker, version: str, *, watch: bool) -> list[ImportStatus]:
    """Round after round, as listings come in while a backfill runs; imports under way when it is through are awaited.

    Those that begin later are not: there may be no end of them. Ends when an import rests, or is left to others.
    """
    done: dict[int, ImportStatus] = {}
    awaited = False
    ids = begin(stack, version, again=True)
    while ids or not awaited:
        if unfinished(stack):
            own.start()
        if not ids:
            awaited = True
            await_others(stack, own, watch=watch)
        for import_id in ids:
            done[import_id] = stay(stack, own, import_id, watch=watch)
        if not all(status.finished for status in done.values()):
            break
        ids = begin(stack, version, again=False)
    return list(done.values())


def begin(stack: Stack, version: str, *, again: bool) -> list[int]:
    with transaction(stack.engine) as connection:
        ids = begin_backfill(connection, version, again=again)
    dispatch(stack.engine, stack.app)
    return ids


def await_others(stack: Stack, own: OwnWorker, *, watch: bool) -> None:
    """Imports that are under way: what they bring is enriched by the active version only."""
    for import_id in unfinished(stack) if own.runs or watch else ():
        err.print(f"Import {import_id} is under way; staying for it, as the new version is to see what it brings.")
        stay(stack, own, import_id, watch=watch)


def build_missing_index(stack: Stack, version: str) -> None:
    """Without it a large catalogue is compared whole for each question. Waits for whoever builds it already."""
    with transaction(stack.engine) as connection:
        wanted = VectorIndex(version_id=model_by_name(connection, version).id)
        lacks = lacks_index(connection, wanted.version_id)
    if lacks:
        err.print("Building the index of its vectors; minutes for a million.")
    while lacks:
        if not build_index(stack.engine, wanted):
            time.sleep(INDEX_LOOK_S)
        with transaction(stack.engine) as connection:
            lacks = lacks_index(connection, wanted.version_id)


def standing(stack: Stack, version: str, imports: list[ImportStatus]) -> Backfilled:
    """As it is now: of an import that was paused, a worker that stops has finished what it held."""
    with transaction(stack.engine) as connection:
        model = model_by_name(connection, version)
        return Backfilled(
            version=version,
            active=model.state is ModelState.ACTIVE,
            coverage=coverage(connection, model.id),
            indexed=model.indexed,
            lacks=what_it_lacks(connection, model),
            imports=[import_status(connection, one.id) for one in imports],
        )


@contextmanager
def saying_what_waits(stack: Stack) -> Iterator[None]:
    """Tells whoever stops a backfill that it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        with transaction(stack.engine) as connection:
            waiting = photos_waiting(connection)
        queued = f"{waiting:,} photos are queued: `modiste up`, or the same command again, goes on with them."
        err.print(f"Stopped. {queued if waiting else 'No photo is left to do.'}", soft_wrap=True)
        raise
