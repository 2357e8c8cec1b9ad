"""Alerts, dashboard and runbooks speak of metrics that exist, and of each other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics import MetricWrapperBase
from yaml import safe_load, safe_load_all

from metrics import asking, enriching, gauges

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs/many-machines.md"
PORTS = {"api": "http"}
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
SEVERITIES = {"info", "warning", "critical"}


def known() -> set[str]:
    """Every series that a process may serve."""
    counted = [m for module in (asking, enriching) for m in vars(module).values() if isinstance(m, MetricWrapperBase)]
    described = [family for metric in counted for family in metric.describe()]
    return {f.name + suffix for f in described for suffix in SUFFIXES[f.type]} | {
        gauge.name for gauge in vars(gauges).values() if isinstance(gauge, gauges.Gauge)
    }


def named(expression: str) -> set[str]:
    return set(re.findall(r"\bmodiste_\w+", expression))


def rules() -> list[dict[str, Any]]:
    loaded = safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    assert set(loaded) == {"groups"}
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def scraped() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    return found


def queries() -> Iterator[str]:
    for panel in json.loads((ROOT / "deploy/grafana/modiste.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_is_whole_and_asks_for_what_is_there(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert named(rule["expr"]) <= known()
    assert named(rule["expr"]) or "up{job=" in rule["expr"]


def test_every_alert_has_its_runbook_and_no_runbook_is_of_none() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text(), re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbooks.md#{rule['alert'].lower()}"


def test_what_vanishes_altogether_is_an_alert_too() -> None:
    """Whoever tells of a server may be away itself, and a comparison with nothing is true of nothing."""
    expressions = {rule["alert"]: rule["expr"] for rule in rules()}
    for alert, job in {"NoApi": "api", "NoWorker": "worker", "NoScheduler": "scheduler"}.items():
        assert f'absent(up{{job="modiste-{job}"}} == 1)' in expressions[alert]
    for alert, gauge in {"DatabaseDown": gauges.DATABASE_UP, "BrokerDown": gauges.BROKER_UP}.items():
        assert f"or absent({gauge.name})" in expressions[alert]


def test_workers_that_were_lost_once_wake_nobody() -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == "WorkersCrash"]
    (looks_back_min,) = re.findall(r"\[(\d+)m\]", rule["expr"])
    assert int(rule["for"].removesuffix("m")) > int(looks_back_min)
    assert rule["labels"]["severity"] == "warning"


def test_the_dashboard_asks_for_what_is_there_and_leaves_nothing_that_is_counted_out() -> None:
    asked = set().union(*map(named, queries()))
    assert asked <= known()
    counters = {name for name in known() if name.endswith("_total")}
    assert counters <= asked


def test_jobs_that_alerts_speak_of_are_scraped() -> None:
    jobs = {job["job_name"] for job in scraped()}
    text = " ".join([*queries(), *(rule["expr"] for rule in rules())])
    spoken_of = set(re.findall(r'job="([^"]+)"', text))
    assert spoken_of
    assert spoken_of <= jobs


def test_the_guides_monitors_find_every_pod_that_serves_and_name_its_job_as_alerts_do() -> None:
    (block,) = re.findall(r"```yaml\n(apiVersion: monitoring.*?)```", GUIDE.read_text(), re.DOTALL)
    serving = {"worker", "worker-gpu", "worker-interactive", "scheduler", "api"}
    jobs = dict[str, str]()
    for monitor in safe_load_all(block):
        selector = monitor["spec"]["selector"]
        names = list(selector.get("matchLabels", {}).values())
        names += [name for one in selector.get("matchExpressions", ()) for name in one["values"]]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        (rule,) = endpoint["relabelings"]
        assert rule["targetLabel"] == "job"
        for name in names:
            assert ("authorization" in endpoint, endpoint["port"]) == ((name == "api"), PORTS.get(name, "metrics"))
            found = re.fullmatch(rule.get("regex", "(.*)"), name)
            assert found
            jobs[name] = found.expand(rule["replacement"].replace("${1}", r"\1"))
    assert set(jobs) == serving
    assert jobs == {name: f"modiste-{name.split('-')[0]}" for name in serving}
    assert set(jobs.values()) == {job["job_name"] for job in scraped()}


def test_workers_of_other_hosts_are_of_the_job_that_the_alert_asks_for() -> None:
    (block,) = re.findall(r"```yaml\n(  - job_name:.*?)```", GUIDE.read_text(), re.DOTALL)
    (job,) = safe_load(block)
    assert job["job_name"] == "modiste-worker"
    told = re.findall(r"^MODISTE_METRICS_(\w+)=(.+)$", GUIDE.read_text(), re.MULTILINE)
    assert dict(told) == {"HOST": "0.0.0.0", "PORT": "9100"}
    assert "--publish 10.0.0.2:9100:9100" in GUIDE.read_text()
    assert {target for config in job["static_configs"] for target in config["targets"]} == {
        "10.0.0.2:9100", "10.0.0.3:9100",
    }  # fmt: skip


def test_what_is_scraped_are_services_that_serve_metrics(compose: dict[str, Any], services: dict[str, Any]) -> None:
    for job in scraped():
        found = [(name, config["port"]) for config in job.get("dns_sd_configs", ()) for name in config["names"]]
        for config in job.get("static_configs", ()):
            found += [(target.split(":")[0], int(target.split(":")[1])) for target in config["targets"]]
        for name, port in found:
            assert "data" in services[name]["networks"]
            serves = services[name]["environment"].get("MODISTE_METRICS_PORT", 8000)
            assert port == serves, name
    assert "data" in services["prometheus"]["networks"]
    assert "data" not in services["grafana"]["networks"], "whoever takes it over reaches figures and nothing else"
    assert set(compose["secrets"]) == {secret["source"] for secret in services["prometheus"]["secrets"]}


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_what_is_mounted_is_there_and_cannot_be_changed(services: dict[str, Any], name: str) -> None:
    mounted = [volume.split(":") for volume in services[name]["volumes"] if volume.startswith("./")]
    assert mounted
    for source, _, how in mounted:
        assert (ROOT / source).exists(), source
        assert how == "ro"


def test_the_dashboard_is_where_grafana_looks_for_it(services: dict[str, Any]) -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    (provider,) = safe_load((provisioning / "dashboards/modiste.yml").read_text())["providers"]
    (source,) = safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    targets = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/modiste.json" in targets
    assert source["url"] == "http://prometheus:9090"
    assert set(services["prometheus"]["networks"]) & set(services["grafana"]["networks"])


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads((ROOT / "deploy/grafana/modiste.json").read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
