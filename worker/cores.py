"""How many cores this process may use: those it may be scheduled on, and no more than its control group pays for.

A container with a limit of four cores sees all of its host's; threads beyond the four only wait for their turn.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """At least one; half a core counts as one."""
    return max(1, min(scheduled_cores(), quota_cores() or scheduled_cores()))


def scheduled_cores() -> int:
    """Those of the processor set: `taskset`, `--cpuset-cpus`."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota_cores(mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> int | None:
    """The smallest limit of the process's control group and those above it, rounded up; None where there is none."""
    quotas = [quota for group in _groups(mount, membership) if (quota := _quota(group)) is not None]
    return max(1, math.ceil(min(quotas))) if quotas else None


def _groups(mount: Path, membership: Path) -> Iterator[Path]:
    """Folders of the group and its ancestors, of version 2 and of version 1's controller `cpu`."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # In a container the mount may begin at its own group, while the path is told from the host's root.
        root = mount / "cpu" if controllers else mount
        group = PurePosixPath(path.lstrip("/"))
        yield from (root / above for above in (group, *group.parents))


def _quota(group: Path) -> float | None:
    """Cores, by `cpu.max` (version 2) or `cpu.cfs_quota_us` (version 1)."""
    for read in (_version_2, _version_1):
        try:
            quota, period = read(group)
        except (OSError, ValueError):
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None


def _version_2(group: Path) -> tuple[int, int]:
    """Raises ValueError where the quota is `max`: none."""
    quota, period = (group / "cpu.max").read_text().split()
    return int(quota), int(period)


def _version_1(group: Path) -> tuple[int, int]:
    """A quota of -1 is none."""
    return int((group / "cpu.cfs_quota_us").read_text()), int((group / "cpu.cfs_period_us").read_text())
