"""Cores by control groups of both versions, as containers and systemd set them."""

from pathlib import Path

import pytest

from worker import cores
from worker.cores import quota_cores, usable_cores


def membership(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "membership"
    path.write_text(text)
    return path


def group(tmp_path: Path, path: str, **files: str) -> Path:
    folder = tmp_path / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")
    return tmp_path / "cgroup"


@pytest.mark.parametrize(("limit", "expected"), [("400000 100000", 4), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_containers_limit_counts_rounded_up(tmp_path: Path, limit: str, expected: int) -> None:
    mount = group(tmp_path, "", cpu__max=limit)
    assert quota_cores(mount, membership(tmp_path, "0::/\n")) == expected


def test_without_a_limit_there_is_none(tmp_path: Path) -> None:
    mount = group(tmp_path, "", cpu__max="max 100000")
    assert quota_cores(mount, membership(tmp_path, "0::/\n")) is None


def test_the_tightest_of_all_groups_above_counts(tmp_path: Path) -> None:
    group(tmp_path, "pods", cpu__max="200000 100000")
    mount = group(tmp_path, "pods/one", cpu__max="800000 100000")
    assert quota_cores(mount, membership(tmp_path, "0::/pods/one\n")) == 2


def test_a_path_told_from_the_hosts_root_is_found_at_the_mount(tmp_path: Path) -> None:
    mount = group(tmp_path, "", cpu__max="300000 100000")
    assert quota_cores(mount, membership(tmp_path, "0::/kubepods/burstable/pod7/abc\n")) == 3


def test_version_1_is_understood_too(tmp_path: Path) -> None:
    mount = group(tmp_path, "cpu/docker/x", cpu__cfs_quota_us="250000", cpu__cfs_period_us="100000")
    assert quota_cores(mount, membership(tmp_path, "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n")) == 3
    group(tmp_path, "cpu/docker/x", cpu__cfs_quota_us="-1")
    assert quota_cores(mount, membership(tmp_path, "3:cpu,cpuacct:/docker/x\n")) is None


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert quota_cores(tmp_path, tmp_path / "missing") is None


@pytest.mark.parametrize(("scheduled", "quota", "expected"), [(64, 4, 4), (2, 4, 2), (8, None, 8)])
def test_a_process_uses_what_both_scheduler_and_limit_allow(
    monkeypatch: pytest.MonkeyPatch, scheduled: int, quota: int | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "scheduled_cores", lambda: scheduled)
    monkeypatch.setattr(cores, "quota_cores", lambda: quota)
    assert usable_cores() == expected
