"""`modiste up`, `worker`, `scheduler`, `migrate`, `psql`: the processes that stay, and what an operator runs once."""

import logging
import os
import signal
import subprocess
import threading
from enum import StrEnum
from typing import Annotated

import typer

from api.settings import ApiSettings
from broker import Delivery, VitalsCollector
from cli.logs import log_to_stderr
from cli.opening import Stack, open_stack, prepare_stack
from cli.output import err, out
from cli.ports import require_free
from cli.pulse import Pulse
from cli.services import address, api_spec, log_folder, scheduler_spec, supervise, worker_spec
from cli.settings import Settings
from db.engine import schema_revision, transaction
from db.imports import photos_waiting
from db.migrate import head_revision
from db.servers import behind_a_pool
from db.states import Lane
from metrics.serving import served
from worker.photos.hosts import HostLimits
from worker.settings import FETCH_THREADS, WorkerSettings
from worker.sweep import Sweeper


class EngineChoice(StrEnum):
    """How the network is run."""

    AUTO = "auto"
    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"
    TORCH = "torch"


def up() -> None:
    """Run API, worker and scheduler until Ctrl-C; what dies is started again, stopping finishes what is held."""
    settings = Settings()
    with open_stack(settings) as stack:
        api_settings(stack)  # refuses here, and not in a child that would be started again and again
        require_free(settings.modiste_host, settings.modiste_port)
        supervisor = supervise(stack, api_spec(stack), worker_spec(stack), scheduler_spec(stack))
        out.print(f"modiste is up: {address(settings)}  (HTTP: {address(settings)}docs)", soft_wrap=True)
        out.print(f"Logs: {log_folder(stack)}. SQL: modiste psql. Stop with Ctrl-C.", soft_wrap=True)
        supervisor.run_until_stopped()
        with transaction(stack.engine) as connection:
            waiting = photos_waiting(connection)
        out.print(f"Stopped. {waiting:,} photos stay queued." if waiting else "Stopped. No photo is left to do.")


def api() -> None:
    """Run the HTTP API on MODISTE_HOST and MODISTE_PORT."""
    import uvicorn

    from api.app import make_app

    own = Settings()
    log_to_stderr(own.modiste_log_format, own.modiste_log_level)
    with open_stack(own) as stack:
        settings = api_settings(stack)
        uvicorn.run(make_app(settings), host=settings.host, port=settings.port, log_level="warning")


def api_settings(stack: Stack) -> ApiSettings:
    key = stack.settings.modiste_api_key
    return ApiSettings(
        database_url=stack.database_url,
        broker_url=stack.broker_url,
        store_url=stack.settings.store_url,
        cache=stack.settings.home / "cache",
        host=stack.settings.modiste_host,
        port=stack.settings.modiste_port,
        key=key.get_secret_value() if key else None,
        max_upload_bytes=stack.settings.modiste_max_upload_mb * 2**20,
        rate_per_minute=stack.settings.modiste_rate_per_minute,
    )


def worker(
    lanes: Annotated[list[Lane] | None, typer.Option("--lane", help="Serve this lane only; may be repeated.")] = None,
    engine: Annotated[EngineChoice, typer.Option(help="auto: torch where there is a GPU, else ONNX Runtime.")] = (
        EngineChoice.AUTO
    ),
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the engine; default: all cores.")] = None,
    shards: Annotated[int, typer.Option(min=1, max=16, help="Shards worked on at once.")] = 3,
) -> None:
    """Run one worker process: takes shards from the lanes and enriches their photos. SIGTERM drains it."""
    from worker.process import run_worker

    settings = Settings()
    log_to_stderr(settings.modiste_log_format, settings.modiste_log_level)
    with (
        served(settings.modiste_metrics_host, settings.modiste_metrics_port),
        open_stack(settings, prepare=settings.database_url is None) as stack,
    ):
        run_worker(
            WorkerSettings(
                database_url=stack.database_url,
                broker_url=stack.broker_url,
                store_url=settings.store_url,
                cache=settings.home / "cache",
                allow_hosts=settings.modiste_allow_hosts,
                lanes=tuple(lanes or Lane),
                engine=engine.value,
                threads=threads,
                shards=shards,
                fetch_threads=max(FETCH_THREADS, 2 * settings.modiste_fetch_at_once),
                fetch_deadline_s=settings.modiste_fetch_deadline_s,
                hosts=HostLimits(at_once=settings.modiste_fetch_at_once, per_second=settings.modiste_fetch_per_second),
                delivery=Delivery(lease_s=settings.modiste_lease_s),
            )
        )


def scheduler() -> None:
    """Run the sweep, which sends again what the broker or a worker lost (workers do so too); measure recall daily."""
    settings = Settings()
    log_to_stderr(settings.modiste_log_format, settings.modiste_log_level)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with open_stack(settings) as stack:
        pulse = Pulse(settings.home)
        sweeper = Sweeper(
            stack.engine,
            stack.app,
            stack.store,
            Delivery(lease_s=settings.modiste_lease_s),
            recall_every_h=settings.modiste_recall_every_h,
            on_sweep=pulse.beat,
        )
        vitals = VitalsCollector(stack.engine, stack.app)
        with served(settings.modiste_metrics_host, settings.modiste_metrics_port, vitals):
            logging.getLogger(__name__).info("ready")
            stop.wait()
        sweeper.close()
        pulse.stop()


def migrate() -> None:
    """Bring the database to this version's schema, and give an empty registry its first model."""
    with open_stack(Settings(), prepare=False) as stack:
        prepare_stack(stack)
        with transaction(stack.engine) as connection:
            out.print(f"The schema stands at {schema_revision(connection)}, as this program needs ({head_revision()}).")


def psql(context: typer.Context) -> None:
    """Open psql on modiste's database; further arguments go to psql, as in -c "SELECT …" or -f FILE."""
    with open_stack(Settings()) as stack:
        program = psql_program()
        environment = {**os.environ, **search_path(stack)}
        raise typer.Exit(subprocess.call([program, stack.psql_url, *context.args], env=environment))  # noqa: S603


def search_path(stack: Stack) -> dict[str, str]:
    """Has psql find modiste's tables without their schema's name. A pool would refuse the option."""
    with transaction(stack.engine) as connection:
        if not behind_a_pool(connection):
            return {"PGOPTIONS": "-c search_path=modiste,public"}
    err.print("Through a pool: write names with their schema, as in modiste.listing.")
    return {}


def psql_program() -> str:
    """psql of the embedded PostgreSQL where it is installed, else the system's."""
    import shutil

    from cli.errors import UsageError
    from cli.stack.errors import StackError
    from cli.stack.postgres import postgres_programs

    try:
        return str(postgres_programs() / "psql")
    except StackError:
        found = shutil.which("psql")
        if found is None:
            raise UsageError("psql is not installed; any SQL client will do, on DATABASE_URL") from None
        return found
