"""deploy/kubernetes, without a cluster: by Kubernetes' published schemas, and by what modiste and its images need."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from broker import Delivery
from cli.services import DRAIN_S
from cli.settings import Settings

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu")
# The oldest and the newest that the checker knows among those still supported when this was written.
VERSIONS = ("1.32", "1.37")
# Read by libpq as by what composes DATABASE_URL, and by botocore.
LIBPQ = {"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE"}
S3 = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
WORKERS = ("worker", "worker-gpu", "worker-interactive")
Resource = dict[str, Any]


def documents(path: Path) -> list[Resource]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def built(folder: Path) -> Iterator[Resource]:
    """What `kubectl apply -k` sends: the resources of a kustomization and of those that it names."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(kustomization) == {"apiVersion", "kind", "namespace", "labels", "resources"}
    for name in kustomization["resources"]:
        path = (folder / name).resolve()
        yield from built(path) if path.is_dir() else documents(path)


def all_resources() -> list[Resource]:
    return [resource for overlay in OVERLAYS for resource in built(FOLDER / overlay)]


def named(kind: str) -> dict[str, Resource]:
    return {resource["metadata"]["name"]: resource for resource in all_resources() if resource["kind"] == kind}


def pod_of(resource: Resource) -> Resource:
    spec: Resource = resource["spec"]["template"]["spec"]
    return spec


PROCESSES = {**named("Job"), **named("Deployment")}


@pytest.fixture(params=sorted(PROCESSES))
def process(request: pytest.FixtureRequest) -> Resource:
    return PROCESSES[request.param]


def container(process: Resource) -> Resource:
    (only,) = pod_of(process)["containers"]
    found: Resource = only
    return found


def secrets() -> dict[str, set[str]]:
    return {d["metadata"]["name"]: set(d["stringData"]) for d in documents(FOLDER / "secret.example.yaml")}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_follows_the_schema_of_its_kind(version: str) -> None:
    of_kubernetes = [r for r in all_resources() if not r["apiVersion"].startswith("keda.sh/")]
    for resource in [*of_kubernetes, *documents(FOLDER / "secret.example.yaml")]:
        kubernetes_validate.validate(resource, version, strict=True)


