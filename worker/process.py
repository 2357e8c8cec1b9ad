"""The worker process: what it opens before its first job and closes after its last.

Celery's threads pool runs it: that pool answers pings while it is busy, survives broker faults with early
acknowledgement, and never forks a process that holds a network or a GPU.
"""

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import click
from celery import Celery, signals
from celery.platforms import SecurityWarning
from sqlalchemy import Engine

from broker import ENRICH_SHARD, PLANNING, Delivery, Listener, Mouth, Watchdog, make_app, queue_length
from db.engine import open_engine, require_migrated, transaction
from db.enrichments import recognise
from db.migrate import head_revision
from db.plans import keep_plans_alive
from db.shards import keep_alive
from db.states import Lane
from store import Store
from vision.predictor import Predictor
from worker.cores import quota_cores, usable_cores
from worker.enrich import Workshop, enrich_shard
from worker.handed_in import PlanningDesk, plan_handed_in
from worker.heartbeat import Heartbeat
from worker.networks import Networks
from worker.outages import outage_told
from worker.photos.fetcher import PhotoFetcher
from worker.photos.hosts import Hosts
from worker.preparation import Preparation
from worker.readers import Readers
from worker.settings import WORKER_NAME, WorkerSettings
from worker.sweep import Sweeper

logger = logging.getLogger(__name__)

INTERACTIVE_SLOTS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """Everything a worker holds open. Made by `open_process`, let go by `close`."""

    workshop: Workshop
    desk: PlanningDesk
    sweeper: Sweeper
    fetcher: PhotoFetcher
    engines: tuple[Engine, ...]

    def close(self) -> None:
        self.sweeper.close()
        self.workshop.heartbeat.close()
        self.desk.heartbeat.close()
        for readers in self.workshop.readers.values():
            readers.close()
        self.workshop.networks.close()
        self.fetcher.close()
        for engine in self.engines:
            engine.dispose()


def open_process(settings: WorkerSettings, app: Celery) -> Process:
    """Opens all there is, the active model first: a model that does not fit stops the worker before any job."""
    store = Store.open(settings.store_url)
    work = open_engine(
        settings.database_url, application_name=WORKER_NAME, pool_size=settings.shards + INTERACTIVE_SLOTS + 3
    )
    beat = open_engine(settings.database_url, application_name="modiste heartbeat", pool_size=2)
    require_migrated(work, head_revision())
    # Without a limit the engine's own choice is better: it knows which cores share one.
    threads = settings.threads or (usable_cores() if quota_cores() else None)
    networks = Networks(
        work,
        store,
        settings.cache,
        open_network=lambda folder: Predictor.open(folder, engine=settings.engine, threads=threads),
        on_broken=partial(leave, settings.delivery),
    )
    networks.preload_active()
    hosts = Hosts(settings.hosts)
    fetcher = PhotoFetcher(
        allow_hosts=settings.allow_hosts,
        deadline_s=settings.fetch_deadline_s,
        step_timeout_s=settings.fetch_step_s,
        hosts=hosts,
    )

    def is_known(digest: bytes, model_version_id: int) -> bool:
        with transaction(work) as connection:
            return bool(recognise(connection, [digest], model_version_id))

    workshop = Workshop(
        name=f"{socket.gethostname()}:{os.getpid()}",
        engine=work,
        networks=networks,
        preparation=Preparation(
            store=store, fetcher=fetcher, is_known=is_known, decoders=settings.threads or usable_cores()
        ),
        readers={lane: open_readers(lane, settings, hosts) for lane in settings.lanes},
        heartbeat=Heartbeat(beat, settings.delivery, keep_alive),
        delivery=settings.delivery,
        stopping=threading.Event(),
    )
    desk = PlanningDesk(
        engine=work,
        app=app,
        store=store,
        heartbeat=Heartbeat(beat, settings.delivery, keep_plans_alive),
        stopping=workshop.stopping,
        lease_s=settings.delivery.lease_s,
        allow_hosts=settings.allow_hosts,
        scratch=settings.cache / "feeds",
    )
    return Process(
        workshop=workshop,
        desk=desk,
        sweeper=Sweeper(work, app, store, settings.delivery),
        fetcher=fetcher,
        engines=(work, beat),
    )


def open_readers(lane: Lane, settings: WorkerSettings, hosts: Hosts) -> Readers:
    """Each lane reads its photos with threads of its own: an interactive one never queues behind a bulk import's."""
    threads = 4 if lane is Lane.INTERACTIVE else settings.fetch_threads
    return Readers(threads, hosts=hosts, urgent=lane is Lane.INTERACTIVE, name=f"read-{lane.value}")


