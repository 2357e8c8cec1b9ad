"""What a worker process is told, once, by whoever starts it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from db.states import Lane

# What a worker's connections to the database call themselves.
WORKER_NAME = "modiste worker"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """The times on which redelivery rests, derived from the lease so that they agree by construction.

    A message is acknowledged when it is received, so Redis redelivers nothing that is being worked on: the lease is
    the only redelivery. Redis' visibility timeout covers just the moment between receiving and acknowledging, and is
    as long as the lease, so that neither ever gives a shard away before the other would.
    """

    lease_s: float = 30.0
    sweep_s: float = 5.0

    @property
    def heartbeat_s(self) -> float:
        """Three heartbeats may be lost before a lease runs out."""
        return self.lease_s / 4

    @property
    def visibility_timeout_s(self) -> float:
        return self.lease_s

    @property
    def drain_s(self) -> float:
        """How long a stopping worker finishes what it holds before it gives the rest back."""
        return self.lease_s * 2 / 3

    @property
    def lost_message_s(self) -> float:
        """A shard queued this long while its lane's queue is empty has lost its message."""
        return 2 * self.sweep_s


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
