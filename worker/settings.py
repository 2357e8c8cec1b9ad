"""What a worker process is told, once, by whoever starts it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from broker import Delivery
from db.states import Lane

# What a worker's connections to the database call themselves.
WORKER_NAME = "modiste worker"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerSettings:
    """`shards` are worked on at once, so that the engine never waits for a shard to be read or written."""

    database_url: str
    broker_url: str
    store_url: str
    cache: Path
    allow_hosts: tuple[str, ...] = ()
    lanes: tuple[Lane, ...] = tuple(Lane)
    engine: Literal["auto", "onnx", "onnx-int8", "torch"] = "auto"
    threads: int | None = None
    shards: int = 3
    fetch_threads: int = 16
    delivery: Delivery = field(default_factory=Delivery)