def run_worker(settings: WorkerSettings) -> None:
    """Serves the lanes until SIGTERM or SIGINT; then finishes what it holds, or gives it back.

    Raises what `open_process` does, before any job is taken.
    """
    app = make_app(settings.broker_url, settings.delivery)
    # Not in Celery's boot hook: it logs what a hook raises, and would go on to take jobs without a model.
    process = open_process(settings, app)
    mouth = Mouth(*(lane.value for lane in celery_lanes(settings)), slots=settings.shards)
    listeners: list[Listener] = []
    watchdogs: list[Watchdog] = []

    @app.task(name=ENRICH_SHARD)
    def enrich(shard_id: int) -> None:
        with mouth.taking():
            do_shard(process.workshop, shard_id)

    @signals.worker_ready.connect(weak=False)
    def ready(**_: object) -> None:
        listeners.extend(listen(settings, app, process))
        watchdogs.append(watch(app, settings.delivery, [mouth, *(listener.mouth for listener in listeners)]))
        logger.info("ready: %s", ", ".join(lane.value for lane in settings.lanes))

    @signals.worker_shutting_down.connect(weak=False)
    def drain(**_: object) -> None:
        process.workshop.stopping.set()
        for watchdog in watchdogs:
            watchdog.close()

    # Celery warns that root runs it; in a container that is the image's choice, and no message here is pickled.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    try:
        app.worker_main(worker_arguments(settings))
    except click.Abort:  # Celery's word for a signal that came before it was ready
        logger.info("stopped while it started")
    finally:
        for listener in listeners:
            listener.close()
        process.close()


def watch(app: Celery, delivery: Delivery, mouths: Sequence[Mouth]) -> Watchdog:
    """Ends this process where it is alive and takes no work."""
    looks = 6
    return Watchdog(
        mouths,
        waiting=partial(queue_length, app),
        on_stuck=lambda mouth: leave(delivery, f"{', '.join(mouth.queues)}: messages wait and none is taken"),
        every_s=delivery.starving_s / looks,
        looks=looks,
    )


def leave(delivery: Delivery, why: str) -> None:
    """Ends this process as a signal would, its work given back: whoever runs it starts another."""
    logger.critical("%s; this worker ends, to be replaced", why)
    # A thread of no weight, where it does not even hear the signal.
    last_resort = threading.Timer(delivery.drain_s, os._exit, [os.EX_TEMPFAIL])
    last_resort.daemon = True
    last_resort.start()
    os.kill(os.getpid(), signal.SIGTERM)


def celery_lanes(settings: WorkerSettings) -> tuple[Lane, ...]:
    """The lanes that share the Celery worker's slots: the interactive one only where it is alone.

    In the order in which messages are taken: what is backfilled waits behind all bulk work, however they were named.
    """
    return tuple(lane for lane in (Lane.BULK, Lane.BACKFILL) if lane in settings.lanes) or settings.lanes


def listen(settings: WorkerSettings, app: Celery, process: Process) -> list[Listener]:
    """Serves with slots of their own what must never wait for a slot: interactive photos, and feeds to plan."""
    listeners = []
    if Lane.INTERACTIVE not in celery_lanes(settings) and Lane.INTERACTIVE in settings.lanes:
        look = partial(do_shard, process.workshop)
        listeners.append(Listener(app, Lane.INTERACTIVE.value, slots=INTERACTIVE_SLOTS, handle=look))
    if Lane.BULK in settings.lanes:
        listeners.append(Listener(app, PLANNING, slots=1, handle=partial(do_plan, process.desk)))
    return listeners


def do_shard(workshop: Workshop, shard_id: int) -> None:
    with outage_told(f"shard {shard_id}"):
        enrich_shard(workshop, shard_id)


def do_plan(desk: PlanningDesk, import_id: int) -> None:
    with outage_told(f"planning import {import_id}"):
        plan_handed_in(desk, import_id)


def worker_arguments(settings: WorkerSettings) -> list[str]:
    return [
        "--quiet",
        "worker",
        "--pool=threads",
        f"--concurrency={settings.shards}",
        f"--queues={','.join(lane.value for lane in celery_lanes(settings))}",
        f"--hostname=modiste-{os.getpid()}@%h",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=WARNING",
    ]
