"""`modiste doctor`: what is installed, reachable, migrated and loaded, and what to do about each fault."""

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from kombu.exceptions import OperationalError as BrokerError

from broker import leases_of_workers, queue_length
from cli.coverage import say_coverage
from cli.errors import message_of
from cli.opening import Stack, open_stack
from cli.output import out, print_json
from cli.settings import Settings
from db.contents import all_contents, some_contents
from db.coverage import coverage
from db.engine import schema_revision, transaction
from db.indexes import INDEX_MEMORY, dead_indexes, lacks_index, memory_if_less
from db.migrate import head_revision
from db.models import active_model, list_models
from db.reading import missing_grants
from db.recall import last_checks
from db.recall_advice import warnings
from db.servers import (
    OLDEST_POSTGRES,
    SOUND_PGVECTOR,
    behind_a_pool,
    numbers,
    pgvector_version,
    require_new_enough,
    server_version,
)
from db.states import Lane
from store import Area, DamagedFolder, NoBucket, NotInStore, Store, StoreError
from vision.predictor import gpu_is_there
from worker.networks import open_active

MENDS_MODEL = "for a model version, its folder: modiste models register FOLDER"
MENDS_PHOTOS = "for photos, their feeds: modiste import FEED … --refetch"
PHOTOS_LOOKED_FOR = 200
UNSEEN = "not looked at, as the store cannot be used"


class Verdict(StrEnum):
    """`warning` works, but not as well as it could."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing looked at. `advice` says what to do where the verdict is not ok."""

    what: str
    verdict: Verdict
    says: str
    advice: str | None = None