def test_the_check_would_see_a_mistyped_key() -> None:
    broken = {**PROCESSES["api"], "spec": {**PROCESSES["api"]["spec"], "replicaz": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replicaz"):
        kubernetes_validate.validate(broken, VERSIONS[0], strict=True)


def test_every_file_is_part_of_an_overlay_but_the_secrets() -> None:
    listed = {
        (folder / name).resolve()
        for folder in (FOLDER / name for name in ("base", *OVERLAYS))
        for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    }
    files = {path for path in FOLDER.rglob("*.yaml") if path.name not in {"kustomization.yaml", "secret.example.yaml"}}
    assert files == {path for path in listed if path.suffix}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_two_resources_of_an_overlay_share_a_name(overlay: str) -> None:
    names = [(resource["kind"], resource["metadata"]["name"]) for resource in built(FOLDER / overlay)]
    assert len(names) == len(set(names))


def test_processes_run_what_their_services_of_the_compose_file_run(process: Resource, services) -> None:
    name = process["metadata"]["name"]
    service = services["worker" if name == "worker-interactive" else name]
    assert container(process)["image"] == re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", service["image"])
    assert container(process)["args"][:1] == service["command"] if "command" in service else ["worker"]


def test_processes_are_told_what_modiste_reads_and_all_that_compose_tells_them(process: Resource, services) -> None:
    settings = set(named("ConfigMap")["modiste-settings"]["data"])
    told = {variable["name"] for variable in container(process)["env"]} | settings | secrets()["modiste-store"]
    assert told <= {field.upper() for field in Settings.model_fields} | LIBPQ | S3
    name = process["metadata"]["name"]
    by_compose = services["worker" if name.startswith("worker") else name]["environment"]
    assert set(by_compose) - {"AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} <= told


def test_settings_have_the_values_that_modiste_has_by_default() -> None:
    data = named("ConfigMap")["modiste-settings"]["data"]
    defaults = Settings.model_construct()
    assert data["MODISTE_LOG_FORMAT"] == "json"  # a cluster collects logs, and nobody reads them on a terminal
    for name, value in data.items():
        if name.startswith("MODISTE_") and name not in {"MODISTE_STORE", "MODISTE_LOG_FORMAT"}:
            default = getattr(defaults, name.lower())
            assert value == (f"{default:g}" if isinstance(default, int | float) else ""), name


def test_secrets_and_settings_that_are_named_exist(process: Resource) -> None:
    known = secrets()
    for source in container(process)["envFrom"]:
        if "configMapRef" in source:
            assert source["configMapRef"]["name"] in named("ConfigMap")
        else:
            assert source["secretRef"]["name"] in known
    for variable in container(process)["env"]:
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["key"] in known[reference["name"]]


def test_the_example_holds_no_secret() -> None:
    given = {key: value for d in documents(FOLDER / "secret.example.yaml") for key, value in d["stringData"].items()}
    assert {key for key, value in given.items() if value} == {"port", "dbname", "user", "sslmode"}


def test_the_url_of_the_database_is_made_of_variables_that_come_before_it(process: Resource) -> None:
    names = [variable["name"] for variable in container(process)["env"]]
    (url,) = [variable["value"] for variable in container(process)["env"] if variable["name"] == "DATABASE_URL"]
    used = set(re.findall(r"\$\((\w+)\)", url))
    assert used == LIBPQ
    assert used <= set(names[: names.index("DATABASE_URL")])


def test_a_pod_can_do_little_to_its_node(process: Resource) -> None:
    pod = pod_of(process)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(process)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_runs_as_the_user_of_its_image(process: Resource, stages) -> None:
    user = pod_of(process)["securityContext"]
    assert stages["base"].last("USER") == [f"{user['runAsUser']}:{user['runAsGroup']}"]


def test_a_pod_writes_where_the_image_expects_it(process: Resource) -> None:
    mounts = {mount["mountPath"]: mount["name"] for mount in container(process)["volumeMounts"]}
    assert set(mounts) == {"/scratch", "/tmp"}
    assert {volume["name"] for volume in pod_of(process)["volumes"]} == set(mounts.values())


def test_memory_is_reserved_as_far_as_it_may_be_used(process: Resource) -> None:
    resources = container(process)["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]


def test_a_gpu_belongs_to_one_process() -> None:
    limits = {name: container(p)["resources"]["limits"].get("nvidia.com/gpu") for name, p in PROCESSES.items()}
    assert {name: gpus for name, gpus in limits.items() if gpus} == {"worker-gpu": "1"}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_the_time_to_drain(name: str) -> None:
    lease_s = float(named("ConfigMap")["modiste-settings"]["data"]["MODISTE_LEASE_S"])
    drain_s = Delivery(lease_s=lease_s).drain_s
    assert pod_of(PROCESSES[name])["terminationGracePeriodSeconds"] > max(DRAIN_S, drain_s)


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_not_killed_because_the_broker_is_away(name: str) -> None:
    assert "livenessProbe" not in container(PROCESSES[name])
    assert container(PROCESSES[name])["readinessProbe"]["exec"]["command"][-1] == "worker"


def test_an_api_is_not_killed_because_the_database_is_away() -> None:
    api = container(PROCESSES["api"])
    assert api["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_probes_ask_what_the_images_health_checks_ask(stages) -> None:
    for name in ("worker", "worker-gpu"):
        command = container(PROCESSES[name])["readinessProbe"]["exec"]["command"]
        assert ["CMD", *command] == stages[name].last("HEALTHCHECK")[-1 - len(command) :]


def test_there_is_one_scheduler_at_a_time() -> None:
    spec = PROCESSES["scheduler"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_selectors_find_their_pods() -> None:
    labels = {name: process["spec"]["template"]["metadata"]["labels"] for name, process in PROCESSES.items()}
    for name, deployment in named("Deployment").items():
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    wanted = [
        named("Service")["api"]["spec"]["selector"],
        named("PodDisruptionBudget")["api"]["spec"]["selector"]["matchLabels"],
        named("NetworkPolicy")["api"]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in wanted:
        assert [name for name in labels if selector.items() <= labels[name].items()] == ["api"]


def test_ports_that_are_named_are_open() -> None:
    (port,) = container(PROCESSES["api"])["ports"]
    assert port["containerPort"] == Settings.model_fields["modiste_port"].default
    assert named("Service")["api"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert named("NetworkPolicy")["api"]["spec"]["ingress"] == [{"ports": [{"port": port["name"]}]}]


def test_who_scales_a_deployment_is_the_only_one_to_say_how_many_there_are() -> None:
    scalers = [*named("ScaledObject").values(), *named("HorizontalPodAutoscaler").values()]
    scaled = [scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers]
    assert sorted(scaled) == ["api", "worker", "worker-gpu"]
    assert not any("replicas" in PROCESSES[name]["spec"] for name in scaled)


def test_workers_are_scaled_by_postgresql_with_all_that_its_scaler_wants() -> None:
    (authentication,) = named("TriggerAuthentication").values()
    given = {entry["parameter"]: entry for entry in authentication["spec"]["secretTargetRef"]}
    assert set(given) == {"host", "port", "dbName", "userName", "password", "sslmode"}
    assert all(entry["key"] in secrets()[entry["name"]] for entry in given.values())
    for scaled in named("ScaledObject").values():
        (trigger,) = scaled["spec"]["triggers"]
        assert trigger["type"] == "postgresql"
        assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
        assert all(isinstance(value, str) for value in trigger["metadata"].values())
        assert int(trigger["metadata"]["targetQueryValue"]) > 0


def test_gpus_are_let_go_and_single_listings_still_served() -> None:
    assert named("ScaledObject")["worker-gpu"]["spec"]["minReplicaCount"] == 0
    assert container(PROCESSES["worker-interactive"])["args"] == ["worker", "--lane", "interactive"]
    assert PROCESSES["worker-interactive"]["spec"]["replicas"] >= 1


def test_who_serves_metrics_is_reached_by_prometheus_alone() -> None:
    policy = named("NetworkPolicy")["metrics"]["spec"]
    (selector,) = policy["podSelector"]["matchExpressions"]
    (rule,) = policy["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    serving = {
        name
        for name, process in PROCESSES.items()
        if "MODISTE_METRICS_PORT" in {variable["name"] for variable in container(process)["env"]}
    }
    assert serving == set(selector["values"]) == {"scheduler", *WORKERS}
    for name in serving:
        (port,) = container(PROCESSES[name])["ports"]
        told = {variable["name"]: variable.get("value") for variable in container(PROCESSES[name])["env"]}
        assert (port["name"], port["containerPort"]) == (rule["ports"][0]["port"], int(told["MODISTE_METRICS_PORT"]))
