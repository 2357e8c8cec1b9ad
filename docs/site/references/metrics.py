"""Every metric that a process serves to Prometheus, with its kind, labels and meaning."""

from collections.abc import Iterator
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

from metrics import asking, enriching, gauges
from references.markdown import code, table
from references.markdown import page as made

OPENING = """What the processes of modiste serve to Prometheus: names are stable, units stand in them. Counts begin
anew when a process does."""
HEAD = ("metric", "kind", "labels", "what")


def page() -> str:
    parts = [
        "## Read when asked, from the database and the broker",
        table(HEAD, of_gauges()),
        "## Of the API",
        table(HEAD, counted(asking)),
        "## Of a worker",
        table(HEAD, counted(enriching)),
    ]
    return made("Metrics", OPENING, parts)


def of_gauges() -> Iterator[tuple[str, str, str, str]]:
    for gauge in vars(gauges).values():
        if isinstance(gauge, gauges.Gauge):
            yield code(gauge.name), "gauge", ", ".join(map(code, gauge.labels)), gauge.help


def counted(module: ModuleType) -> Iterator[tuple[str, str, str, str]]:
    parents = [metric for metric in vars(module).values() if isinstance(metric, MetricWrapperBase)]
    for metric in parents:
        if metric._labelvalues:  # one series of a metric that is listed whole
            continue
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield code(name), family.type, ", ".join(map(code, metric._labelnames)), family.documentation
