"""What a worker process is told, once, by whoever starts it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from broker import Delivery
from db.states import Lane
from worker.photos.hosts import HostLimits

# What a worker's connections to the database call themselves.
WORKER_NAME = "modiste worker"
FETCH_THREADS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """`shards` are worked on at once, so that the engine never waits for a shard to be read or written.

    A photo is fetched within `fetch_deadline_s`, no byte of it waited for longer than `fetch_step_s`; `hosts` bounds
    what one photo host is asked.
    """

    database_url: str
    broker_url: str
    store_url: str
    cache: Path
    allow_hosts: tuple[str, ...] = ()
    lanes: tuple[Lane, ...] = tuple(Lane)
    engine: Literal["auto", "onnx", "onnx-int8", "torch"] = "auto"
    threads: int | None = None
    shards: int = 3
    fetch_threads: int = FETCH_THREADS
    fetch_deadline_s: float = 30.0
    fetch_step_s: float = 10.0
    hosts: HostLimits = field(default_factory=HostLimits)
    delivery: Delivery = field(default_factory=Delivery)
