"""Serves this process' metrics to Prometheus, on a port of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, start_http_server
from prometheus_client.registry import Collector


class MetricsPortTaken(Exception):
    """The port of MODISTE_METRICS_PORT cannot be served on: each process of a machine needs its own."""


@contextmanager
def served(host: str, port: int | None, *collectors: Collector) -> Iterator[None]:
    """Serves them inside the block, with `collectors` beside what is counted; without a port nothing is served.

    Raises `MetricsPortTaken`.
    """
    if port is None:
        yield
        return
    for collector in collectors:
        REGISTRY.register(collector)
    try:
        try:
            server, thread = start_http_server(port, addr=host)
        except OSError as error:
            raise MetricsPortTaken(f"{MetricsPortTaken.__doc__} ({host}:{port}: {error})") from error
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    finally:
        for collector in collectors:
            REGISTRY.unregister(collector)
