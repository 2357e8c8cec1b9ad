"""How many cases, and where what was found is kept. `make fuzz` runs all of it; docs/fuzzing.md tells what is promised.

MODISTE_FUZZ_HTTP, MODISTE_FUZZ_PHOTOS and MODISTE_FUZZ_FEEDS are the numbers of cases; MODISTE_FUZZ_FROM names a zip
of photographs that are mutated besides the drawn ones. An input that breaks something is kept in build/fuzz.
"""

import hashlib
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase

KEPT = Path("build/fuzz")
MAX_MORE_BYTES = 3 << 29
CASE_AT_MOST_S = 60


def cases(of: str, otherwise: int) -> int:
    return int(os.environ.get(f"MODISTE_FUZZ_{of}", otherwise))


def hypothesis_settings(number: int) -> dict[str, Any]:
    """For Hypothesis' `settings`: so many cases, others at each run, and nothing kept of the last one."""
    return {
        "max_examples": number,
        "deadline": None,
        "database": None,
        "suppress_health_check": list(HealthCheck),
        "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    }


@contextmanager
def watched(data: bytes, kind: str) -> Iterator[None]:
    """A case that takes a minute has hung; the bytes of one that fails are kept under their digest."""
    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(CASE_AT_MOST_S)
    try:
        yield
    except BaseException:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
        raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def hung(*_: object) -> None:
    raise AssertionError(f"still at it after {CASE_AT_MOST_S} seconds")


@pytest.fixture
def bounded_memory() -> Iterator[None]:
    """What asks for much more than this process has gets a MemoryError, which no case may raise.

    Of data, not of addresses: each thread that reads ahead reserves 64 MB of those, which nobody uses.
    """
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + MAX_MORE_BYTES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@pytest.fixture(scope="module")
def tally() -> Iterator[dict[str, int]]:
    """Outcomes by name, printed at the end (`-s`)."""
    counts: dict[str, int] = {}
    yield counts
    total = sum(counts.values())
    print(f"\n{total:,} cases: " + ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))
