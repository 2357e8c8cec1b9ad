"""The Celery application: lanes, acknowledgement and patience with a broker that comes and goes.

Delivery is at most once here; the database's leases make it happen exactly once (see `worker.settings.Delivery`).
"""

import logging
from collections.abc import Iterable

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import ChannelError, OperationalError

from db.states import Lane
from worker.settings import Delivery

logger = logging.getLogger(__name__)

ENRICH_SHARD = "modiste.enrich_shard"


def make_app(broker_url: str, delivery: Delivery | None = None) -> Celery:
    """An application bound to `broker_url`; it connects when it is first used."""
    delivery = delivery or Delivery()
    app = Celery("modiste", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_queues=[Queue(lane.value) for lane in Lane],  # type: ignore[no-untyped-call]
        task_default_queue=Lane.BULK.value,
        task_acks_late=False,
        worker_disable_prefetch=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "queue_order_strategy": "priority",
            "visibility_timeout": delivery.visibility_timeout_s,
            "health_check_interval": 5,
            "socket_keepalive": not broker_url.startswith("redis+socket"),
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
        },
    )
    return app


def send_shards(app: Celery, shards: Iterable[tuple[int, Lane]]) -> list[int]:
    """Sends one message a shard; returns the shards whose message could not be sent."""
    waiting = list(shards)
    try:
        with app.producer_or_acquire() as producer:
            while waiting:
                shard_id, lane = waiting[0]
                app.send_task(
                    ENRICH_SHARD, kwargs={"shard_id": shard_id}, queue=lane.value, producer=producer, retry=False
                )
                waiting.pop(0)
    except (OperationalError, OSError) as error:
        logger.warning("the broker takes no messages now, they will be sent later: %s", error)
    return [shard_id for shard_id, _ in waiting]


def queue_length(app: Celery, lane: Lane) -> int:
    """How many messages wait in a lane. Raises kombu's OperationalError where the broker does not answer."""
    with app.connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        try:
            return int(connection.default_channel.queue_declare(queue=lane.value, passive=True).message_count)
        except ChannelError:
            return 0  # a queue without a message does not exist in Redis


def living_workers(app: Celery, timeout_s: float = 1.0) -> list[str]:
    """The names of the workers that answer now."""
    try:
        return sorted(name for answer in app.control.ping(timeout=timeout_s) or [] for name in answer)
    except (OperationalError, OSError):
        return []
