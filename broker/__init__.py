"""Carries hints of work from whoever makes it to the workers: Celery over Redis. The work itself is in the tables."""

from broker.app import PLANNING, make_app
from broker.delivery import Delivery
from broker.listener import Listener
from broker.messages import ENRICH_SHARD, PLAN_IMPORT, dispatch, leases_of_workers, living_workers, queue_length
from broker.vitals import VitalsCollector
from broker.watchdog import Mouth, Watchdog

__all__ = [
    "ENRICH_SHARD",
    "PLANNING",
    "PLAN_IMPORT",
    "Delivery",
    "Listener",
    "Mouth",
    "VitalsCollector",
    "Watchdog",
    "dispatch",
    "leases_of_workers",
    "living_workers",
    "make_app",
    "queue_length",
]
