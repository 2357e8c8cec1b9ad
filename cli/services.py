"""The processes of one machine: which there are, and how they are supervised."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cli.opening import Stack
from cli.settings import Settings
from cli.stack.child import ChildSpec
from cli.stack.supervisor import Supervisor

DRAIN_S = 40.0


def api_spec(stack: Stack) -> ChildSpec:
    return _spec(stack, "api")


def worker_spec(stack: Stack) -> ChildSpec:
    return _spec(stack, "worker")


def scheduler_spec(stack: Stack) -> ChildSpec:
    """Its metrics stand on the port behind the worker's, which has MODISTE_METRICS_PORT."""
    port = stack.settings.modiste_metrics_port
    return _spec(stack, "scheduler", {"MODISTE_METRICS_PORT": str(port + 1)} if port else {})


def _spec(stack: Stack, command: str, environment: Mapping[str, str] = MappingProxyType({})) -> ChildSpec:
    return ChildSpec(
        name=command,
        argv=(sys.executable, "-m", "cli", command),
        env={**stack.environment(), **environment},
        stop_timeout_s=DRAIN_S,
    )


def address(settings: Settings) -> str:
    """Where the pages and the HTTP API are served."""
    host = f"[{settings.modiste_host}]" if ":" in settings.modiste_host else settings.modiste_host
    return f"http://{host}:{settings.modiste_port}/"


def supervise(stack: Stack, *specs: ChildSpec) -> Supervisor:
    """Restarts what dies: the processes, and on the embedded pair the servers too."""
    health = stack.pair.ensure_running if stack.pair else None
    return Supervisor(specs, logs=log_folder(stack), health=health)


def log_folder(stack: Stack) -> Path:
    return stack.settings.home / "logs"
