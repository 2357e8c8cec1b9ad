"""PostgreSQL's settings for the embedded server: sized for this machine, written before every start.

They stand in a file of their own that postgresql.conf includes, so what somebody sets with ALTER SYSTEM still
wins.
"""

import os
from pathlib import Path

from cli.stack.paths import POSTGRES_PORT

MB = 1024 * 1024
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def settings(*, run: Path, memory: int, shared: int) -> str:
    """The file's text for `memory` bytes of RAM and `shared` bytes in /dev/shm."""
    maintenance = maintenance_bytes(memory)
    values = {
        "listen_addresses": "''",
        "port": str(POSTGRES_PORT),
        "unix_socket_directories": f"'{run}'",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": _megabytes(max(32 * MB, min(memory // 8, 2048 * MB))),
        "effective_cache_size": _megabytes(memory // 2),
        # An HNSW graph that does not fit is built eight times slower (200,000 vectors: 462 s, not 53 s).
        "maintenance_work_mem": _megabytes(maintenance),
        # A parallel index build shares that much memory; a container's /dev/shm holds 64 MB.
        "dynamic_shared_memory_type": "posix" if shared > maintenance else "mmap",
        "max_wal_size": "'2GB'",
        "random_page_cost": "1.1",
        "jit": "off",
    }
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def maintenance_bytes(memory: int) -> int:
    """An eighth of the memory, at least 512 MB where that is at most a quarter, at most 2 GB."""
    return min(max(memory // 8, min(512 * MB, memory // 4)), 2048 * MB)


def machine_memory() -> int:
    """Bytes of RAM that this process may use: the machine's, or its container's where that is less."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no cgroup, or "max"
        return physical


def shared_memory() -> int:
    """Bytes free in /dev/shm; 0 where there is none."""
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def _megabytes(count: int) -> str:
    return f"'{count // MB}MB'"
