"""`/metrics` of a running API: its requests by template, and how the work stands in its database."""

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from db.engine import transaction
from tests.integration.db.conftest import Shop


def series(exposed: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposed)
        for sample in family.samples
    }


def test_metrics_tell_of_requests_by_template_and_of_the_work_in_the_database(client, shop: Shop) -> None:
    shop.plan("waits-1", "waits-2", photos_per_shard=1)
    with transaction(shop.engine) as connection:
        shards = connection.scalar(text("SELECT count(*) FROM modiste.shard WHERE lane = 'bulk' AND state = 'queued'"))
    client.get("/v1/listings/999999999")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found = series(answer.text)
    asked = {"method": "GET", "route": "/v1/listings/{listing_id}", "status": "404"}
    assert found["modiste_http_requests_total", frozenset(asked.items())] >= 1
    assert found["modiste_shards_waiting", frozenset({("lane", "bulk")})] == shards >= 2
    assert found["modiste_photos_pending", frozenset({("lane", "bulk")})] >= 2
    assert found["modiste_active_model", frozenset({("version", "v1")})] == 1
    assert found["modiste_database_up", frozenset()] == 1
    assert found["modiste_queue_messages", frozenset({("queue", "bulk")})] >= 0
    assert found["modiste_pool_connections_most", frozenset()] == 20
    assert not [labels for _, labels in found if "999999999" in str(labels)]
