"""The times of delivery: how long work may be held, and when it counts as lost."""

from dataclasses import dataclass


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

    @property
    def starving_s(self) -> float:
        """A consumer that took nothing from a full queue for this long is stuck; its process ends, to be replaced."""
        return 2 * self.lease_s
