"""Which ports of this machine are free, asked before a process is started that would die of it again and again."""

import socket

from cli.errors import UsageError

TRIES = 20


def is_free(host: str, port: int) -> bool:
    """Whether something could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def require_free(host: str, port: int) -> None:
    """Raises UsageError."""
    if not is_free(host, port):
        raise UsageError(
            f"port {port} of {host} is taken, perhaps by another modiste up; set MODISTE_PORT to one that is free"
        )


def first_free_port(host: str, port: int) -> int:
    """`port`, or the next one that is free. Raises UsageError where a good many are taken."""
    free = next((candidate for candidate in range(port, port + TRIES) if is_free(host, candidate)), None)
    if free is None:
        raise UsageError(f"no port from {port} to {port + TRIES - 1} of {host} is free; set MODISTE_PORT")
    return free
