from pathlib import Path

import pytest

from cli.stack.postgres_settings import MB, machine_memory, maintenance_bytes, settings

GB = 1024 * MB


def values(*, memory, shared=64 * GB):
    text = settings(run=Path("/srv/run"), memory=memory, shared=shared)
    return dict(line.split(" = ") for line in text.splitlines())


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(1 * GB, 256 * MB), (2 * GB, 512 * MB), (4 * GB, 512 * MB), (8 * GB, 1 * GB), (64 * GB, 2 * GB)],
)
def test_index_builds_get_an_eighth_of_the_memory_at_least_512_mb_where_it_is_there_at_most_2_gb(memory, expected):
    assert maintenance_bytes(memory) == expected


@pytest.mark.parametrize(("memory", "expected"), [(1 * GB, "'128MB'"), (8 * GB, "'1024MB'"), (64 * GB, "'2048MB'")])
def test_shared_buffers_are_an_eighth_of_the_memory_up_to_2_gb(memory, expected):
    assert values(memory=memory)["shared_buffers"] == expected


def test_a_small_dev_shm_does_not_fail_a_parallel_index_build():
    assert values(memory=8 * GB, shared=64 * MB)["dynamic_shared_memory_type"] == "mmap"
    assert values(memory=8 * GB)["dynamic_shared_memory_type"] == "posix"


def test_no_tcp_and_no_weakened_durability():
    found = values(memory=8 * GB)
    assert found["listen_addresses"] == "''"
    assert not {"fsync", "synchronous_commit", "full_page_writes"} & set(found)


def test_the_memory_of_this_machine_is_known():
    assert machine_memory() > 256 * MB
