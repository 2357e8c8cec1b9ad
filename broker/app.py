"""The Celery application: lanes, acknowledgement and patience with a broker that comes and goes.

Delivery is at most once here; the database's leases make it happen exactly once (see `broker.delivery`).
"""

from celery import Celery
from kombu.entity import Queue

from broker.delivery import Delivery
from db.states import Lane

# Beside the lanes: feeds to plan. A long one must not wait behind shards, nor shards behind it.
PLANNING = "planning"


def make_app(broker_url: str, delivery: Delivery | None = None) -> Celery:
    """An application bound to `broker_url`; it connects when it is first used."""
    delivery = delivery or Delivery()
    app = Celery("modiste", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_queues=[Queue(name) for name in (*(lane.value for lane in Lane), PLANNING)],  # type: ignore[no-untyped-call]
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
