"""`GET /metrics`, and what it tells of requests: counted and timed by route template, around everything else."""

import time
from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import Engine, QueuePool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.resources import Use
from metrics import gauges
from metrics.asking import REQUEST_SECONDS, REQUESTS

# Methods are the client's to invent: a series for each that we answer, and one for all others.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    operation_id="read_metrics",
    response_class=Response,
    responses={200: {"description": "In Prometheus' text format.", "content": {"text/plain": {}}}},
)
def metrics(use: Use) -> Response:
    """Requests of this process, its pool of connections, and how the work stands; for Prometheus to scrape."""
    return Response(generate_latest(REGISTRY) + generate_latest(use.metrics), media_type=CONTENT_TYPE_LATEST)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """What is read for one application, beside what its process counts."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


class PoolCollector(Collector):
    """Connections of an engine's pool."""

    def __init__(self, engine: Engine, *, most: int) -> None:
        self._engine = engine
        self._most = most

    def collect(self) -> Iterator[Metric]:
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        yield gauges.POOL_IN_USE.reads(pool.checkedout())
        yield gauges.POOL_MOST.reads(self._most)


class Counted:
    """Pure ASGI. An answer is counted once it began, timed when it ended; a stream of events is not timed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, streams = time.perf_counter(), 500, False

        async def noting(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = message["status"]
                streams = (
                    Headers(raw=message.get("headers", [])).get("content-type", "").startswith("text/event-stream")
                )
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(method, route, status).inc()
            if not streams:
                REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - began)