def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Look for every photo in the store, not for a few.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Look at everything modiste needs and say what to do about each fault. Exit status 1 if there is one."""
    findings = list[Finding]()
    for finding in examine(Settings(), deep=deep):
        findings.append(finding)
        if not as_json:
            show(finding)  # at once: what comes next may take its time
    if as_json:
        print_json(findings)
    if any(finding.verdict is Verdict.FAULT for finding in findings):
        raise typer.Exit(1)


def show(finding: Finding) -> None:
    colour = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red"}[finding.verdict]
    out.print(f"[{colour}]{finding.verdict.value:8}[/]{finding.what:12}{finding.says}")
    if finding.advice:
        out.print(f"{'':20}→ {finding.advice}")


def examine(settings: Settings, *, deep: bool = False) -> Iterator[Finding]:
    """Each thing in turn; the later ones only where the servers answer."""
    yield installed()
    try:
        with open_stack(settings, prepare=settings.database_url is None) as stack:
            yield from look_around(stack, deep=deep)
    except Exception as error:  # noqa: BLE001 - as below
        yield failed("servers", error)


def look_around(stack: Stack, *, deep: bool) -> Iterator[Finding]:
    database = looked_at(postgres, stack)
    yield database
    if database.verdict is not Verdict.FAULT:
        yield from (looked_at(check, stack) for check in (pgvector, schema, index, recall, reader))
    yield from (looked_at(check, stack) for check in (broker, workers))
    kept = looked_at(store, stack)
    yield kept
    if database.verdict is Verdict.FAULT:
        return
    if kept.verdict is Verdict.FAULT:  # it would be waited for again by each
        yield from (Finding(what=what, verdict=Verdict.FAULT, says=UNSEEN) for what in ("model", "files"))
        return
    yield from (looked_at(check, stack) for check in (model, partial(files, deep=deep)))


def looked_at(check: Callable[[Stack], Finding], stack: Stack) -> Finding:
    try:
        return check(stack)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it is what doctor is asked to tell
        return failed(getattr(check, "__name__", "files"), error)


def failed(what: str, error: Exception) -> Finding:
    says = message_of(error) or f"{type(error).__name__}: {error}"
    return Finding(what=what, verdict=Verdict.FAULT, says=says)


def installed() -> Finding:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("onnxruntime", "celery", "sqlalchemy")]
    torch = importlib.util.find_spec("torch") is not None
    versions.append(f"torch {importlib.metadata.version('torch')}" if torch else "no torch (training and GPU need it)")
    engine = "torch on CUDA" if gpu_is_there() else "ONNX Runtime on the CPU"
    return Finding(what="installed", verdict=Verdict.OK, says=f"{', '.join(versions)}; photos run on {engine}")


def postgres(stack: Stack) -> Finding:
    with transaction(stack.engine) as connection:
        version = server_version(connection)
        pooled = behind_a_pool(connection)
        less = memory_if_less(connection) if pooled else None
    which = "embedded" if stack.pair else "yours, through a pool" if pooled else "yours"
    if numbers(version) < (OLDEST_POSTGRES,):
        advice = f"use PostgreSQL {OLDEST_POSTGRES} or newer"
        return Finding(what="postgres", verdict=Verdict.FAULT, says=f"{version} ({which})", advice=advice)
    if less is not None:
        says = f"{version} ({which}); indexes are built with its maintenance_work_mem of {less}, which is slow"
        advice = f"as a superuser: ALTER ROLE … SET maintenance_work_mem = '{INDEX_MEMORY}', for the pool's role"
        return Finding(what="postgres", verdict=Verdict.WARNING, says=says, advice=advice)
    return Finding(what="postgres", verdict=Verdict.OK, says=f"{version} ({which})")


def pgvector(stack: Stack) -> Finding:
    with transaction(stack.engine) as connection:
        require_new_enough(connection)  # says what `modiste migrate` would
        version = pgvector_version(connection)
    if version is None:
        advice = "run: modiste migrate; or as a superuser, where it may not: CREATE EXTENSION vector"
        return Finding(what="pgvector", verdict=Verdict.FAULT, says="not installed in this database", advice=advice)
    if numbers(version) < SOUND_PGVECTOR:
        advice = "upgrade to 0.8.4 or newer: VACUUM can damage an HNSW index before that"
        return Finding(what="pgvector", verdict=Verdict.WARNING, says=version, advice=advice)
    return Finding(what="pgvector", verdict=Verdict.OK, says=version)


def schema(stack: Stack) -> Finding:
    with transaction(stack.engine) as connection:
        revision = schema_revision(connection)
    if revision == head_revision():
        return Finding(what="schema", verdict=Verdict.OK, says=f"at {revision}")
    says = f"at {revision or 'nothing'}, this program needs {head_revision()}"
    return Finding(what="schema", verdict=Verdict.FAULT, says=says, advice="run: modiste migrate")


def broker(stack: Stack) -> Finding:
    try:
        waiting = {lane.value: queue_length(stack.app, lane.value) for lane in Lane}
    except (BrokerError, OSError) as error:
        advice = "check BROKER_URL and that the server runs; nothing is lost meanwhile"
        return Finding(what="broker", verdict=Verdict.FAULT, says=f"does not answer: {error}", advice=advice)
    says = ", ".join(f"{count} in {lane}" for lane, count in waiting.items())
    return Finding(what="broker", verdict=Verdict.OK, says=f"messages waiting: {says}")


def workers(stack: Stack) -> Finding:
    leases = leases_of_workers(stack.app)
    if len(set(leases.values())) > 1:
        says = ", ".join(f"{name} with a lease of {lease_s:g} s" for name, lease_s in leases.items())
        advice = "give all workers, and the scheduler, the same MODISTE_LEASE_S"
        return Finding(what="workers", verdict=Verdict.WARNING, says=says, advice=advice)
    if leases:
        return Finding(what="workers", verdict=Verdict.OK, says=", ".join(leases))
    says = "none runs now"
    if stack.pair:
        return Finding(what="workers", verdict=Verdict.OK, says=f"{says}; `modiste import` starts one as needed")
    return Finding(what="workers", verdict=Verdict.WARNING, says=says, advice="start one: modiste worker")


def store(stack: Stack) -> Finding:
    name = f"doctor-{time.time_ns()}"
    try:
        stack.store.write(Area.FEEDS, name, b"written by modiste doctor")
        stack.store.remove(Area.FEEDS, name)
    except NoBucket as error:
        advice = "create the bucket (aws s3 mb s3://BUCKET), or mend MODISTE_STORE; then run: modiste migrate"
        return Finding(what="store", verdict=Verdict.FAULT, says=str(error), advice=advice)
    except StoreError as error:
        advice = "check MODISTE_STORE, what opens it (for s3:// AWS_…), and that this machine reaches it"
        return Finding(what="store", verdict=Verdict.FAULT, says=str(error), advice=advice)
    return Finding(what="store", verdict=Verdict.OK, says=f"{stack.store.where} can be written")


def model(stack: Stack) -> Finding:
    with transaction(stack.engine) as connection:
        active = active_model(connection)
    predictor = open_active(stack.engine, stack.store, stack.settings.home / "cache", "auto")
    says = f"{active.name} is active, its golden photo agrees on {predictor.engine_name}"
    predictor.close()
    with transaction(stack.engine) as connection:
        seen = coverage(connection, active.id)
    says = f"{says}; it has seen {say_coverage(seen)}"
    if seen.lacking:
        advice = f"have it see them: modiste models backfill {active.name}"
        return Finding(what="model", verdict=Verdict.WARNING, says=says, advice=advice)
    return Finding(what="model", verdict=Verdict.OK, says=says)


def index(stack: Stack) -> Finding:
    """Whether what is noted as built is there and can answer."""
    with transaction(stack.engine) as connection:
        dead = dead_indexes(connection)
        active = [version.id for version in list_models(connection) if version.state == "active"]
        lacking = any(lacks_index(connection, version_id) for version_id in active)
    if dead:
        which = ", ".join(f"category {one.category}" if one.category else "all vectors" for one in dead[:5])
        says = f"{len(dead)} are gone or invalid ({which}): questions compare one by one, which is slow"
        advice = "a worker or the scheduler builds them again by itself; start one, and look at its log"
        return Finding(what="index", verdict=Verdict.FAULT, says=says, advice=advice)
    if lacking:
        says = "none yet: questions compare all vectors one by one"
        advice = "a worker or the scheduler builds it once no import is being worked on"
        return Finding(what="index", verdict=Verdict.WARNING, says=says, advice=advice)
    return Finding(what="index", verdict=Verdict.OK, says="what is built can answer")


def files(stack: Stack, *, deep: bool) -> Finding:
    """Whether the store has what the tables speak of: model versions, and photos, all with `deep`."""
    with transaction(stack.engine) as connection:
        versions = [version.name for version in list_models(connection) if version.state != "retired"]
    damaged = list(damaged_models(stack.store, versions))
    looked_for, lost = 0, list[str]()
    for digests in all_contents(stack.engine) if deep else [some_photos(stack)]:
        lost += [digest for digest in digests if not stack.store.has_photo(digest)]
        looked_for += len(digests)
    photos = f"all {looked_for:,} photos" if deep else f"a sample of {looked_for:,} photos"
    if not damaged and not lost:
        return Finding(what="files", verdict=Verdict.OK, says=f"model versions and {photos} are in the store")
    gone = [f"{len(lost):,} of {photos} are gone from {stack.store.where}, such as {lost[0]}"] if lost else []
    mends = [MENDS_MODEL] if damaged else []
    mends += [MENDS_PHOTOS] if lost else []
    advice = "; ".join(["is MODISTE_STORE the right one? Else restore its backup", *mends])
    return Finding(what="files", verdict=Verdict.FAULT, says=" ".join([*damaged, *gone]), advice=advice)


def damaged_models(store: Store, versions: Sequence[str]) -> Iterator[str]:
    """What is wrong with each version whose folder is not whole."""
    for name in versions:
        try:
            store.require_folder(Area.MODELS, name)
        except (NotInStore, DamagedFolder) as fault:
            yield str(fault)


def some_photos(stack: Stack) -> list[str]:
    with transaction(stack.engine) as connection:
        return some_contents(connection, PHOTOS_LOOKED_FOR)


def recall(stack: Stack) -> Finding:
    """What the last check of it says; nothing is measured here."""
    with transaction(stack.engine) as connection:
        checks = last_checks(connection, 2)
    if not checks or checks[0].recall is None:
        return Finding(what="recall", verdict=Verdict.OK, says="not measured yet; `modiste recall` does")
    last, before = checks[0], checks[1] if len(checks) > 1 else None
    says = f"{last.recall:.3f} of {last.model_version} on {last.checked_at:%Y-%m-%d}"
    said = "; ".join(warnings(last, before))
    return Finding(what="recall", verdict=Verdict.WARNING if said else Verdict.OK, says=says, advice=said or None)


def reader(stack: Stack) -> Finding:
    """The role for whoever only reads."""
    with transaction(stack.engine) as connection:
        missing = missing_grants(connection)
    if missing is None:
        advice = "as a role that may: CREATE ROLE modiste_reader; then as modiste's own: SELECT modiste.grant_reading()"
        return Finding(what="reader", verdict=Verdict.WARNING, says="there is no role modiste_reader", advice=advice)
    if missing:
        says = f"role modiste_reader lacks {', '.join(missing)}"
        return Finding(what="reader", verdict=Verdict.WARNING, says=says, advice="SELECT modiste.grant_reading()")
    return Finding(what="reader", verdict=Verdict.OK, says="role modiste_reader may ask and read")
