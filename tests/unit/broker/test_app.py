import pytest

from broker import Delivery, make_app


@pytest.mark.parametrize("lease_s", [1.0, 30.0, 600.0])
def test_heartbeat_drain_and_redelivery_agree_with_the_lease(lease_s: float) -> None:
    delivery = Delivery(lease_s=lease_s)
    assert 3 * delivery.heartbeat_s < delivery.lease_s
    assert delivery.drain_s < delivery.lease_s
    app = make_app("redis+socket:///nowhere", delivery)
    assert app.conf.broker_transport_options["visibility_timeout"] == delivery.lease_s


def test_messages_are_json_and_acknowledged_before_the_work() -> None:
    conf = make_app("redis://nowhere").conf
    assert conf.accept_content == ["json"]
    assert conf.task_acks_late is False
    assert conf.worker_disable_prefetch is True
    assert [queue.name for queue in conf.task_queues] == ["interactive", "bulk", "backfill", "planning"]
