"""Gauges that are read when somebody asks: made fresh each time, by whoever knows the values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """A gauge's name, meaning and labels."""

    name: str
    help: str
    labels: Sequence[str] = field(default=())

    def reads(self, values: Mapping[str, float] | float | None) -> GaugeMetricFamily:
        """The values by their one label, or the value where there is none; without series for None."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        if isinstance(values, Mapping):
            for label, value in values.items():
                family.add_metric([label], value)
        elif values is not None:
            family.add_metric([], values)
        return family


SHARDS_WAITING = Gauge(name="modiste_shards_waiting", help="Shards that are due and not taken.", labels=["lane"])
OLDEST_SHARD_SECONDS = Gauge(
    name="modiste_oldest_shard_seconds", help="How long the shard that is due longest has waited.", labels=["lane"]
)
SHARDS_LEASED = Gauge(name="modiste_shards_leased", help="Shards that workers hold.", labels=["lane"])
LEASES_OVERDUE = Gauge(name="modiste_leases_overdue", help="Leases that ran out and were not taken back yet.")
PHOTOS_PENDING = Gauge(name="modiste_photos_pending", help="Photos of imports under way, not done.", labels=["lane"])
PHOTOS_QUARANTINED = Gauge(name="modiste_photos_quarantined", help="Photos in quarantine.", labels=["reason"])
IMPORTS = Gauge(name="modiste_imports", help="Imports under way.", labels=["state"])
ACTIVE_MODEL = Gauge(name="modiste_active_model", help="1 for the version that answers.", labels=["version"])
RECALL = Gauge(name="modiste_recall_ratio", help="Recall of the active version's last check, over all filters.")
RECALL_CHECKED = Gauge(name="modiste_recall_checked_timestamp_seconds", help="When that check was made.")
DEAD_ROWS = Gauge(
    name="modiste_dead_rows_ratio",
    help="Dead rows of a table, of all that it holds, as statistics say.",
    labels=["table"],
)
QUEUE_MESSAGES = Gauge(name="modiste_queue_messages", help="Messages that wait in the broker.", labels=["queue"])
DATABASE_UP = Gauge(name="modiste_database_up", help="1 where the database answered when it was asked for these.")
BROKER_UP = Gauge(name="modiste_broker_up", help="1 where the broker answered when it was asked for these.")
POOL_IN_USE = Gauge(name="modiste_pool_connections_in_use", help="Database connections in use by this process.")
POOL_MOST = Gauge(name="modiste_pool_connections_most", help="Database connections that this process may use.")
